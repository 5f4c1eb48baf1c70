"""Measures of the machine: interrupt lines, exits and what they were for, KVM's counters, disks, vCPUs."""

import math
from collections import defaultdict
from collections.abc import Iterator

from crazytrain.derive.compare_calls import ours
from crazytrain.derive.compare_loops import timer_way
from crazytrain.derive.compare_names import Names
from crazytrain.derive.compare_threads import spread_of
from crazytrain.derive.compare_weight import CONSOLE, HOST_LOAD
from crazytrain.model.evidence import Ref
from crazytrain.model.facts import (
    Facts,
    InterruptRates,
    KvmExits,
    KvmStats,
    PortUse,
    QemuConfig,
    ThreadActivity,
    ThreadRole,
    VcpuView,
)
from crazytrain.model.facts.block import BlockUse
from crazytrain.model.facts.host import HostCpu
from crazytrain.model.facts.memory import FaultRates
from crazytrain.model.guest import Accelerator
from crazytrain.model.measure import Amount, Events, Measure, Part, Sampled, Spread

LINES = "interrupt lines"
PIT_LINE = "interrupt line 0"
_TIMER_LINES = (0, 8)
_SHARED_LINES = (5, 9, 10, 11)
_FIRST_HIGH_LINE = 16
_IDLE = "idle time, not load"
_IOWAIT = "iowait is idle time of the host's CPUs while something waits for a disk, no load"
_STEAL = "steal is what the machine below took from this host, not what the guest burns"
_TOUCHED = ("I/O ports", "pages of device memory", "registers (MSR)", "injected interrupts")
_SAMPLES_AT_ONCE = 4  # looks at a vCPU come in bursts: so many tell as much as one
_HOST_ERROR = 0.005
_SERIAL_LINES = (3, 4)
_SERIAL_PORTS = (*range(0x2F8, 0x300), *range(0x3F8, 0x400), 0xE9, 0x402)
_CONSOLE_LINES_TO_PER_S, _CONSOLE_PORTS_TO_PER_S = 1000.0, 3000.0
_MOST_OF = 0.7
_LITTLE_STEAL = 0.2
_LEADS = math.log(10)  # what fires or is touched comes before the turns, exits and CPU time that it costs
_TIMERS_LEAD = math.log(100)
_KICKED = "EINTR"  # a vCPU is kicked out of KVM_RUN for each look at its registers
_IDLE_REASONS = frozenset(("HLT", "MWAIT_INSTRUCTION", "hlt"))
_KVM_COUNTERS = {
    "exits": "",
    "io_exits": "",
    "mmio_exits": "",
    "irq_injections": "",
    "signal_exits": "",
    "halt_exits": _IDLE,
    "halt_wakeup": _IDLE,
    "pf_taken": "",
    "nmi_injections": "",
    "hypercalls": "",
    "directed_yield_attempted": "",
    "guest_mode": "",
}


def machine_measures(facts: Facts, names: Names) -> Iterator[Measure]:
    """All measures of the machine that this evidence holds."""
    yield from _lines(facts, names)
    yield from _exits(facts, ours(facts, names))
    yield from _counters(facts)
    yield from _disks(facts)
    yield from _vcpus(facts)
    yield from _host(facts)


def machine_zeros(facts: Facts) -> dict[str, Amount]:
    """The sources that were looked at; what is not among their measures did not happen."""
    zeros: dict[str, Amount] = {}
    irqs, exits, faults = facts.get(InterruptRates), facts.get(KvmExits), facts.get(FaultRates)
    if irqs and irqs.window_ns:
        spread = spread_of(facts, ThreadRole.MAIN_LOOP)
        zeros[LINES] = Events(count=0, window_ns=irqs.window_ns, spread=spread)
        if 0 not in irqs.uncounted:
            zeros[PIT_LINE] = zeros[LINES]
    if exits and exits.window_ns:
        none = Events(count=0, window_ns=exits.window_ns, spread=spread_of(facts, ThreadRole.VCPU))
        zeros |= dict.fromkeys(_exit_sources(exits), none)
    if faults and faults.window_ns:
        zeros["pages from disk"] = Events(count=0, window_ns=faults.window_ns)
    return zeros


