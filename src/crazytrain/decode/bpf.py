"""What bpftrace counted in the kernel, as facts: system calls and waits of every thread, and why vCPUs left guest mode."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

from crazytrain.decode.bpf_kvm import kvm_exits
from crazytrain.decode.bpf_lines import Counted, read_lines
from crazytrain.decode.bpf_loops import loop_readings, times
from crazytrain.decode.errno_names import errno_name
from crazytrain.decode.strace_calls import split_head
from crazytrain.decode.syscall_names import call_name
from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.syscalls import CallUse, Coverage, ErrorCount, SyscallUse, TimeoutBucket, WaitUse

METHOD = "bpftrace"
_NUMBER = 0xFFFFFF  # of a call in @entered_call; above it stands what kind of wait it is
_NO_FD = 0xFFFFFFFF  # what the program writes for a first argument that cannot be a descriptor
_CALLS = ("@call", "@ioctl", "@entered", "@failed")
_WAITS = ("@wait_ns", "@wait_s", "@wait_other")
_ZERO, _UNLIMITED = 0, -1

_Use = tuple[int, str, int | None]  # thread, call, descriptor


def decode_bpf(evidence: Evidence) -> Iterable[object]:
    """Yield a `SyscallUse` of all threads, `LoopReadings` where waits were looked at, and `KvmExits` where KVM was.

    Calls are those that began in the window (KVM_RUN: that came back in it). One that had not come back by its end counts
    with the time until then. The time in ``ioctl`` is not measured.

    Raises:
        BadInput: names the line that bpftrace does not write.
    """
    counted = read_lines(evidence)
    yield _syscalls(counted, evidence)
    yield from loop_readings(counted, evidence)
    exits = kvm_exits(counted, evidence)
    if exits is not None:
        yield exits


def _syscalls(counted: Counted, evidence: Evidence) -> SyscallUse:
    return SyscallUse(
        method=METHOD,
        coverage=Coverage.ALL_THREADS,
        window_ns=counted.window_ns or None,
        calls=tuple(_calls(counted, evidence)),
        waits=tuple(_waits(counted, evidence)),
        refs=counted.refs(evidence, *_CALLS),
    )


def _use(counted: Counted, tid: int, number: int, first: int) -> _Use:
    """Who called what on which descriptor. The call's name decides whether its first argument is one."""
    name = call_name(counted.header.arch, number)
    if first == _NO_FD:
        return tid, name, None
    return tid, *split_head(f"{name}({first}".encode())


class _Tally:
    """What is known of calls while it is gathered: how many, how long, and in which maps they stand."""

    def __init__(self) -> None:
        self.counts: Counter[_Use] = Counter()
        self.times_ns: Counter[_Use] = Counter()
        self.maps: defaultdict[_Use, list[str]] = defaultdict(list)

    def add(self, use: _Use, count: int, source: str, took_ns: int | None = None) -> None:
        self.counts[use] += count
        self.maps[use].append(source)
        if took_ns is not None:
            self.times_ns[use] += took_ns


def _calls(counted: Counted, evidence: Evidence) -> Iterator[CallUse]:
    tally = _Tally()
    for (tid, number, first), timed in counted.timed.get("@call", {}).items():
        tally.add(_use(counted, tid, number, first), timed.count, "@call", timed.total)
    for (tid, number, first), count in counted.of("@ioctl").items():
        tally.add(_use(counted, tid, number, first), count, "@ioctl")
    for tid, count in _vcpu_runs(counted).items():
        tally.add((tid, "ioctl", counted.of("@kvm_run").get((tid,))), count, "@kvm_userspace_exit")
    for use, took_ns in _not_back(counted):
        tally.add(use, 1, "@entered", took_ns)
    errors = _errors(counted)
    for use, count in tally.counts.most_common():
        tid, name, fd = use
        failed = errors.get(use, ())
        yield CallUse(
            tid=tid,
            call=name,
            fd=fd,
            count=count,
            errors=failed,
            time_ns=tally.times_ns.get(use),
            refs=counted.refs(evidence, *tally.maps[use], *(("@failed",) if failed else ())),
        )


def _vcpu_runs(counted: Counted) -> Counter[int]:
    """Calls of KVM_RUN by thread: each return is an exit to userspace, so it is counted there."""
    runs: Counter[int] = Counter()
    for (tid, _reason, _errno), count in counted.of("@kvm_userspace_exit").items():
        runs[tid] += count
    return runs


def _not_back(counted: Counted) -> Iterator[tuple[_Use, int]]:
    """Calls that began in the window and were under way at its end, with the time until then."""
    calls, until_ns = counted.of("@entered_call"), counted.numbers.get("@until", 0)
    for key, began_ns in counted.of("@entered").items():
        if began_ns and key in calls:
            number, first = calls[key] >> 32 & _NUMBER, calls[key] & _NO_FD
            yield _use(counted, key[0], number, first), max(0, until_ns - began_ns)


def _errors(counted: Counted) -> dict[_Use, tuple[ErrorCount, ...]]:
    by_use: defaultdict[_Use, Counter[str]] = defaultdict(Counter)
    for (tid, number, first, result), count in counted.of("@failed").items():
        by_use[_use(counted, tid, number, first)][errno_name(-result)] += count
    return {use: tuple(ErrorCount(name, n) for name, n in names.most_common()) for use, names in by_use.items()}


def _waits(counted: Counted, evidence: Evidence) -> Iterator[WaitUse]:
    """Waits of each thread by call, the most frequent first."""
    buckets: defaultdict[tuple[int, ...], list[TimeoutBucket]] = defaultdict(list)
    for name, unit_ns in (("@wait_ns", 1), ("@wait_s", 1_000_000_000)):
        for key, rows in counted.histograms.get(name, {}).items():
            buckets[key].extend(times(rows, unit_ns))
    others: defaultdict[tuple[int, ...], Counter[int]] = defaultdict(Counter)
    for (tid, number, kind), count in counted.of("@wait_other").items():
        others[tid, number][kind] += count
    refs = counted.refs(evidence, *_WAITS)
    uses = [
        WaitUse(
            tid=key[0],
            call=call_name(counted.header.arch, key[1]),
            count=sum(b.count for b in buckets[key]) + others[key].total(),
            buckets=tuple(buckets[key]),
            zero=others[key][_ZERO],
            infinite=others[key][_UNLIMITED],
            refs=refs,
        )
        for key in dict.fromkeys((*buckets, *others))
    ]
    yield from sorted(uses, key=lambda use: -use.count)
