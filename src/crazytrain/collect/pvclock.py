"""The guest's kvmclock pages, read out of its RAM while it runs. The guest is not stopped and cannot notice."""

import errno
import re
from collections.abc import Awaitable, Callable, Iterator

import msgspec

from crazytrain.collect.inside_monitor import asker
from crazytrain.collect.inside_ram import find_ram_map
from crazytrain.collect.inside_ram_maps import mapped_in, ram_by_mappings
from crazytrain.collect.look import Collector, Look
from crazytrain.collect.ram import present_runs, read_ram, segment_at
from crazytrain.collect.same import gone, still_same
from crazytrain.host.door import Host, outcome_of
from crazytrain.inside.pvclock_search import PAGE_BYTES as CLOCK_BYTES
from crazytrain.inside.pvclock_search import Believed, Candidate, Here, believe, candidates
from crazytrain.model.evidence import Cost, Evidence, Kind, Outcome
from crazytrain.model.guest import Accelerator
from crazytrain.model.guest_memory import PAGE_BYTES, RamMap, Segment, Unreadable

_BLOCK_BYTES = 2 << 20
_HEAD_BYTES = 4 * PAGE_BYTES
_CHUNK_BYTES = 1 << 20
_MOST_BYTES = 96 << 20
_MAPS_LIMIT_BYTES = 8 << 20
_MOST_NS = 1_500_000_000
_PATIENCE_S = 4.0
_TRIES = 8
_APART_NS = 100_000_000
_MOST_CHANGES = 256
_MOST_PAGES = 64
_BOGOMIPS = re.compile(rb"^bogomips\s*:\s*([\d.]{1,12})$", re.MULTILINE)
_NAMED_GHZ = re.compile(rb"^model name\s*:.*@ ([\d.]{1,8})GHz", re.MULTILINE)
_MHZ = re.compile(rb"^cpu MHz\s*:\s*([\d.]{1,12})$", re.MULTILINE)


class HostTsc(msgspec.Struct, frozen=True):
    """The frequency of the host's TSC and where it is known from."""

    hz: float | None
    known_by: str


class RawPage(msgspec.Struct, frozen=True):
    """A kvmclock page as it was read: guest-physical address, 32 bytes in hex, when; the last look before at which it differed."""

    address: int
    raw: str
    mono_ns: int
    after_ns: int = 0


class Search(msgspec.Struct, frozen=True, kw_only=True):
    """The evidence. ``why`` the pages are believed; ``stopped`` is what ended the search."""

    searched_bytes: int
    skipped_bytes: int
    uptime_ns: int
    host_ns: int
    ram: RamMap
    tsc: HostTsc
    pages: tuple[RawPage, ...]
    why: str = ""
    stopped: str = ""


async def collect_pvclock(look: Look) -> None:
    """Keep ``pvclock.0`` (the search) and ``pvclock.1`` (the pages found: each as often as it changed, and at the window's end)."""
    if look.light:
        return
    if look.guest.accelerator is not Accelerator.KVM:
        detail = f"the guest runs on {look.guest.accelerator.value}: only KVM writes a kvmclock"
        look.keep(_evidence(look, 0, Outcome.ABSENT, detail))
        return
    first = await _keep(look, 0, lambda: _searched(look))
    if first is not None and first.pages:
        changed = await _watched(look, first)
        await look.host.sleep_until(look.end_ns)
        await _keep(look, 1, lambda: look.host.patiently(lambda: _again(look, first, changed), _PATIENCE_S))


