"""The program that bpftrace runs, put together for some guests on this kernel: what it counts, when it ends, what it prints.

It ends when the time is over, or earlier when it has seen so much that more would only cost the guest. It prints its maps
before bpftrace is ended, for its probes go on counting until the kernel has detached them, one after the other, up to 0.1 s
each. It lets go of them in the reverse order in which they were attached, so those that are passed most often come last.
"""

from collections.abc import Iterator, Sequence

import msgspec

from crazytrain.collect.bpf_abi import ABIS, Abi
from crazytrain.collect.bpf_calls import call_probes
from crazytrain.collect.bpf_kvm import EVENTS as KVM_EVENTS
from crazytrain.collect.bpf_kvm import RETURNS, kvm_probes
from crazytrain.collect.bpf_probe import Events, Probe

MOST_KEYS = 4096  # a map of bpftrace holds no more; what comes later is lost
OVER = "over"  # the line behind which nothing counts
LEAST_NS = 500_000_000  # traced at least, even where attaching took nearly the whole window
# Where so much was seen (see @events), rates are known to a percent, and to count on would only slow the guest down.
ENOUGH, ENOUGH_NS = 5_000, 150_000_000
_GUESTS_AT_A_TIME = 4  # of many guests that are counted together few are hot
_TICK_NS = 10_000_000


class Program(msgspec.Struct, frozen=True, kw_only=True):
    """The text for ``bpftrace -e``; ``left_out`` are the events that it cannot count here, and why.

    ``kvm_events`` is how many of KVM's are counted.
    """

    text: str
    left_out: tuple[str, ...] = ()
    kvm_events: int = 0


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What to count of whom, until when.

    ``pids`` are the guests', as the kernel's first PID namespace counts. ``arch`` is that of their binary, as ``uname -m``
    names it: system calls have other numbers elsewhere. ``end_ns`` is on the clock of ``nsecs``. ``kvm`` says whether one of
    them may be run by KVM, ``ready`` whether to look at which descriptors were ready.
    """

    pids: tuple[int, ...]
    arch: str
    end_ns: int
    kvm: bool
    ready: bool = True


def events_wanted(*, kvm: bool) -> tuple[str, ...]:
    """Give the events that a program uses where the kernel has them (``group:event``)."""
    calls = call_probes(Abi(), count_runs=True, ready=False)
    return (*(probe.event for probe in calls), *(KVM_EVENTS if kvm else ()))


def write_program(wish: Wish, events: Events) -> Program:
    """Write the program; ``events`` are those that this kernel has, with their fields."""
    abi = ABIS.get(wish.arch, Abi())
    of_kvm, lacking = kvm_probes(events) if wish.kvm else ((), ())
    told_elsewhere = any(probe.event == RETURNS for probe in of_kvm)
    calls = call_probes(abi, count_runs=not told_elsewhere, ready=wish.ready)
    there = [probe for probe in calls if not probe.lacking(events)]
    left_out = (
        *(() if abi.waits else (f"timeouts of waits (not known for {wish.arch})",)),
        *(() if wish.ready else ("which descriptors were ready (this bpftrace or kernel has no loops)",)),
        *(lack for probe in calls if (lack := probe.lacking(events))),
        *lacking,
    )
    hottest_last = (*reversed(of_kvm), *reversed(there))
    there.extend(of_kvm)
    text = "\n".join((*_blocks(hottest_last, wish.pids), _frame(there, wish)))
    return Program(text=text, left_out=left_out, kvm_events=len(of_kvm))


def _blocks(probes: Sequence[Probe], pids: Sequence[int]) -> Iterator[str]:
    who = " || ".join(f"pid == {pid}" for pid in pids)
    for probe in probes:
        yield f"tracepoint:{probe.event} /({who}) && @until == 0/ {{{probe.body} }}"  # over: nothing more is done


def _frame(probes: Sequence[Probe], wish: Wish) -> str:
    """Note when everything is attached (a tick before the first one), and when the time is over print and end.

    What is printed again at the very end, behind the line that says so, is what came later.
    """
    maps = [name for probe in probes for name in probe.maps]
    shown = "".join(f"\n    print({name}); clear({name});" for name in maps)
    forgotten = "".join(f" clear({name});" for probe in probes for name in probe.scratch)
    window = "print(@from); print(@until);"
    enough = f"@events > {ENOUGH * max(1, len(wish.pids) // _GUESTS_AT_A_TIME)} && nsecs - @from >= {ENOUGH_NS}"
    over = f"nsecs >= (uint64){wish.end_ns} && nsecs - @from >= {LEAST_NS}"
    return f"""interval:ms:{_TICK_NS // 1_000_000} {{
  if (@from == 0) {{ @from = nsecs - {_TICK_NS}; }}
  else if (@until == 0 && (({over}) || ({enough}))) {{
    @until = nsecs; {window}{shown}
    printf("{OVER}\\n"); exit();
  }}
}}
END {{ if (@until == 0) {{ @until = nsecs; }}{forgotten} }}"""
