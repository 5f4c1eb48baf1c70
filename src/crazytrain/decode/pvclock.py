"""PVCLOCK: kvmclock pages as they were read from guest RAM."""

from collections.abc import Iterable, Iterator

import msgspec

from crazytrain.inside.pvclock_search import page_of
from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.clock import PvclockPage, PvclockReading

_MOST_PAGES = 4096


class _Page(msgspec.Struct):
    address: int
    raw: str
    mono_ns: int = 0
    after_ns: int = 0


class _Tsc(msgspec.Struct):
    hz: float | None = None


class _Search(msgspec.Struct):
    searched_bytes: int
    uptime_ns: int
    pages: list[_Page]
    host_ns: int = 0
    tsc: _Tsc | None = None


def decode_pvclock(evidence: Evidence) -> Iterable[object]:
    """Yield one ``PvclockReading``, without pages where none was found. Raises ``ValueError`` where it is no such JSON.

    ::

        {"searched_bytes": 6291456, "skipped_bytes": 60817408, "uptime_ns": 2020000000, "pages":
         [{"address": 36864, "raw": "02000000000000003781117d13090000b1e7e40000000000b258ecc4ff010000", "mono_ns": 1}]}
    """
    try:
        search = msgspec.json.decode(evidence.data, type=_Search)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise ValueError(f"{evidence.id}: no search for kvmclock pages: {error}") from error
    yield PvclockReading(
        pages=tuple(_pages(search.pages[:_MOST_PAGES])),
        uptime_ns=search.uptime_ns,
        searched_bytes=search.searched_bytes,
        ref=evidence.ref(),
        host_ns=search.host_ns,
        tsc_hz=search.tsc.hz if search.tsc else None,
    )


def _pages(pages: Iterable[_Page]) -> Iterator[PvclockPage]:
    for page in pages:
        try:
            raw = bytes.fromhex(page.raw)
        except ValueError:
            continue
        read = page_of(raw, page.address, page.mono_ns)
        if read:
            yield msgspec.structs.replace(read, after_ns=page.after_ns)
