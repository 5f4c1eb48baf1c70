"""RAM by QEMU's monitor: ``info mtree -f`` says which regions the guest's memory is made of, ``gpa2hva`` where each lies."""

import itertools
import re
from collections.abc import Iterator, Sequence

import msgspec

from crazytrain.collect.inside_monitor import Asker, human_text
from crazytrain.model.guest_memory import RamMap, Segment, Unreadable

_MTREE = "info mtree -f"
_MOST_REGIONS, _MOST_SEGMENTS = 20_000, 512
_VIEW = re.compile(r"^FlatView #\d{1,6}[ \t]*\r?$", re.MULTILINE)
_OF_MEMORY = re.compile(r'^ AS "memory", root:', re.MULTILINE)
_REGION = re.compile(
    r"^  ([0-9a-f]{16})-([0-9a-f]{16}) \(prio -?\d{1,9}, ([^)\n]{1,40})\): ([^\n]{1,300}?)(?: @([0-9a-f]{16}))?"
    r"(?: KVM| HVF| TCG| MSHV)*[ \t]*\r?$",
    re.MULTILINE,
)
_PLACE = re.compile(r"^Host virtual address for 0x[0-9a-f]+ \([^\n]*\) is 0x([0-9a-f]{1,16})\s*$", re.MULTILINE)
# RAM of devices, and firmware: no kernel lives there. Frame buffers are large and the guest writes all of them.
_OF_DEVICES = re.compile(
    r"vram|vgamem|\bvga\b|\bvrom\b|ivshmem|\bshmem\b|\bbar\b|\bcache\b|\bppi\b|\.rom\b|\bflash|\bbios|framebuffer|vgpu",
    re.IGNORECASE,
)


class _Part(msgspec.Struct, frozen=True):
    """A stretch of one region in the flat view: from where in the region on (``offset``)."""

    address: int
    size_bytes: int
    name: str
    offset: int


async def ram_by_monitor(ask_monitor: Asker) -> RamMap:
    """Ask for the map. Raises ``Unreadable`` where the monitor does not answer, or its answers do not fit together."""
    (tree,) = await human_text(ask_monitor, (_MTREE,))
    parts = _joined(_parts(tree))
    if not parts:
        raise Unreadable("the monitor's map of memory names no RAM")
    if len(parts) > _MOST_SEGMENTS:
        raise Unreadable(f"the monitor's map has {len(parts)} pieces of RAM")
    told = await human_text(ask_monitor, tuple(f"gpa2hva {part.address:#x}" for part in parts))
    places = [_place(text) for text in told]
    _same_region_same_base(parts, places)
    found = (Segment(part.address, part.size_bytes, place) for part, place in zip(parts, places, strict=True))
    return RamMap(segments=tuple(found), how="as the monitor says")


def _parts(tree: str) -> Iterator[_Part]:
    """RAM of the view of ``memory``; what the firmware has made read-only of it (its shadow) is RAM, too."""
    regions = [found for _, found in zip(range(_MOST_REGIONS), _REGION.finditer(_view(tree)), strict=False)]
    ram = {found[4] for found in regions if found[3] in ("ram", "nv-ram")}
    for found in regions:
        start, last = int(found[1], 16), int(found[2], 16)
        if found[3] in ("ram", "nv-ram", "rom") and found[4] in ram and not _OF_DEVICES.search(found[4]):
            yield _Part(start, last + 1 - start, found[4], int(found[5] or "0", 16))


def _view(tree: str) -> str:
    heads = [*(head.start() for head in _VIEW.finditer(tree)), len(tree)]
    views = (tree[start:end] for start, end in itertools.pairwise(heads))
    return next((view for view in views if _OF_MEMORY.search(view)), "")


def _joined(parts: Iterator[_Part]) -> list[_Part]:
    """Pieces that follow each other in the guest and in their region become one."""
    joined: list[_Part] = []
    for part in parts:
        before = joined[-1] if joined else None
        if before and _follows(before, part):
            joined[-1] = msgspec.structs.replace(before, size_bytes=before.size_bytes + part.size_bytes)
        else:
            joined.append(part)
    return joined


def _follows(before: _Part, part: _Part) -> bool:
    behind = before.address + before.size_bytes, before.offset + before.size_bytes
    return before.name == part.name and behind == (part.address, part.offset)


def _place(text: str) -> int:
    found = _PLACE.search(text)
    if not found:
        raise Unreadable("the monitor does not say where RAM lies in QEMU")
    return int(found[1], 16)


def _same_region_same_base(parts: Sequence[_Part], places: Sequence[int]) -> None:
    """A region is one mapping: each of its pieces must lie as far behind its base as its offset says."""
    bases: dict[str, int] = {}
    for part, place in zip(parts, places, strict=True):
        if bases.setdefault(part.name, place - part.offset) != place - part.offset:
            raise Unreadable(f"the monitor's answers about {part.name[:60]} do not fit together")
