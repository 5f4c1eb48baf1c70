"""The program that bpftrace runs: what is counted in the kernel, and what each count needs of this kernel.

A vCPU that polls a port comes here 100,000 times a second, so what is done at each KVM_RUN is weighed in nanoseconds: it
is neither timed nor counted where kvm_userspace_exit counts its returns; only its descriptor is kept, once a thread.

Probes go on counting while bpftrace detaches them one after the other (up to 0.1 s each). So the maps are printed when
the time is over, before that. To look at a flag at each probe instead would cost more than the little that is counted
until bpftrace has read them.
"""

from collections.abc import Iterator, Mapping, Sequence

import msgspec

MOST_KEYS = 4096  # a map of bpftrace holds no more; what comes later is lost
MOST_PVCLOCK_LINES = 50
OVER = "over"  # the line behind which nothing counts
LEAST_NS = 500_000_000  # traced at least, even where attaching took nearly the whole window
_TICK_NS = 10_000_000
_LARGEST_FD = 1 << 20  # fs.nr_open; a first argument above it is a pointer or a size
_NO_FD = 0xFFFFFFFF
_KVM_RUN = 0xAE80  # _IO(KVMIO, 0x80) on every architecture
_RUNS_VCPU = 1 << 32  # marks a descriptor on which KVM_RUN was called
_LONGEST_S = 1_000_000_000  # a timeout of 30 years is none
_TIMESPEC, _TIMEVAL, _MILLISECONDS, _UNTOLD = 1, 2, 3, 4  # the forms in which a timeout is given

Events = Mapping[str, frozenset[str]]


class Program(msgspec.Struct, frozen=True, kw_only=True):
    """The text for ``bpftrace -e``; ``left_out`` are the events that it cannot count here, and why."""

    text: str
    left_out: tuple[str, ...] = ()


class _Wait(msgspec.Struct, frozen=True):
    """A call that waits: its number, the form of its timeout, and which argument that is (2 to 4, from 0)."""

    number: int
    form: int
    argument: int


class _Abi(msgspec.Struct, frozen=True):
    """The numbers that matter on one architecture; -1 is never called."""

    ioctl: int = -1
    io_uring_enter: int = -1
    waits: tuple[_Wait, ...] = ()


_ABIS = {
    "x86_64": _Abi(
        ioctl=16,
        io_uring_enter=426,
        waits=(
            _Wait(271, _TIMESPEC, 2),  # ppoll
            _Wait(270, _TIMESPEC, 4),  # pselect6
            _Wait(441, _TIMESPEC, 3),  # epoll_pwait2
            _Wait(23, _TIMEVAL, 4),  # select
            _Wait(7, _MILLISECONDS, 2),  # poll
            _Wait(232, _MILLISECONDS, 3),  # epoll_wait
            _Wait(281, _MILLISECONDS, 3),  # epoll_pwait
        ),
    ),
    "aarch64": _Abi(
        ioctl=29,
        io_uring_enter=426,
        waits=(
            _Wait(73, _TIMESPEC, 2),  # ppoll
            _Wait(72, _TIMESPEC, 4),  # pselect6
            _Wait(441, _TIMESPEC, 3),  # epoll_pwait2
            _Wait(22, _MILLISECONDS, 3),  # epoll_pwait
        ),
    ),
    "i386": _Abi(ioctl=54),
}


class _Probe(msgspec.Struct, frozen=True):
    """One tracepoint: the fields that it must have, what is done at it, the maps that it fills, and one for itself."""

    event: str
    fields: frozenset[str]
    body: str
    maps: tuple[str, ...]
    scratch: str = ""


