"""What somebody tells of the host's kernel by versions alone: the one that is bad and the one that is good are named, and no more is said.

    The guest hangs since host kernel 6.1.44. 6.1.43 works well.

A version counts only where one of its series was called a kernel before, or near it, and where no other program's name stands before it.
"""

import re
from collections.abc import Iterator

from crazytrain.model.facts.told import Stance, Topic

_SERIES = r"(?P<series>[2-7])\.\d{1,2}(?:\.(?:\d{1,3}|x|\*))?(?:-?rc\d{1,2})?"
_UNIT = r"(?! ?(?:%|[kmgt]i?b\b|[gm]hz|[gm]\b|ms\b|us\b|s\b|sec|min|hours?|days?|times|x\b|percent))"
_VERSION = re.compile(rf"(?<![\w.:/-])v?{_SERIES}(?![\w])(?!\.\d){_UNIT}")
_KERNEL = re.compile(r"\bkernels?\b|\blinux (?=v?\d)")
_OF_GUEST = re.compile(
    r"\bguests?(?:'s?)? kernels?\b|\bkernels? (?:of|in|inside) (?:the |a |its )?guests?\b"
    r"|\bguests? (?:with|running|on|of) (?:\w+ )?(?:kernels?|linux|v?\d)"
)
_PROGRAM = re.compile(
    r"\b(?:qemu\S*|libvirt\S*|pve\S*|proxmox(?: ve)?|ovmf|edk2|seabios|virtio\S*|zfs|windows|glibc|gcc|nvidia|drivers?|firmware|bios|ceph|openstack"
    r"|virtualbox|vmware|esxi?|debian|ubuntu|centos|rhel|alma\S*|rocky|fedora|machine(?: type)?|pc|q35|docker|release)"
    r"(?: version)? ?(?:\d[\w.]* (?:and|or|to) )?v?$"
)
_WELL = re.compile(
    r"\b(?:works?|worked|runs?|ran|boots?|booted|starts?|behaves?) (?:\w+ ){0,2}?"
    r"(?:fine|well|ok(?:ay)?|normal\w*|good|perfectly|correctly|reliably|again)\b"
    r"(?! (?:for (?:\w+ )?(?:hours|days|weeks|months|a while|some time)|until|till|(?:at|in the) (?:first|beginning)"
    r"|and again|from the (?:start|beginning)))"
    r"|\b(?:is|are|was|were) (?:\w+ )?(?:fine|good|ok(?:ay)?|stable|unaffected|not (?:\w+ )?affected|clean)\b|\ball (?:is|was) well\b"
    r"|\b(?:does|do|did)(?: not|n't) (?:\w+ ){0,2}(?:happen|occur|show|crash|hang|freeze|appear|(?:seem|appear) to)\b"
    r"|\bnever (?:happen\w*|occur\w*|hung|froze|crashed|saw|seen)\b|\b(?:fix(?:es|ed)|solve[sd]?|cure[sd]?|helps|helped)\b"
    r"|\bno (?:\w+ )?(?:problems?|issues?|hangs?|freezes|crash\w*|lock-?ups?|stalls?)\b|\bno such\b|\bcan(?:not|'t) (?:be )?reproduce"
    r"|\b(?:was|were) (?:the )?last (?:good|working)\b|\blast (?:good|working)\b"
)


_NOT_WELL = re.compile(
    r"\b(?:not|never|no longer|neither)\b.{0,12}\b(?:help|fix|solve|cure|work|run|boot|fine|good)|\bstill\b(?! (?:good|fine|ok|works|worked)\b)"
)


_OF_HOST = re.compile(r"\b(?:hosts?(?:'s)?|hypervisors?|nodes?|servers?|pve|proxmox)\b")
_Said = tuple[Topic, Stance, float | None]
T = Topic


class KernelVersions:
    """Remembers which series were called kernels while clauses go by."""

    def __init__(self) -> None:
        self._series: set[int] = set()
        self._guests = False
        self._qemus = False

    def whose(self, found: tuple[_Said, ...], clause: str) -> tuple[_Said, ...]:
        """What a clause says, where the one before spoke of the guest's kernel or of QEMU's version: "older ones do not" is of that."""
        guests = any(topic is T.GUEST_KERNEL for topic, _, _ in found)
        if (guests or self._guests) and not _OF_HOST.search(clause):
            found = tuple((T.GUEST_KERNEL if topic is T.HOST_KERNEL else topic, how, of) for topic, how, of in found)
        self._guests = guests
        qemus = any(topic is T.QEMU_VERSION for topic, _, _ in found)
        if self._qemus and not qemus and not guests and not _KERNEL.search(clause) and not _OF_HOST.search(clause):
            found = tuple((T.QEMU_VERSION if topic is T.HOST_KERNEL else topic, how, of) for topic, how, of in found)
        self._qemus = qemus
        return found

    def well_with(self, clause: str) -> bool:
        """Whether a clause (in lower case) tells that all is well with a version of the host's kernel.

        >>> versions = KernelVersions()
        >>> [versions.well_with(one) for one in ("it hangs since kernel 6.1.44", "6.1.43 works well", "qemu 6.2 works well")]
        [False, True, False]
        """
        if _OF_GUEST.search(clause):
            return False
        series = tuple(_named(clause))
        if _KERNEL.search(clause):
            self._series.update(series)
        known = any(abs(one - before) <= 1 for one in series for before in self._series)
        return known and _WELL.search(clause) is not None and not _NOT_WELL.search(clause)


def _named(clause: str) -> Iterator[int]:
    """The first numbers of the versions that a clause names, without those of other programs."""
    for found in _VERSION.finditer(clause):
        if not _PROGRAM.search(clause[: found.start()]):
            yield int(found["series"])
