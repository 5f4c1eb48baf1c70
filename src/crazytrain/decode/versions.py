"""Versions that stand in text of any kind: prose, ``pveversion -v``, lists of packages, ``uname -a``, heads of logs, machine types.

>>> from crazytrain.model.evidence import Evidence, Kind
>>> seen = Evidence(id="mail", kind=Kind.TOLD, source="mail", data=b"Guest hangs on QEMU 2.4.0, host kernel 4.2.3.")
>>> [(one.component.name, one.number, one.micro) for one in decode_versions(seen)]
[('QEMU', (2, 4), 0), ('HOST_KERNEL', (4, 2), 3)]
"""

import itertools
import re
from collections.abc import Iterator

import msgspec

from crazytrain.decode.versions_owner import owner_of, owner_of_log
from crazytrain.decode.versions_patterns import FURTHER, PATTERNS, Pattern
from crazytrain.decode.versions_windows import windows_of
from crazytrain.model.evidence import Evidence, Kind
from crazytrain.model.facts.versions import KERNELS, Component, VersionTold

LIMIT_BYTES = 256 * 1024
MOST = 64
_LONGEST = 64
_STARTED = "starting up libvirt version"
_GREETING = re.compile(r'"qemu" ?: ?\{(?P<parts>[^{}]{10,80})\}')
_PART = re.compile(r'"(major|minor|micro)" ?: ?(\d{1,4})\b')
_NAMED_BY_ABI = re.compile(r"-\d")
_USER_NETWORK = (10, 0, 2)  # of QEMU's own user network: an address, and no version
_ENTERPRISE_MACHINE = re.compile(r"(?<![\w.])(?:pc-(?:i440fx-|q35-))?rhel(?P<major>[6-9]|10)\.(?P<minor>\d{1,2})\.\d\b")
# Which QEMU the first release of each had; the machine types of Red Hat's are named for the release.
_ENTERPRISE_QEMU = {6: (0, 12), 7: (1, 5), 8: (2, 12), 9: (6, 2), 10: (9, 1)}


def decode_versions(evidence: Evidence) -> Iterator[VersionTold]:
    """Read versions: ``VersionTold`` facts, at most ``MOST``. A kernel that is named of host or guest is not told twice.

    Only the first 256 KiB are read; of a log of QEMU what was written since it was last started.
    """
    text = evidence.data[:LIMIT_BYTES].decode("utf-8", "replace")
    begin = max(0, text.rfind("\n", 0, max(0, text.rfind(_STARTED)))) if evidence.kind is Kind.QEMU_LOG else 0
    for one in itertools.islice(_read(text, begin, _owner(evidence, text)), MOST):
        yield VersionTold(
            component=one.component,
            number=(one.parts[0], one.parts[1]),
            micro=one.parts[2] if len(one.parts) > 2 else None,
            text=one.text[:_LONGEST],
            least=one.least,
            ref=evidence.ref(text.count("\n", 0, one.start) + 1),
        )


class _Found(msgspec.Struct, frozen=True):
    """A version, and where in the text it stands."""

    start: int
    component: Component
    parts: tuple[int, ...]
    text: str
    least: bool = False


def _owner(evidence: Evidence, text: str) -> Component | None:
    """Whose kernel all of it is about, where the kind tells; ``None`` where each place has to be looked at."""
    if evidence.kind is Kind.CONSOLE:
        return Component.GUEST_KERNEL
    return owner_of_log(text) if evidence.kind is Kind.LOG_TEXT else None


def _read(text: str, begin: int, owner: Component | None) -> Iterator[_Found]:
    taken: set[int] = set()
    kernel_told = False
    words = text.lower()
    for pattern in PATTERNS:
        if pattern.word not in words or (pattern.last_resort and kernel_told):
            continue
        for match in _matches(pattern, text, begin):
            version = None if match.start("major") in taken else _version(pattern, match, owner)
            if version is not None:
                taken.add(match.start("major"))
                kernel_told = kernel_told or version.component in KERNELS
                yield version
    yield from _greetings(text, begin, words)
    yield from _enterprise_machines(text, begin, words)
    if "win" in words or "server 20" in words:
        for told in windows_of(text):
            yield _Found(told.start, Component.GUEST_WINDOWS, told.number, told.name)


def _matches(pattern: Pattern, text: str, begin: int) -> Iterator[re.Match[str]]:
    """All places of a pattern, and what goes on from them: "from 5.13 to 5.15"."""
    for match in pattern.regex.finditer(text, begin):
        yield match
        further = None if pattern.least else FURTHER.match(text, match.end())
        if further:
            yield further


def _version(pattern: Pattern, match: re.Match[str], owner: Component | None) -> _Found | None:
    parts = [int(match["major"]), int(match["minor"])]
    if not pattern.can_be(*parts):
        return None
    groups = match.groupdict()
    micro = groups.get("micro")
    if groups.get("more") and (*parts, int(micro or 0)) == _USER_NETWORK:
        return None
    text = f"{parts[0]}.{parts[1]} (machine type {match[0].strip()})" if pattern.least else _shown(match)
    by_abi = pattern.component in KERNELS and micro == "0" and _NAMED_BY_ABI.match(groups.get("rest") or "")
    if micro is not None and not by_abi:
        parts.append(int(micro))
    component = pattern.component
    if pattern.owned:
        component = owner or owner_of(match.string, match.start(), match.end())
    return _Found(match.start("major"), component, tuple(parts), text, pattern.least)


def _shown(match: re.Match[str]) -> str:
    """The number and what a distribution wrote behind it."""
    ends = (match.end(name) for name in match.re.groupindex)
    return match.string[match.start("major") : max(ends)].rstrip(".-_~+:")


def _greetings(text: str, begin: int, words: str) -> Iterator[_Found]:
    """What QMP says first: ``{"QMP": {"version": {"qemu": {"micro": 0, "minor": 2, "major": 7}, ...``."""
    for found in _GREETING.finditer(text, begin) if '"qemu"' in words else ():
        told = {name: int(number) for name, number in _PART.findall(found["parts"])}
        if {"major", "minor", "micro"} <= set(told):
            parts = (told["major"], told["minor"], told["micro"])
            yield _Found(found.start(), Component.QEMU, parts, ".".join(map(str, parts)))


def _enterprise_machines(text: str, begin: int, words: str) -> Iterator[_Found]:
    for found in _ENTERPRISE_MACHINE.finditer(text, begin) if "rhel" in words else ():
        number = _ENTERPRISE_QEMU[int(found["major"])]
        says = f"{number[0]}.{number[1]} (machine type {found[0]})"
        yield _Found(found.start(), Component.QEMU, number, says, least=True)