def emulated_zeros(facts: Facts) -> dict[str, Amount]:
    """The sources of KVM's exits, for a guest that runs without KVM: then there are none, whatever its devices are asked."""
    config, threads = facts.get(QemuConfig), facts.get(ThreadActivity)
    if (
        facts.get(KvmExits)
        or not config
        or config.accelerator is not Accelerator.TCG
        or not threads
        or not threads.window_ns
    ):
        return {}
    return dict.fromkeys(("exits to QEMU", "exits", *_TOUCHED[:3]), Events(count=0, window_ns=threads.window_ns))


def _lines(facts: Facts, names: Names) -> Iterator[Measure]:
    irqs = facts.get(InterruptRates)
    if irqs is None or not irqs.window_ns:
        return
    spread = spread_of(facts, ThreadRole.MAIN_LOOP)
    owners = {rate.irq: rate.owner for rate in irqs.rates}
    for irq, owner in sorted(owners.items()):
        yield Measure(
            title=_line_title(irq, owner),
            source=LINES if irq else PIT_LINE,
            amount=Events(count=irqs.per_s(irq) * irqs.window_ns / 1e9, window_ns=irqs.window_ns, spread=spread),
            by=timer_way(facts, names) if irq in _TIMER_LINES else "",
            little=CONSOLE if irq in _SERIAL_LINES else "",
            little_to=_CONSOLE_LINES_TO_PER_S,
            lead=_TIMERS_LEAD if irq in _TIMER_LINES else _LEADS,
            refs=irqs.refs,
        )


def _line_title(irq: int, owner: str) -> str:
    """Lines of a PC keep their number; one of a PCI device is named for the device, whatever number it was given."""
    if owner and (irq in _SHARED_LINES or irq >= _FIRST_HIGH_LINE):
        return f"interrupts of {owner}"
    return f"IRQ {irq} ({owner})" if owner else f"IRQ {irq}"


def _exit_sources(exits: KvmExits) -> Iterator[str]:
    left = {event.split(" ")[0].removeprefix("kvm:") for event in exits.left_out}
    sources = {
        "kvm_userspace_exit": "exits to QEMU",
        "kvm_pio": "I/O ports",
        "kvm_mmio": "pages of device memory",
        "kvm_msr": "registers (MSR)",
        "kvm_inj_virq": "injected interrupts",
    }
    yield from (source for event, source in sources.items() if event not in left)
    if exits.hardware:
        yield "exits"


def _exits(facts: Facts, asked: float) -> Iterator[Measure]:
    exits = facts.get(KvmExits)
    if exits is None or not exits.window_ns:
        return
    spread = spread_of(facts, ThreadRole.VCPU)
    looked, console = set(_exit_sources(exits)), _of_console(exits)
    for (source, title, name), count in _counted(exits).items():
        if source in looked:
            mine = min(count, asked) if title.endswith(_KICKED) else 0.0
            amount = Events(count=count, window_ns=exits.window_ns, spread=spread, ours=mine)
            odd = _IDLE if source == "exits" and title.removeprefix("exits: ") in _IDLE_REASONS else ""
            yield Measure(
                title=title,
                source=source,
                amount=amount,
                name=name,
                odd=odd,
                little=CONSOLE if title in console else "",
                little_to=_CONSOLE_PORTS_TO_PER_S,
                lead=_LEADS if source in _TOUCHED else 0.0,
                refs=exits.refs,
            )


def _of_console(exits: KvmExits) -> frozenset[str]:
    """Ports of serial lines and debug consoles, and exits to QEMU for ports where these are most of them."""
    mine = [port for port in exits.ports if port.port in _SERIAL_PORTS]
    titles = {_port_title(port) for port in mine}
    most = sum(port.count for port in mine) >= _MOST_OF * sum(port.count for port in exits.ports)
    return frozenset(titles | {"exits to QEMU: IO"} if mine and most else titles)


