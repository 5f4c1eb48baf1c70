"""What the kernel counts for us: system calls by thread and descriptor, timeouts of event loops, and KVM's tracepoints.

One bpftrace counts for a guest and for the one that it is compared with. Their case gets the same lines of bpftrace, after
a line of ours that says whose entries count there.
"""

import re
from collections.abc import Sequence

import msgspec

from crazytrain.collect.bpf_kvm import ONE_IN
from crazytrain.collect.bpf_program import LEAST_NS, MOST_KEYS, OVER, Program, Wish, events_wanted, write_program
from crazytrain.collect.bpf_refusal import AS_ROOT, complaint, denied, ended, refusal
from crazytrain.collect.look import Collector, Look
from crazytrain.collect.same import gone, still_same
from crazytrain.collect.trace_events import find_events
from crazytrain.host.door import Finished, Host
from crazytrain.model.evidence import Cost, Evidence, Kind, Outcome
from crazytrain.model.guest import Accelerator

_NAME = "bpf"
_PART = 0.4
_AT_LEAST_S = 1.5
_BEYOND_S = 20.0  # attaching takes 0.4 s and detaching 1 s on a quiet host
_OVERTIME_S = 10.0 + LEAST_NS / 1e9
_LIMIT_BYTES = 16 << 20
_CPU_NS = 300_000_000  # bpftrace's: it compiles its program
_HEADER_BYTES = 64
_MACHINES = {3: "i386", 62: "x86_64", 183: "aarch64"}  # e_machine of elf.h
_COUNTED = re.compile(rb'\{"type": ?"(?:map|stats)"')
_OVER_LINE = f'"{OVER}\\n"}}'.encode()


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """Our line before those of bpftrace: whose entries count, and what could not be counted."""

    pid: int
    arch: str
    kvm: bool
    left_out: tuple[str, ...] = ()
    full: tuple[str, ...] = ()
    kvm_events: int = 0
    one_in: int = ONE_IN


class _HeaderLine(msgspec.Struct, frozen=True, kw_only=True):
    type: str = "crazytrain"
    data: Header


class _Trace(msgspec.Struct, frozen=True, kw_only=True):
    """How one run of bpftrace ended: what evidence for each guest is made of."""

    mono_ns: int
    wall_ns: int
    told: Finished
    left_out: tuple[str, ...] = ()
    kvm_events: int = 0


async def collect_bpf(look: Look) -> None:
    """Keep ``bpf`` for the guest and for its sibling. A guest that is only compared with is the other look's affair."""
    if look.light:
        return
    looks = (look, *((look.sibling,) if look.sibling else ()), *look.others)
    alive = tuple(one for one in looks if still_same(look.host, one.guest.process))
    for one in looks:
        if one not in alive:
            one.keep(gone(one, _NAME, Kind.BPF))
    if not alive:
        return
    trace = await _traced(look.host, alive, counts_until_ns(look))
    for one in alive:
        one.keep(_evidence(one, trace, started_it=one is look))


def counts_until_ns(look: Look) -> int:
    """When counting ends: after ``_PART`` of the window, or ``_AT_LEAST_S`` where the window has that.

    A guest that leaves guest mode 100,000 times a second pays some percent of its speed while its exits are counted, and
    rates of that size are known after a second. (Measured: bench/overhead.)
    """
    window_ns = look.end_ns - look.start_ns
    return look.start_ns + int(max(min(window_ns, _AT_LEAST_S * 1e9), _PART * window_ns))


async def _traced(host: Host, looks: Sequence[Look], end_ns: int) -> _Trace:
    mono_ns, wall_ns = host.mono_ns(), host.wall_ns()
    if refused := refusal(host):
        return _Trace(mono_ns=mono_ns, wall_ns=wall_ns, told=refused)
    kvm = any(_may_be_kvm(look) for look in looks)
    tracing = await find_events(host, events_wanted(kvm=kvm))
    if not tracing.events:
        why = tracing.detail or "this kernel has none of the trace events"
        outcome = Outcome.ABSENT if tracing.outcome is Outcome.OK else tracing.outcome
        return _Trace(mono_ns=mono_ns, wall_ns=wall_ns, told=ended(outcome, why))
    wish = _wish(host, looks, end_ns, kvm=kvm)
    program = write_program(wish, tracing.events)
    told = await _run(host, program, tracing.quick or tracing.prefix, end_ns)
    more: tuple[str, ...] = ()
    for plainer in _plainer(wish):
        if _lines(told) or told.outcome is not Outcome.OK or denied(told):
            break
        # A kernel or a bpftrace that does not take all of it: some of it is better than nothing.
        more = (f"all of kvm ({complaint(told)})",) if wish.kvm and not plainer.kvm else ()
        program = write_program(plainer, tracing.events)
        told = await _run(host, program, tracing.prefix, end_ns)
    return _Trace(
        mono_ns=mono_ns,
        wall_ns=wall_ns,
        told=told,
        left_out=(*program.left_out, *more),
        kvm_events=program.kvm_events,
    )


def _plainer(wish: Wish) -> tuple[Wish, ...]:
    """What to ask for instead where the whole program is refused: first without its loops, then without KVM's events."""
    loopless = msgspec.structs.replace(wish, ready=False)
    return (loopless, msgspec.structs.replace(loopless, kvm=False)) if wish.kvm else (loopless,)