def _calls(abi: _Abi, *, count_runs: bool) -> tuple[_Probe, ...]:
    """Count and time calls by thread, number and first argument, and count how they failed. ``ioctl`` is only counted.

    ``args->`` is copied to variables first, for the verifier refuses it in branches.
    """
    enter = f"""
  $id = args->id; $fd = args->args[0]; $a1 = args->args[1]; $a2 = args->args[2]; $a3 = args->args[3]; $a4 = args->args[4];
  if ($fd > {_LARGEST_FD}) {{ $fd = (uint64){_NO_FD}; }}
  if ($id == {abi.ioctl}) {{
    if ($a1 == {_KVM_RUN}) {{
      $run = $fd | {_RUNS_VCPU};
      if (@ioctl_fd[tid] != $run) {{ @ioctl_fd[tid] = $run; @kvm_run[pid, tid] = $fd; }}{_RUNS if count_runs else ""}
    }} else {{
      @ioctl_fd[tid] = $fd; @ioctl[pid, tid, $id, $fd] = count();
    }}
  }} else {{{_timeouts(abi)}
    @entered_call[pid, tid] = ((uint64)$id << 32) | $fd; @entered[pid, tid] = nsecs;
  }}"""
    leave = f"""
  $id = args->id; $ret = args->ret;
  if ($id == {abi.ioctl}) {{
    if ($ret < 0) {{ @failed[pid, tid, $id, @ioctl_fd[tid] & {_NO_FD}, $ret] = count(); }}
  }} else if (@entered[pid, tid]) {{
    $took = nsecs - @entered[pid, tid]; $call = @entered_call[pid, tid];
    @call[pid, tid, $call >> 32, $call & {_NO_FD}] = stats($took);
    if ($ret < 0) {{ @failed[pid, tid, $call >> 32, $call & {_NO_FD}, $ret] = count(); }}
    @entered[pid, tid] = 0;
  }}"""
    waits = ("@wait_ns", "@wait_s", "@wait_other") if abi.waits else ()
    return (
        _Probe(
            "raw_syscalls:sys_enter",
            frozenset(("id", "args")),
            enter,
            ("@ioctl", "@kvm_run", "@entered", "@entered_call", *waits),
            scratch="@ioctl_fd",
        ),
        _Probe("raw_syscalls:sys_exit", frozenset(("id", "ret")), leave, ("@call", "@failed")),
    )


_RUNS = """
      @ioctl[pid, tid, $id, $fd] = count();"""


def _timeouts(abi: _Abi) -> str:
    """Sort the timeouts asked for: by powers of two of ns, and apart from them 0 (none), -1 (no limit), -2 (untold).

    From a second on by powers of two of s: bpftrace 0.17 has no buckets above 2^31.
    """
    if not abi.waits:
        return ""
    return f"""
    $to = (uint64)0; $form = 0;{_forms(abi)}
    if ($form) {{
      $ns = (int64)-1;
      if ($form == {_MILLISECONDS}) {{
        $ms = (int32)$to;
        if ($ms >= 0) {{ $ns = (int64)$ms * 1000000; }}
      }} else if ($form == {_UNTOLD}) {{
        $ns = (int64)-2;
      }} else if ($to != 0) {{
        $at = (int64 *)uptr($to); $s = $at[0]; $fraction = $at[1];
        if ($form == {_TIMEVAL}) {{ $fraction = $fraction * 1000; }}
        if ($s < {_LONGEST_S}) {{ $ns = $s * 1000000000 + $fraction; }}
      }}
      if ($ns <= 0) {{ @wait_other[pid, tid, $id, $ns] = count(); }}
      else if ($ns < 1000000000) {{ @wait_ns[pid, tid, $id] = hist($ns); }}
      else {{ @wait_s[pid, tid, $id] = hist((uint64)$ns / 1000000000); }}
    }}"""


def _forms(abi: _Abi) -> str:
    """Find the form of the timeout, and the timeout or where it is.

    io_uring_enter: flag 1 waits; flag 8 gives a struct with the pointer to the timeout in its third 8 bytes. QEMU's own
    fd monitor puts its timeout into the ring instead, where it cannot be seen from here.
    """
    lines = [
        f"if ($id == {wait.number}) {{ $form = {wait.form}; $to = $a{wait.argument}; }}"
        for wait in sorted(abi.waits, key=lambda wait: wait.number)
    ]
    ring = f"""if ($id == {abi.io_uring_enter} && ($a3 & 1)) {{
      $form = {_UNTOLD};
      if ($a2 == 0) {{ $form = {_MILLISECONDS}; }}
      else if (($a3 & 8) && $a4 != 0) {{ $words = (uint64 *)uptr($a4); $form = {_TIMESPEC}; $to = $words[2]; }}
    }}"""
    return "".join(f"\n    {line}" for line in (*lines, ring))


def _counted(event: str, fields: Sequence[str], key: str) -> _Probe:
    return _Probe(f"kvm:{event}", frozenset(fields), f" @{event}[pid, {key}] = count();", (f"@{event}",))