def _port_title(port: PortUse) -> str:
    return f"port {port.port:#x} {'write' if port.write else 'read'}"


def _counted(exits: KvmExits) -> dict[tuple[str, str, str], int]:
    found: dict[tuple[str, str, str], int] = defaultdict(int)
    for one in exits.userspace:
        found["exits to QEMU", f"exits to QEMU: {one.reason}", ""] += one.count
    for one in exits.exits:
        found["exits", f"exits: {one.reason}", ""] += one.count
    for port in exits.ports:
        found["I/O ports", _port_title(port), port.owner] += port.count
    for page in exits.mmio:
        what = page.owner or f"page {page.page:#x}"
        found["pages of device memory", f"{what} {'write' if page.write else 'read'}", f"{page.page:#x}"] += page.count
    for msr in exits.msrs:
        way = "write" if msr.write else "read"
        found["registers (MSR)", f"MSR {msr.name or hex(msr.index)} {way}", ""] += msr.count
    return found


def _counters(facts: Facts) -> Iterator[Measure]:
    stats = facts.get(KvmStats)
    if stats is None or not stats.window_ns:
        return
    told = facts.get(KvmExits) is not None  # then the exits themselves say it better
    spread = spread_of(facts, ThreadRole.VCPU)
    for stat in stats.stats:
        if stat.name in _KVM_COUNTERS:
            yield Measure(
                title=f"KVM counter {stat.name}",
                source="KVM's counters",
                amount=Events(count=stat.per_s * stats.window_ns / 1e9, window_ns=stats.window_ns, spread=spread),
                odd=_KVM_COUNTERS[stat.name],
                follows=told,
                refs=stats.refs,
            )


def _disks(facts: Facts) -> Iterator[Measure]:
    disks, faults = facts.get(BlockUse), facts.get(FaultRates)
    if disks and disks.window_ns:
        yield _steady("disk requests", "disks", sum(d.requests_per_s for d in disks.disks), disks.window_ns, disks.refs)
    if faults and faults.window_ns:
        yield _steady("waits for pages from disk", "pages from disk", faults.per_s, faults.window_ns, faults.refs)


def _steady(title: str, source: str, per_s: float, window_ns: int, refs: tuple[Ref, ...]) -> Measure:
    amount = Events(count=per_s * window_ns / 1e9, window_ns=window_ns, spread=Spread())
    return Measure(title=title, source=source, amount=amount, refs=refs)


def _vcpus(facts: Facts) -> Iterator[Measure]:
    view = facts.get(VcpuView)
    samples = sum(v.samples for v in view.vcpus) / _SAMPLES_AT_ONCE if view else 0
    if view is None or not samples:
        return
    halted = sum(v.halted_ratio * v.samples for v in view.vcpus) / sum(v.samples for v in view.vcpus)
    off = sum(v.interrupts_off_ratio * v.samples for v in view.vcpus) / sum(v.samples for v in view.vcpus)
    shares = (("vCPU halted", halted, _IDLE), ("vCPU has interrupts off", off, ""))
    for title, ratio, odd in shares:
        amount = Sampled(ratio * samples, samples)
        yield Measure(title=title, source="vCPU registers", amount=amount, odd=odd, follows=True, refs=view.refs)


def _host(facts: Facts) -> Iterator[Measure]:
    cpu = facts.get(HostCpu)
    if cpu is None or not cpu.window_ns:
        return
    for title, ratio, odd in (("host iowait", cpu.iowait_ratio, _IOWAIT), ("host steal", cpu.steal_ratio, _STEAL)):
        amount = Part(share=ratio, error=_HOST_ERROR)
        little_to = _LITTLE_STEAL if title == "host steal" else 1.0
        yield Measure(
            title=title,
            source="host CPUs",
            amount=amount,
            odd=odd,
            follows=True,
            little=HOST_LOAD,
            little_to=little_to,
            refs=cpu.refs,
        )
