"""System calls as bpftrace counts them: by thread, number and first argument, with time, failures, waits and what was ready.

A vCPU that polls a port comes here 100,000 times a second, so what is done at each KVM_RUN is weighed in nanoseconds: it
is neither timed nor counted where kvm_userspace_exit counts its returns; only its descriptor is kept, once a thread.
"""

from crazytrain.collect.bpf_abi import EPOLL_SET, MILLISECONDS, POLL_SET, TIMESPEC, TIMEVAL, UNTOLD, Abi
from crazytrain.collect.bpf_probe import Probe

NO_FD = 0xFFFFFFFF
MOST_LOOKED_AT = 32  # descriptors of one wait; what is ready behind them is counted without its name
RUNS_VCPU = 1 << 32  # marks a descriptor on which KVM_RUN was called
LEFT_SAMPLED = 1 << 33  # and one whose last way out to QEMU is being timed
_LARGEST_FD = 1 << 20  # fs.nr_open; a first argument above it is a pointer or a size
_KVM_RUN = 0xAE80  # _IO(KVMIO, 0x80) on every architecture
_LONGEST_S = 1_000_000_000  # a timeout of 30 years is none
_SET_SHIFT = 56  # of @entered_call: above the number of the call, which set it leaves behind, plus one
_POINTER_BITS = 48
_TURN = 4  # of @events, which decides when enough was seen: about so many calls make one turn of the main loop


def call_probes(abi: Abi, *, count_runs: bool, ready: bool) -> tuple[Probe, ...]:
    """Make the two probes of system calls.

    Args:
        abi: numbers of the guest's architecture.
        count_runs: whether KVM_RUN must be counted here, for nothing else counts its returns.
        ready: whether to look at which descriptors were ready when a wait came back (loops in BPF: Linux 5.3).
    """
    waits = ("@wait_ns", "@wait_s", "@wait_other", "@waited_ns", "@waited_s") if abi.waits else ()
    looked = ("@ready", "@ready_epoll", "@ready_turns") if abi.waits and ready else ()
    return (
        Probe(
            "raw_syscalls:sys_enter",
            frozenset(("id", "args")),
            _enter(abi, count_runs=count_runs, ready=ready),
            ("@ioctl", "@kvm_run", "@entered", "@entered_call", *(() if count_runs else ("@outside",)), *waits[:3]),
            ("@ioctl_fd", *(("@polled",) if looked else ())),
        ),
        Probe(
            "raw_syscalls:sys_exit",
            frozenset(("id", "ret")),
            _leave(abi, ready=ready),
            ("@call", "@failed", "@empty", *waits[3:], *looked),
        ),
    )


def _enter(abi: Abi, *, count_runs: bool, ready: bool) -> str:
    """``args->`` is copied to variables first, for the verifier refuses it in branches."""
    counted_here = "\n      @ioctl[pid, tid, $id, $fd] = count();" if count_runs else ""
    return f"""
  $id = args->id; $fd = args->args[0]; $a0 = $fd;
  $a1 = args->args[1]; $a2 = args->args[2]; $a3 = args->args[3]; $a4 = args->args[4];
  if ($fd > {_LARGEST_FD}) {{ $fd = (uint64){NO_FD}; }}
  if ($id == {abi.ioctl}) {{
    if ($a1 == {_KVM_RUN}) {{
      @events++; $run = $fd | {RUNS_VCPU};
      if (@ioctl_fd[tid] != $run) {{{"" if count_runs else _back_in()}
        @ioctl_fd[tid] = $run; @kvm_run[pid, tid] = $fd;
      }}{counted_here}
    }} else {{
      @ioctl_fd[tid] = $fd; @ioctl[pid, tid, $id, $fd] = count();
    }}
  }} else {{
    $set = (uint64)0;{_timeouts(abi, ready=ready)}
    @entered_call[pid, tid] = ($set << {_SET_SHIFT}) | ((uint64)$id << 32) | $fd; @entered[pid, tid] = nsecs;
  }}"""


def _back_in() -> str:
    """Where the last way out was one of those that are timed (see bpf_kvm): how long it took until here."""
    return f"""
        if (@ioctl_fd[tid] & {LEFT_SAMPLED}) {{ @outside[pid, tid, @left_for[tid]] = stats(nsecs - @left_at[tid]); }}"""


def _leave(abi: Abi, *, ready: bool) -> str:
    reads = " || ".join(f"$number == {number}" for number in abi.reads)
    empty = f"\n    if ($ret == 0 && ({reads})) {{ @empty[pid, tid, $number, $first] = count(); }}" if reads else ""
    return f"""
  $id = args->id; $ret = args->ret;
  if ($id == {abi.ioctl}) {{
    if ($ret < 0) {{ @failed[pid, tid, $id, @ioctl_fd[tid] & {NO_FD}, $ret] = count(); }}
  }} else if (@entered[pid, tid]) {{
    $took = nsecs - @entered[pid, tid]; $call = @entered_call[pid, tid];
    $number = ($call >> 32) & 0xffffff; $first = $call & {NO_FD};
    @call[pid, tid, $number, $first] = stats($took);
    if ($ret < 0) {{ @failed[pid, tid, $number, $first, $ret] = count(); }}{empty}{_waited(abi, ready=ready)}
    @entered[pid, tid] = 0;
  }}"""


