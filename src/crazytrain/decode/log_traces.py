"""Call traces within a kernel's log: what the kernel complained of, where the CPU was, and how it came there.

    watchdog: BUG: soft lockup - CPU#5 stuck for 26s! [swapper/5:0]
    CPU: 5 PID: 0 Comm: swapper/5 Not tainted 6.2.9-300.fc38.x86_64 #1
    Hardware name: QEMU Standard PC (i440FX + PIIX, 1996), BIOS 1.16.2-1.fc38 04/01/2014
    RIP: 0010:netif_receive_skb_list_internal+0x58/0x300
    Call Trace:
     <IRQ>
     napi_complete_done+0x6d/0x190
     ? wakeup_preempt_entity+0x3a/0x70

Sources: Linux lib/dump_stack.c, arch/{x86,arm64,powerpc,s390}/kernel (show_regs, show_trace), kernel/sched/core.c (sched_show_task).
"""

import re
from collections.abc import Iterable, Iterator

import msgspec

from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.kernel_traces import KernelTrace

_COMPLAINT = re.compile(
    r"(?:(?:NMI )?watchdog: )?(?:BUG: |Watchdog .{0,30}detected hard LOCKUP|WARNING: CPU|rcu: INFO: rcu|INFO: (?:rcu|task)|Oops|kernel BUG at"
    r"|general protection fault|Kernel panic|rcu: rcu_\w+ kthread|NMI backtrace for|(?:\S{1,40} )?invoked oom-killer"
    r"|unchecked MSR|Unable to handle kernel)"
)
_WHO = re.compile(
    r"CPU: (?P<cpu>\d{1,5}) (?:UID: \d+ )?PID: (?P<pid>\d{1,10}) Comm: (?P<comm>.{1,32}?) (?:Not tainted|Tainted|Kdump)"
    r"(?:[^\d]{0,80}(?P<kernel>\d+\.\d[\w.+~-]{0,80}))?"
)
_TASK = re.compile(r"task:(?P<comm>.{1,32}?) +state:\S")
_STUCK = re.compile(
    r"CPU#(?P<cpu>\d{1,5}) stuck for \d+s! \[(?P<comm>[^\]]{1,40}):(?P<pid>\d{1,10})\]|on CPU ?\{? ?(?P<cpu2>\d{1,5})\b"
)
_HARDWARE = re.compile(r"Hardware name: (.{1,160})")
_NAME = r"(?P<name>[A-Za-z_.][\w.$]{0,120})\+0x[0-9a-f]{1,8}/0x[0-9a-f]{1,8}(?: \[(?P<module>[\w ]{1,60})\])?"
_PLACE = re.compile(
    r"(?:(?:[ER]?IP: (?:[0-9a-f]{2,4}:)?(?:\[<[0-9a-f]{8,16}>\] *)*)|(?:pc|epc) : |NIP \[[0-9a-f]{8,16}\] )" + _NAME
)
_FRAME = re.compile(
    r"(?:\[[0-9a-f]{8,16}\] )?(?:\[<[0-9a-f]{8,16}>\] |\(\[<[0-9a-f]{8,16}>\] |\[[0-9a-f]{8,16}\] )?(?P<doubt>\? )?"
    + _NAME
)
_MODULES = re.compile(r"Modules linked in: (.{1,1500})")
_BEGINS = re.compile(r"Call Trace:|Backtrace:|Call trace:|Stack traceback")
_MOST_TRACES = 64
_MOST_FRAMES = 128


class _Trace(msgspec.Struct):
    """A trace as it grows."""

    complaint: str = ""
    first: int = 0
    last: int = 0
    cpu: int | None = None
    pid: int | None = None
    comm: str = ""
    kernel: str = ""
    hardware: str = ""
    place: str = ""
    functions: list[str] = []
    doubtful: list[str] = []
    modules: tuple[str, ...] = ()

    @property
    def told(self) -> bool:
        """Whether there is a place at all."""
        return bool(self.place or self.functions or self.doubtful)


def traces(lines: Iterable[tuple[int, str]], evidence: Evidence, *, host: bool, sure: bool) -> Iterator[KernelTrace]:
    """The call traces in numbered lines without stamps; of very many the first 64."""
    for number, trace in enumerate(_built(lines)):
        if number >= _MOST_TRACES:
            return
        yield KernelTrace(
            host=host,
            sure=sure,
            functions=tuple(trace.functions),
            place=trace.place,
            complaint=trace.complaint[:200],
            cpu=trace.cpu,
            pid=trace.pid,
            comm=trace.comm,
            kernel=trace.kernel,
            hardware=trace.hardware,
            doubtful=tuple(trace.doubtful),
            modules=trace.modules,
            refs=(evidence.ref(trace.first, trace.last),),
        )


def _built(lines: Iterable[tuple[int, str]]) -> Iterator[_Trace]:
    trace = _Trace(functions=[], doubtful=[])
    for number, text in lines:
        if _starts(text, trace):
            if trace.told:
                yield trace
            trace = _next(trace, text)
            trace.first = number
        if _take(trace, text):
            trace.first = trace.first or number
            trace.last = number
    if trace.told:
        yield trace


def _starts(text: str, trace: _Trace) -> bool:
    """Whether another trace begins: with a complaint, or with another task's or CPU's head behind a trace."""
    if _COMPLAINT.match(text):
        return True
    return trace.told and bool(_WHO.match(text) or _TASK.match(text) or (_BEGINS.match(text) and trace.functions))


def _next(before: _Trace, text: str) -> _Trace:
    """Another trace of the same complaint, or of another one; the machine stays."""
    new = _COMPLAINT.match(text)
    complaint = text if new else before.complaint
    return _Trace(complaint=complaint, kernel=before.kernel, hardware=before.hardware, functions=[], doubtful=[])


def _take(trace: _Trace, text: str) -> bool:
    """Take what a line says; false where it belongs to no trace."""
    place = _PLACE.match(text)
    if place:
        trace.place = trace.place or place["name"]
        return True
    frame = _FRAME.match(text)
    if frame:
        kept = trace.doubtful if frame["doubt"] else trace.functions
        if len(kept) < _MOST_FRAMES:
            kept.append(frame["name"])
        return True
    return _take_head(trace, text)


def _take_head(trace: _Trace, text: str) -> bool:
    who = _WHO.search(text) or _TASK.match(text)
    stuck = _STUCK.search(text)
    hardware, modules = _HARDWARE.match(text), _MODULES.match(text)
    if who:
        named = who.groupdict()
        trace.comm = named["comm"]
        trace.cpu = int(named["cpu"]) if named.get("cpu") else trace.cpu
        trace.pid = int(named["pid"]) if named.get("pid") else trace.pid
        trace.kernel = named.get("kernel") or trace.kernel
    elif stuck:
        trace.cpu = int(stuck["cpu"] or stuck["cpu2"])
        trace.comm = stuck["comm"] or trace.comm
        trace.pid = int(stuck["pid"]) if stuck["pid"] else trace.pid
    trace.hardware = hardware[1].strip() if hardware else trace.hardware
    trace.modules = tuple(modules[1].split()[:200]) if modules else trace.modules
    return bool(who or stuck or hardware or modules or _BEGINS.match(text) or _COMPLAINT.match(text))