_PVCLOCK_FIELDS = ("vcpu_id", "version", "tsc_timestamp", "system_time", "tsc_to_system_mul", "tsc_shift", "flags")
_PVCLOCK = _Probe(
    "kvm:kvm_pvclock_update",
    frozenset(_PVCLOCK_FIELDS),
    f"""
  if (@pvclock_lines[pid] < {MOST_PVCLOCK_LINES}) {{
    @pvclock_lines[pid] = @pvclock_lines[pid] + 1;
    printf("pvclock pid=%d vcpu=%u version=%u tsc_timestamp=%llu system_time=%llu mul=%u shift=%d flags=%u\\n",
      pid, {", ".join(f"args->{field}" for field in _PVCLOCK_FIELDS)});
  }}""",
    (),
    scratch="@pvclock_lines",
)
_RETURNS = "kvm:kvm_userspace_exit"

_KVM = (
    _counted("kvm_exit", ("isa", "exit_reason"), "tid, args->isa, args->exit_reason"),
    _counted("kvm_userspace_exit", ("reason", "errno"), "tid, args->reason, args->errno"),
    _counted("kvm_pio", ("port", "rw"), "args->port, args->rw"),
    _counted("kvm_mmio", ("gpa", "type"), "args->gpa >> 12, args->type"),
    _counted("kvm_msr", ("ecx", "write"), "args->ecx, args->write"),
    _counted("kvm_page_fault", ("fault_address",), "args->fault_address >> 12"),
    _counted("kvm_inj_virq", ("vector",), "args->vector"),
    _counted("kvm_hypercall", ("nr",), "args->nr"),
    _PVCLOCK,
)


def events_wanted(*, kvm: bool) -> tuple[str, ...]:
    """Give the events that a program uses where the kernel has them (``group:event``)."""
    return tuple(probe.event for probe in (*_calls(_Abi(), count_runs=True), *(_KVM if kvm else ())))


def write_program(pids: Sequence[int], arch: str, events: Events, end_ns: int, *, kvm: bool) -> Program:
    """Write the program for these processes.

    Args:
        pids: of the guests, as the kernel's first PID namespace counts.
        arch: of their binary, as ``uname -m`` names it: system calls have other numbers elsewhere.
        events: those that this kernel has, with their fields.
        end_ns: when to end, on the clock of ``nsecs``.
        kvm: whether one of the guests may be run by KVM.
    """
    abi = _ABIS.get(arch, _Abi())
    there: list[_Probe] = []
    left_out = [] if abi.waits else [f"timeouts of waits (not known for {arch})"]
    for probe in _wanted(abi, events, kvm=kvm):
        if lacking := _lacking(probe, events):
            left_out.append(lacking)
        else:
            there.append(probe)
    return Program(text="\n".join((_frame(there, end_ns), *_blocks(there, pids))), left_out=tuple(left_out))


def _wanted(abi: _Abi, events: Events, *, kvm: bool) -> tuple[_Probe, ...]:
    returns = next(probe for probe in _KVM if probe.event == _RETURNS)
    told_elsewhere = kvm and not _lacking(returns, events)
    return (*_calls(abi, count_runs=not told_elsewhere), *(_KVM if kvm else ()))


def _lacking(probe: _Probe, events: Events) -> str:
    fields = events.get(probe.event)
    if fields is None:
        return probe.event
    missing = sorted(probe.fields - fields)
    return f"{probe.event} (has no {', '.join(missing)})" if missing else ""


def _blocks(probes: Sequence[_Probe], pids: Sequence[int]) -> Iterator[str]:
    who = " || ".join(f"pid == {pid}" for pid in pids)
    for probe in probes:
        yield f"tracepoint:{probe.event} /{who}/ {{{probe.body} }}"


def _frame(probes: Sequence[_Probe], end_ns: int) -> str:
    """Note when everything is attached (a tick before the first one), and when the time is over print and end.

    What is printed again at the very end, behind the line that says so, is what came later.
    """
    maps = [name for probe in probes for name in probe.maps]
    shown = "".join(f"\n    print({name}); clear({name});" for name in maps)
    forgotten = "".join(f" clear({probe.scratch});" for probe in probes if probe.scratch)
    window = "print(@from); print(@until);"
    return f"""interval:ms:{_TICK_NS // 1_000_000} {{
  if (@from == 0) {{ @from = nsecs - {_TICK_NS}; }}
  else if (@until == 0 && nsecs >= (uint64){end_ns} && nsecs - @from >= {LEAST_NS}) {{
    @until = nsecs; {window}{shown}
    printf("{OVER}\\n"); exit();
  }}
}}
END {{ if (@until == 0) {{ @until = nsecs; }}{forgotten} }}"""