def _waited(abi: Abi, *, ready: bool) -> str:
    """How long a wait really took, by powers of two of ns, from a second on of s (bpftrace 0.17 ends at 2^31)."""
    if not abi.waits:
        return ""
    return f"""
    $set = $call >> {_SET_SHIFT};
    if ($set) {{
      if ($took < 1000000000) {{ @waited_ns[pid, tid, $number] = hist($took); }}
      else {{ @waited_s[pid, tid, $number] = hist($took / 1000000000); }}{_ready(abi) if ready else ""}
    }}"""


def _ready(abi: Abi) -> str:
    """Which descriptors a wait that came back found ready: a ``struct pollfd`` is 8 bytes, with the answer in its last two.

    An ``epoll_event`` says what QEMU gave with the descriptor, an address of its own; fdinfo of the set says which it is.
    The loops hold nothing but their index from turn to turn, or the verifier would follow every path through them.
    """
    return f"""
      if ($ret > 0 && $set == {POLL_SET + 1}) {{
        $at = @polled[tid] & {(1 << _POINTER_BITS) - 1}; $many = @polled[tid] >> {_POINTER_BITS};
        @ready_turns[pid, tid, $number] = stats($ret);
        $i = (uint64)0;
        while ($i < {MOST_LOOKED_AT}) {{
          if ($i < $many) {{
            $entry = *(uint64 *)uptr($at + 8 * $i);
            if ($entry >> 48) {{ @ready[pid, tid, $entry & {NO_FD}, $entry >> 48] = count(); }}
          }}
          $i++;
        }}
      }}
      if ($ret > 0 && $set == {EPOLL_SET + 1}) {{
        $at = @polled[tid] & {(1 << _POINTER_BITS) - 1};
        @ready_turns[pid, tid, $number] = stats($ret);
        $i = (uint64)0;
        while ($i < {MOST_LOOKED_AT}) {{
          if ($i < (uint64)$ret) {{
            $what = *(uint32 *)uptr($at + {abi.epoll_bytes} * $i);
            $whose = *(uint64 *)uptr($at + {abi.epoll_bytes} * $i + {abi.epoll_data});
            @ready_epoll[pid, tid, $first, $whose, $what] = count();
          }}
          $i++;
        }}
      }}"""


def _timeouts(abi: Abi, *, ready: bool) -> str:
    """Sort the timeouts asked for: by powers of two of ns, and apart from them 0 (none), -1 (no limit), -2 (untold).

    From a second on by powers of two of s: bpftrace 0.17 has no buckets above 2^31.
    """
    if not abi.waits:
        return ""
    kept = f"\n      if ($set > 1) {{ @polled[tid] = ($a1 << {_POINTER_BITS}) | $where; }}" if ready else ""
    return f"""
    $to = (uint64)0; $form = 0; $where = $a0;{_forms(abi)}
    if ($form) {{{kept}
      $ns = (int64)-1;
      if (pid == tid) {{ @events = @events + {_TURN}; }}
      if ($form == {MILLISECONDS}) {{
        $ms = (int32)$to;
        if ($ms >= 0) {{ $ns = (int64)$ms * 1000000; }}
      }} else if ($form == {UNTOLD}) {{
        $ns = (int64)-2;
      }} else if ($to != 0) {{
        $at = (int64 *)uptr($to); $s = $at[0]; $fraction = $at[1];
        if ($form == {TIMEVAL}) {{ $fraction = $fraction * 1000; }}
        if ($s < {_LONGEST_S}) {{ $ns = $s * 1000000000 + $fraction; }}
      }}
      if ($ns <= 0) {{ @wait_other[pid, tid, $id, $ns] = count(); }}
      else if ($ns < 1000000000) {{ @wait_ns[pid, tid, $id] = hist($ns); }}
      else {{ @wait_s[pid, tid, $id] = hist((uint64)$ns / 1000000000); }}
    }}"""


def _forms(abi: Abi) -> str:
    """Find the form of the timeout, the timeout or where it is, and the set that will be left behind.

    io_uring_enter: flag 1 waits; flag 8 gives a struct with the pointer to the timeout in its third 8 bytes. QEMU's own
    fd monitor puts its timeout into the ring instead, where it cannot be seen from here; nor can what was ready.
    """
    lines = []
    for wait in sorted(abi.waits, key=lambda wait: wait.number):
        where = " $where = $a1;" if wait.ready == EPOLL_SET else ""
        line = f"$form = {wait.form}; $to = $a{wait.argument}; $set = (uint64){wait.ready + 1};{where}"
        lines.append(f"if ($id == {wait.number}) {{ {line} }}")
    ring = f"""if ($id == {abi.io_uring_enter} && ($a3 & 1)) {{
      $form = {UNTOLD}; $set = (uint64)1;
      if ($a2 == 0) {{ $form = {MILLISECONDS}; }}
      else if (($a3 & 8) && $a4 != 0) {{ $words = (uint64 *)uptr($a4); $form = {TIMESPEC}; $to = $words[2]; }}
    }}"""
    return "".join(f"\n    {line}" for line in (*lines, ring))