async def _watched(look: Look, first: Search) -> tuple[RawPage, ...]:
    """Look at the pages over and over until the window ends, and keep each change; what cannot be read ends it early."""
    host = look.host
    known = {page.address: page for page in first.pages}
    changes: list[RawPage] = []
    apart_ns = _APART_NS * (1 + len(first.pages) // 8)
    moment_ns = host.mono_ns() + apart_ns
    while moment_ns + apart_ns < look.end_ns and len(changes) < _MOST_CHANGES:
        await host.sleep_until(moment_ns)
        moment_ns = host.mono_ns() + apart_ns
        try:
            seen = await host.patiently(lambda: _seen_now(look, first), _PATIENCE_S)
        except OSError:
            break
        for page in seen:
            before = known[page.address]
            if page.raw != before.raw:
                changes.append(msgspec.structs.replace(page, after_ns=before.mono_ns))
            known[page.address] = page
    return tuple(changes)


def _seen_now(look: Look, first: Search) -> tuple[RawPage, ...]:
    if not still_same(look.host, look.guest.process):
        raise ProcessLookupError(errno.ESRCH, "the process has ended")
    return tuple(page for one in first.pages if (page := _stable(look, first.ram, one.address)))


async def _keep(look: Look, number: int, read: Callable[[], Awaitable[Search]]) -> Search | None:
    """Read, and keep what came of it."""
    if not still_same(look.host, look.guest.process):
        look.keep(gone(look, f"pvclock.{number}", Kind.PVCLOCK))
        return None
    begin_ns = look.host.mono_ns()
    try:
        found = await read()
    except PermissionError:
        detail = "reading the guest's memory needs CAP_SYS_PTRACE (be root)"
        look.keep(_evidence(look, number, Outcome.DENIED, detail, begin_ns=begin_ns))
        return None
    except OSError as error:
        look.keep(_evidence(look, number, *outcome_of(error), begin_ns=begin_ns))
        return None
    except Unreadable as error:
        look.keep(_evidence(look, number, Outcome.ABSENT, str(error), begin_ns=begin_ns))
        return None
    look.keep(_evidence(look, number, Outcome.OK, "", data=msgspec.json.encode(found) + b"\n", begin_ns=begin_ns))
    return found


def _evidence(
    look: Look, number: int, outcome: Outcome, detail: str, *, data: bytes = b"", begin_ns: int | None = None
) -> Evidence:
    now_ns = look.host.mono_ns()
    begin_ns = now_ns if begin_ns is None else begin_ns
    return Evidence(
        id=f"pvclock.{number}",
        kind=Kind.PVCLOCK,
        source=f"/proc/{look.guest.pid}/mem",
        outcome=outcome,
        detail=detail,
        data=data,
        mono_ns=begin_ns,
        wall_ns=look.host.wall_ns() - (now_ns - begin_ns),
        took_ns=now_ns - begin_ns,
    )


async def _searched(look: Look) -> Search:
    """Search in a thread with patience, for memory may be slow to come. Raises ``Unreadable`` or ``OSError``."""
    ram = await _ram(look)
    return await look.host.patiently(lambda: _hunted(look, ram), _PATIENCE_S)


async def _ram(look: Look) -> RamMap:
    """Where RAM lies, by the mappings; the monitor is asked only where they do not tell, and where it may be."""
    host, guest = look.host, look.guest
    maps = await host.patiently(lambda: host.read(f"/proc/{guest.pid}/maps", _MAPS_LIMIT_BYTES), _PATIENCE_S)
    try:
        return ram_by_mappings(guest, mapped_in(maps))
    except Unreadable:
        if not look.ceiling.allows(Cost.SAMPLES):
            raise
    return await find_ram_map(host, guest, asker(host, guest))


def _hunted(look: Look, ram: RamMap) -> Search:
    host, guest = look.host, look.guest
    tsc, host_ns = _host_tsc(host), _host_uptime_ns(host)
    here = Here(tsc_hz=tsc.hz, guest_ns=_uptime_ns(look), host_ns=host_ns)
    hunt = _Hunt(host, guest.pid, ram)
    believed = hunt.run(lambda found: believe(found, here))
    now_ns = host.mono_ns()
    return Search(
        searched_bytes=hunt.searched_bytes,
        skipped_bytes=ram.size_bytes - hunt.searched_bytes,
        uptime_ns=here.guest_ns,
        host_ns=host_ns,
        ram=ram,
        tsc=tsc,
        pages=tuple(RawPage(page.address, page.raw.hex(), now_ns) for page in believed.pages[:_MOST_PAGES]),
        why=believed.why,
        stopped=hunt.stopped,
    )


def _again(look: Look, first: Search, changed: tuple[RawPage, ...]) -> Search:
    """Read the pages that were found once more; those that had changed before stand ahead of them."""
    last = {page.address: page for page in (*first.pages, *changed)}
    now = (_stable(look, first.ram, page.address) for page in first.pages)
    read = (page and msgspec.structs.replace(page, after_ns=_since(last[page.address], page)) for page in now)
    return msgspec.structs.replace(
        first,
        searched_bytes=len(first.pages) * CLOCK_BYTES,
        skipped_bytes=0,
        uptime_ns=_uptime_ns(look),
        host_ns=_host_uptime_ns(look.host),
        pages=(*changed, *(page for page in read if page)),
        stopped="only the pages found before were read",
    )


def _since(before: RawPage, now: RawPage) -> int:
    """The last look at which the page was not yet as it is now."""
    return before.after_ns if before.raw == now.raw else before.mono_ns


def _stable(look: Look, ram: RamMap, address: int) -> RawPage | None:
    """Read one page between two writes of KVM: its version is even and stays. ``None`` where that never was."""
    segment = segment_at(ram, address)
    if segment is None:
        return None
    for _ in range(_TRIES):
        raw = read_ram(look.host, look.guest.pid, segment, address, CLOCK_BYTES)
        again = read_ram(look.host, look.guest.pid, segment, address, 4)
        if len(raw) == CLOCK_BYTES and raw[0] % 2 == 0 and raw[:4] == again:
            return RawPage(address, raw.hex(), look.host.mono_ns())
    return None


class _Hunt:
    """A search within bounds: first where Linux keeps its pages, then low memory."""

    def __init__(self, host: Host, pid: int, ram: RamMap) -> None:
        self.host = host
        self.pid = pid
        self.ram = ram
        self.until_ns = host.mono_ns() + _MOST_NS
        self.searched_bytes = 0
        self.stopped = ""

    def run(self, judge: Callable[[list[Candidate]], Believed]) -> Believed:
        """Search where Linux keeps its pages; if there are none that ``judge`` believes, search low memory.

        The kernel's image lies at a multiple of 2 MiB, and so does its section .bss..decrypted, which begins with the
        clock pages (since Linux 4.20, with CONFIG_AMD_MEM_ENCRYPT, as distributions set it): so the first pages of each
        2 MiB come first, all over RAM. Older kernels use low memory; the firmware leaves a page behind there, too, so
        the first one that is found does not end the search.
        """
        believed = judge([one for found in self._heads() for one in found])
        if not believed.pages:
            believed = judge([one for found in self._blocks() for one in found])
        return believed

    def _heads(self) -> Iterator[list[Candidate]]:
        for segment, address in self._all_blocks():
            if self._is_over():
                return
            yield self._search(segment, address, _HEAD_BYTES)
        self.stopped = f"the first {_HEAD_BYTES >> 10} KiB of each {_BLOCK_BYTES >> 20} MiB were searched"

    def _blocks(self) -> Iterator[list[Candidate]]:
        self.searched_bytes, self.stopped = 0, ""
        for segment, address in self._all_blocks():
            if self._is_over():
                return
            yield self._search(segment, address, _BLOCK_BYTES)
        self.stopped = "all that is in memory was searched"

    def _all_blocks(self) -> Iterator[tuple[Segment, int]]:
        for segment in self.ram.segments:
            for address in range(segment.address, segment.address + segment.size_bytes, _BLOCK_BYTES):
                yield segment, address

    def _is_over(self) -> bool:
        if self.host.mono_ns() > self.until_ns:
            self.stopped = f"the time for it was over ({_MOST_NS / 1e9:g} s)"
        elif self.searched_bytes >= _MOST_BYTES:
            self.stopped = f"{_MOST_BYTES >> 20} MiB were searched"
        return bool(self.stopped)

    def _search(self, segment: Segment, address: int, length: int) -> list[Candidate]:
        found: list[Candidate] = []
        for start, size in present_runs(self.host, self.pid, segment, address, length):
            for at in range(start, start + size, _CHUNK_BYTES):
                data = read_ram(self.host, self.pid, segment, at, min(_CHUNK_BYTES, start + size - at))
                self.searched_bytes += len(data)
                found += candidates(data, at)
        return found


def _uptime_ns(look: Look) -> int:
    """How long the QEMU process lives, by the clock that runs on while the host sleeps."""
    started_ns = look.guest.process.start_ticks * 10**9 // look.host.ticks_per_s()
    return max(0, _host_uptime_ns(look.host) - started_ns)


def _host_uptime_ns(host: Host) -> int:
    return round(float(host.read("/proc/uptime", 64).split()[0]) * 100) * 10**7


def _host_tsc(host: Host) -> HostTsc:
    """The TSC's frequency: bogomips is twice it on x86; what the CPU is named after; how fast it runs just now."""
    try:
        cpuinfo = host.read("/proc/cpuinfo", 8192)
    except OSError:
        return HostTsc(None, "")
    for pattern, factor, known_by in (
        (_BOGOMIPS, 0.5e6, "bogomips"),
        (_NAMED_GHZ, 1e9, "model name"),
        (_MHZ, 1e6, "cpu MHz"),
    ):
        found = pattern.search(cpuinfo)
        if found and found[1].count(b".") <= 1 and float(found[1]) > 0:
            return HostTsc(float(found[1]) * factor, known_by)
    return HostTsc(None, "")


COLLECTOR = Collector(name="pvclock", cost=Cost.READS, timeout_s=5.0, limit_bytes=1 << 20, run=collect_pvclock)
