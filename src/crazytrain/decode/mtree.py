"""HMP ``info mtree -f``: which region answers at each I/O port and guest-physical address."""

import re
from collections.abc import Iterable, Iterator

from crazytrain.decode.qmp_lines import Line
from crazytrain.model.facts.devices import AddressMap, Region

COMMAND = "info mtree -f"
_MOST_REGIONS = 20_000
_VIEW = re.compile(r"^FlatView #\d{1,6}[ \t]*\r?$", re.MULTILINE)
_SPACE = re.compile(r'^ AS "([^"\n]{1,100})", root:', re.MULTILINE)
_REGION = re.compile(
    r"^  ([0-9a-f]{16})-([0-9a-f]{16}) \(prio -?\d{1,9}, ([^)\n]{1,40})\): ([^\n]{1,300}?)(?: @[0-9a-f]{16})?(?: KVM| TCG)?[ \t]*\r?$",
    re.MULTILINE,
)
_PORTS, _MEMORY = "I/O", "memory"
_LAST_PORT = 0xFFFF
_DEVICES = ("i/o", "romd")  # RAM and ROM belong to nobody; a flash chip that programs itself is both
_BACKGROUND = ("io", "system")  # the containers themselves: no device answers there


def decode_mtree(line: Line, text: str) -> Iterable[AddressMap]:
    """Yield one ``AddressMap``, none where the text holds no view of memory or ports.

    Each view names the address spaces that share it. Source: QEMU, softmmu/memory.c (mtree_info). ::

        FlatView #2
         AS "I/O", root: io
         Root memory region: io
          0000000000000070-0000000000000070 (prio 0, i/o): rtc-index
          0000000000000072-000000000000007d (prio 0, i/o): io @0000000000000072
    """
    ports: list[Region] = []
    memory: list[Region] = []
    complete = seen = False
    for spaces, view in _views(text):
        regions = list(_regions(view))
        if _PORTS in spaces:
            complete = bool(regions) and regions[-1][0].last >= _LAST_PORT
            ports = [region for region, kind in regions if kind in _DEVICES]
        elif _MEMORY in spaces:
            memory = [region for region, kind in regions if kind in _DEVICES]
        seen = seen or bool(regions and spaces & {_PORTS, _MEMORY})
    if seen:
        yield AddressMap(ports=_owned(ports), memory=_owned(memory), complete=complete, refs=(line.ref,))


def _views(text: str) -> Iterator[tuple[set[str], str]]:
    heads = list(_VIEW.finditer(text))
    ends = [*(head.start() for head in heads[1:]), len(text)]
    for head, end in zip(heads, ends, strict=False):
        view = text[head.end() : end]
        yield set(_SPACE.findall(view)), view


def _regions(view: str) -> Iterator[tuple[Region, str]]:
    for number, found in enumerate(_REGION.finditer(view)):
        if number >= _MOST_REGIONS:
            return
        yield Region(int(found[1], 16), int(found[2], 16), found[4]), found[3]


def _owned(regions: list[Region]) -> tuple[Region, ...]:
    return tuple(region for region in regions if region.name not in _BACKGROUND)
