"""A recorded case without what names the machine that it was recorded on, beyond what packing for others leaves out.

Folders of this machine become neutral ones, mounts and kernel parameters that any Linux has stay, of the kernel's log the
lines since the guest's start, and what is long and decides nothing is left out.
"""

import re
from collections.abc import Callable, Iterable, Mapping

import msgspec

from crazytrain.model import bundle
from crazytrain.model.case import Case
from crazytrain.model.evidence import Evidence, Kind
from crazytrain.store.texts import all_texts, each_text

_MOUNT_POINTS = re.compile(rb"(?m)^(?:\S+ ){4}(?!(?:/|/(?:proc|sys|dev|run|tmp)(?:/\S*)?) )\S+ .*\n?")
_PARAMETER = re.compile(
    r"(?:quiet|ro|nomodule|(?:console|mitigations|psi|panic|reboot|swiotlb|nohz\w*|isolcpus)=[\w,.]+)"
)
_BUILDER = re.compile(rb"\([^()\s]+@[^()\s]+\)")
_STAMP = re.compile(rb"\[ *(\d+)\.(\d+)\]")
# Folders that every Linux has, QEMU's object tree (/machine, /objects, /chardevs, /backend), and those of a neutral case.
_ROOTS = frozenset(
    (
        *("proc", "sys", "dev", "usr", "lib", "lib64", "bin", "sbin", "etc", "run", "tmp", "var", "boot", "home"),
        *("machine", "objects", "chardevs", "backend", "lab", "user.slice", "system.slice", "init.scope"),
    )
)
_PATH = re.compile(r"(?<![\w.:/)\]}>*%+-])/([A-Za-z_][\w.-]*)(?=/[\w.])")


def neutral(case: Case, instead: Mapping[bytes, bytes]) -> Case:
    """The same case with each of these texts replaced (the longest first), and what names the machine taken out."""
    order = sorted(instead, key=lambda text: (-len(text), text))

    def clean(data: bytes) -> bytes:
        for text in order:
            data = data.replace(text, instead[text])
        return data

    def words(text: str) -> str:
        return clean(text.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")

    bare = msgspec.structs.replace(case, guest=None, evidence=(), baseline=None, baseline_choice="")
    return msgspec.structs.replace(
        each_text(bare, words),
        guest=each_text(case.guest, words),
        evidence=tuple(_evidence(one, clean, words) for one in case.evidence),
    )


def _evidence(evidence: Evidence, clean: Callable[[bytes], bytes], words: Callable[[str], str]) -> Evidence:
    outside = each_text(msgspec.structs.replace(evidence, data=b""), words)
    return msgspec.structs.replace(outside, data=_data(evidence, clean))


def _data(evidence: Evidence, clean: Callable[[bytes], bytes]) -> bytes:
    parts = tuple(bundle.unpack(evidence.data))
    if not parts or len(bundle.pack(parts)) < len(evidence.data):
        return clean(evidence.data)  # no bundle
    since_s = evidence.mono_ns / 1e9 - 60
    return bundle.pack(_part(part, clean, since_s) for part in parts)


def _part(part: bundle.Part, clean: Callable[[bytes], bytes], since_s: float) -> bundle.Part:
    data = part.data
    if part.name.endswith("/mountinfo"):
        data = _MOUNT_POINTS.sub(b"", data)
    elif part.name == "/proc/cmdline":
        data = " ".join(word for word in part.text.split() if _PARAMETER.fullmatch(word)).encode() + b"\n"
    elif part.name == "/proc/version":
        data = _BUILDER.sub(b"(user1@host1)", data)
    elif part.name == "dmesg":
        data = b"".join(_since(data.splitlines(keepends=True), since_s))
    name = clean(part.name.encode()).decode()
    return msgspec.structs.replace(part, name=name, data=clean(data))


def _since(lines: Iterable[bytes], since_s: float) -> Iterable[bytes]:
    """Lines of the last minute: what the kernel said since it booted tells its machine, not this guest."""
    for text in lines:
        stamp = _STAMP.search(text)
        if stamp and int(stamp[1]) >= since_s:
            yield text


def strange_paths(case: Case) -> set[str]:
    """Absolute paths in a case that begin in no folder that every Linux has."""
    texts = [*all_texts(case), *(evidence.data.decode("utf-8", "replace") for evidence in case.evidence)]
    found = (path for text in texts for path in _PATH.finditer(text))
    return {f"/{path[1]}" for path in found if path[1] not in _ROOTS}


def told_in(case: Case, words: Iterable[str]) -> set[str]:
    """Which of these words stand in a case, as words of their own, in any case."""
    texts = [*all_texts(case), *(evidence.data.decode("utf-8", "replace") for evidence in case.evidence)]
    return {
        word
        for word in words
        if any(re.search(rf"(?i)(?<![A-Za-z0-9]){re.escape(word)}(?![A-Za-z0-9])", text) for text in texts)
    }


def with_guests_own(case: Case, whole: Case) -> Case:
    """A case that was packed for others, with what the guest printed and its kernel's stacks: the lab's own tell nobody's secrets."""
    own = {one.id: one for one in whole.evidence if one.kind in (Kind.CONSOLE, Kind.INSIDE)}
    return msgspec.structs.replace(case, evidence=tuple(own.get(one.id, one) for one in case.evidence))


def without(case: Case, kinds: Iterable[Kind]) -> Case:
    """The case without the data of these kinds, which say themselves that they were left out."""
    dropped = frozenset(kinds)
    return msgspec.structs.replace(case, evidence=tuple(one for one in case.evidence if one.kind not in dropped))