def _may_be_kvm(look: Look) -> bool:
    return look.guest.accelerator in (Accelerator.KVM, Accelerator.UNKNOWN)


def _wish(host: Host, looks: Sequence[Look], end_ns: int, *, kvm: bool) -> Wish:
    pids = tuple(look.guest.pid for look in looks)
    return Wish(pids=pids, arch=_arch(host, pids[0]), end_ns=end_ns + _asleep_ns(host), kvm=kvm)


def _arch(host: Host, pid: int) -> str:
    """Tell for which architecture a process was built: its numbers of system calls are that one's."""
    try:
        header = host.read(f"/proc/{pid}/exe", _HEADER_BYTES)
    except OSError:
        header = b""
    number = int.from_bytes(header[18:20], "little") if header.startswith(b"\x7fELF") else 0
    return _MACHINES.get(number, f"machine {number}")


def _asleep_ns(host: Host) -> int:
    """Tell how long the host has slept since its boot: ``nsecs`` counts that, our clock does not."""
    try:
        uptime_ns = int(float(host.read("/proc/uptime", 64).split()[0]) * 1e9)
    except (OSError, ValueError, IndexError):
        return 0
    asleep_ns = uptime_ns - host.mono_ns()
    return asleep_ns if asleep_ns > 100_000_000 else 0


async def _run(host: Host, program: Program, prefix: Sequence[str], end_ns: int) -> Finished:
    """Run it until it has printed all; then it is killed, for detaching probe by probe takes a second.

    Where we cannot end it, it ends by itself. SIGINT (for its own clock) and SIGKILL are there for when it hangs.
    """
    left_s = max(0.0, (end_ns - host.mono_ns()) / 1e9)
    return await host.run(
        (*prefix, "bpftrace", "-f", "json", "-e", program.text),
        timeout_s=left_s + _BEYOND_S - 1,
        limit_bytes=_LIMIT_BYTES,
        interrupt_after_s=left_s + _OVERTIME_S,
        enough=_OVER_LINE,
    )


def _lines(told: Finished) -> tuple[bytes, ...]:
    """Give the lines in which something was counted: only a program that ran prints maps."""
    return tuple(line for line in told.stdout.splitlines() if _COUNTED.match(line))


def _evidence(look: Look, trace: _Trace, *, started_it: bool) -> Evidence:
    """Make a guest's evidence. bpftrace's own CPU time stands in the one whose look started it."""
    outcome, detail = _judged(trace.told)
    header = Header(
        pid=look.guest.pid,
        arch=_arch(look.host, look.guest.pid),
        kvm=_may_be_kvm(look) and not any(left.startswith("all of kvm") for left in trace.left_out),
        left_out=trace.left_out,
        full=_full(trace.told),
        kvm_events=trace.kvm_events,
    )
    ours = msgspec.json.encode(_HeaderLine(data=header)) + b"\n"
    return Evidence(
        id=_NAME,
        kind=Kind.BPF,
        source=f"bpftrace: system calls and KVM events of pid {look.guest.pid}",
        outcome=outcome,
        detail=detail,
        data=ours + trace.told.stdout if outcome in (Outcome.OK, Outcome.TRUNCATED) else b"",
        mono_ns=trace.mono_ns,
        wall_ns=trace.wall_ns,
        took_ns=look.host.mono_ns() - trace.mono_ns,
        cost=Cost.SAMPLES,
        cpu_ns=trace.told.cpu_ns if started_it else None,
    )


def _judged(told: Finished) -> tuple[Outcome, str]:
    if told.outcome is Outcome.TIMED_OUT and _OVER_LINE in told.stdout:
        return Outcome.OK, f"all was counted, but bpftrace {told.detail}"
    if told.outcome not in (Outcome.OK, Outcome.TRUNCATED):
        return told.outcome, told.detail
    if not _lines(told):
        if denied(told):
            return Outcome.DENIED, f"{complaint(told)}: {AS_ROOT}"
        return Outcome.BROKE, f"bpftrace counted nothing: {complaint(told)}"
    if full := _full(told):
        said = f"{', '.join(full)} could hold no more entries: what was new later was not counted"
        return Outcome.TRUNCATED, said
    return told.outcome, told.detail


class _Map(msgspec.Struct):
    type: str
    data: dict[str, dict[str, msgspec.Raw] | int]


def _full(told: Finished) -> tuple[str, ...]:
    """Name the maps that could hold no more. bpftrace 0.17 keeps two entries for each key of ``stats``."""
    full: list[str] = []
    for line in _lines(told):
        try:
            found = msgspec.json.decode(line, type=_Map)
        except (msgspec.DecodeError, UnicodeError):
            continue  # cut off: whoever reads it says so
        most = MOST_KEYS // 2 if found.type == "stats" else MOST_KEYS
        full.extend(name for name, keys in found.data.items() if isinstance(keys, dict) and len(keys) >= most)
    return tuple(dict.fromkeys(full))


COLLECTOR = Collector(
    name=_NAME,
    cost=Cost.SAMPLES,
    timeout_s=_BEYOND_S,
    limit_bytes=_LIMIT_BYTES,
    run=collect_bpf,
    cpu_ns=_CPU_NS,
    sees_all=True,
)
