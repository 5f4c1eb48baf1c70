"""What is said of the guest's trouble: tasks that wait without end, locks, its kernel log; and what could not be read."""

from collections.abc import Iterator, Sequence

from crazytrain.model.facts.console import LineMeaning
from crazytrain.model.facts.inside import InsideLog, LockWait, Missing
from crazytrain.model.facts.inside_view import InsideView, LockHeld, LogMatter, StuckTask
from crazytrain.model.facts.vcpu import VcpuActivity
from crazytrain.model.figures import count, share, size
from crazytrain.report.escape import plain
from crazytrain.report.inside_cells import frame, name, since_boot
from crazytrain.report.text import Line

MOST_STUCK = 8
MOST_LOCKS = 8
_MOST_FRAMES = 8
_MOST_MISSING = 12
_MOST_VCPUS = 32
_HALF_OF_ALL = 1 << 46  # of the addresses: no program and no kernel is so large
_HARMLESS = (LineMeaning.CLOCKSOURCE,)
_BOOT_NS = 120 * 10**9  # a clock source is chosen at every boot


def stuck_lines(view: InsideView, *, stacks: bool = False) -> Iterator[Line]:
    """Tasks that sleep and cannot be woken by a signal, each with where it sleeps."""
    most = len(view.stuck) if stacks else MOST_STUCK
    for one in view.stuck[:most]:
        yield Line(f"  {name(one.comm)} (pid {one.pid}){_since(one)}", "bad" if one.all_window else "plain")
        for inner in one.stack[: None if stacks else _MOST_FRAMES]:
            yield Line(f"      {frame(inner)}", "dim")
    if len(view.stuck) > most:
        yield Line(f"  and {len(view.stuck) - most} more (--stacks)", "dim")


def _since(one: StuckTask) -> str:
    if one.all_window:
        return ": it never ran in all the window"
    return "" if one.all_window is None else ": it ran meanwhile"


def lock_lines(view: InsideView) -> Iterator[Line]:
    """Who waits for which lock, and who holds it."""
    for one in view.locks[:MOST_LOCKS]:
        yield Line(f"  {_lock(one)}", "bad" if one.all_window else "plain")
    if len(view.locks) > MOST_LOCKS:
        yield Line(f"  and {len(view.locks) - MOST_LOCKS} more (--json)", "dim")


def _lock(one: LockHeld) -> str:
    wait = one.wait
    where = f" in {plain(wait.function, 80)}" if wait.function else ""
    which = plain(wait.lock_name, 80) if wait.lock_name else f"{wait.lock:#x}" if wait.lock else "(address not known)"
    still = ", all the window" if one.all_window else ""
    return f"{_waiter(wait)} waits for the {plain(wait.kind, 20)} {which}{where}{still}; {_holder(wait)}"


def _waiter(wait: LockWait) -> str:
    on = f"CPU {wait.cpu}" if wait.cpu is not None else ""
    task = f"{name(wait.comm)} (pid {wait.pid})" if wait.pid is not None else ""
    return ", ".join(x for x in (on, task) if x) or "somebody"


def _holder(wait: LockWait) -> str:
    if wait.holder_pid is not None:
        on = f" on CPU {wait.holder_cpu}" if wait.holder_cpu is not None else ""
        return f"{name(wait.holder_comm)} (pid {wait.holder_pid}){on} holds it"
    if wait.holder_cpu is not None:
        return f"CPU {wait.holder_cpu} holds it"
    return f"who holds it is not known{': ' + plain(wait.holder_why, 200) if wait.holder_why else ''}"


def log_lines(view: InsideView) -> Iterator[Line]:
    """The lines of the guest's kernel log that matter, by meaning; the latest last."""
    for one in view.log:
        if one.meaning in _HARMLESS and one.last_at_ns < _BOOT_NS:
            continue
        yield Line(f"  {_matter(one)}", "dim" if one.meaning in _HARMLESS else "bad")


def _matter(one: LogMatter) -> str:
    times = f"{one.count} times, last " if one.count > 1 else ""
    return f"{one.meaning.value}: {times}at {since_boot(one.last_at_ns)}: {plain(one.last, 300)}"


def record_lines(log: InsideLog, most: int) -> Iterator[Line]:
    """The guest's dmesg, oldest first: the last ``most`` records (0: all)."""
    kept = log.records[-most:] if most else log.records
    if log.cut or len(kept) < len(log.records):
        yield Line(f"  (the last {count(len(kept), 'record')})", "dim")
    for one in kept:
        style = "bad" if one.level <= 3 else "plain"
        texts = one.text.split("\n")
        for number, text in enumerate(texts[:100]):
            stamp = f"[{one.at_ns / 1e9:12.6f}]" if number == 0 else " " * 14
            yield Line(f"  {stamp} {plain(text, 2000)}", style)
    if log.lost:
        yield Line(f"  {count(log.lost, 'record')} could not be read: they were being overwritten", "bad")


def missing_lines(missing: Sequence[Missing]) -> Iterator[Line]:
    """What could not be read, and why; each once."""
    told = tuple(dict.fromkeys((plain(one.what, 80), plain(one.why, 300)) for one in missing))
    for what, why in told[:_MOST_MISSING]:
        yield Line(f"  {what}: {why}")
    if len(told) > _MOST_MISSING:
        yield Line(f"  and {len(told) - _MOST_MISSING} more (--json)", "dim")


def outside_lines(vcpus: Sequence[VcpuActivity]) -> Iterator[Line]:
    """What the registers tell of a guest whose kernel is not known: mode, privilege, halted or not, whether it moves."""
    for one in vcpus[:_MOST_VCPUS]:
        yield Line(f"  vCPU {one.vcpu}: {_outside(one)} ({count(one.samples, 'look')})")
    if len(vcpus) > _MOST_VCPUS:
        yield Line(f"  and {len(vcpus) - _MOST_VCPUS} more", "dim")


def _outside(one: VcpuActivity) -> str:
    mode = f"{one.mode.value} mode" + (", paging on" if one.paging_ratio > 0.5 else "")
    if one.halted_ratio == 1.0:
        return f"{mode}, halted at {one.top_ip:#x} every time"
    halted = f"{share(one.halted_ratio)} halted, " if one.halted_ratio else ""
    split = f"{share(one.kernel_ratio)} at CPL 0, {share(one.user_ratio)} above"
    off = f", interrupts off {share(one.interrupts_off_ratio)}" if one.interrupts_off_ratio else ""
    port = f", it reads port {one.polls_port:#x} over and over" if one.polls_port is not None else ""
    return f"{mode}, {halted}{split}{off}; {_moves(one)}{port}"


def _moves(one: VcpuActivity) -> str:
    if one.places == 1:
        return f"it does not leave {one.top_ip:#x}"
    within = f"within {size(one.span_bytes)}" if one.span_bytes < _HALF_OF_ALL else "between programs and the kernel"
    return f"it moves {within}, most often at {one.top_ip:#x} ({share(one.top_ip_ratio)})"
