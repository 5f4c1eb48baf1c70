"""What KVM saw of a guest: why it left guest mode and for how long, ports, pages, registers, interrupts, halts."""

from collections import Counter
from collections.abc import Iterator, Sequence

from crazytrain.model.facts import ExitCount, ExitTime, Facts, KvmExits, KvmStats, VectorUse
from crazytrain.model.figures import rate, share, span
from crazytrain.model.report import StoryLine
from crazytrain.report.sentence import line

SHOWN_REASONS = 4
SHOWN = 3
NOTABLE_PER_S = 1.0
NOTABLE_SHARE = 0.005
SHOWN_COUNTERS = ("exits", "insn_emulation", "irq_injections", "halt_exits", "io_exits", "mmio_exits", "pf_taken")


def kvm_story(facts: Facts) -> tuple[StoryLine, ...]:
    """Sentences about exits; where these were not traced, KVM's own counters."""
    exits = facts.get(KvmExits)
    if exits is None or not exits.window_ns:
        return tuple(_counters(facts.get(KvmStats)))
    return (*_reasons(exits), *_devices(exits), *_interrupts(exits), *_halts(exits))


def _reasons(exits: KvmExits) -> Iterator[StoryLine]:
    for title, counts, times in (
        ("exits in KVM", exits.exits, exits.times),
        ("exits to QEMU", exits.userspace, exits.outside),
    ):
        by_reason = _by_reason(counts)
        if by_reason:
            said = ", ".join(
                f"{reason} {rate(exits.per_s(n))}{_took(reason, times, exits)}"
                for reason, n in by_reason.most_common(SHOWN_REASONS)
            )
            yield line(f"{title}: {said}", exits.refs)
    total = sum(place.count for place in exits.places)
    if total:
        said = ", ".join(f"{place.address:#x} {share(place.count / total)}" for place in exits.places[:SHOWN])
        yield line(f"instructions that leave most often: {said}", exits.refs)


def _by_reason(counts: Sequence[ExitCount]) -> Counter[str]:
    found: Counter[str] = Counter()
    for one in counts:
        found[one.reason] += one.count
    return found


def _took(reason: str, times: Sequence[ExitTime], exits: KvmExits) -> str:
    """The mean time of an exit, and the share of one CPU's time that all of them are; from the timed ones."""
    mine = [one for one in times if one.reason == reason and one.samples]
    samples = sum(one.samples for one in mine)
    if not samples:
        return ""
    mean_ns = sum(one.mean_ns * one.samples for one in mine) / samples
    whole = sum(one.time_ns for one in mine) / exits.window_ns
    return f" ({span(mean_ns)} each, {share(whole)} of one CPU's time)"


def _devices(exits: KvmExits) -> Iterator[StoryLine]:
    for port in sorted(exits.ports, key=lambda p: -p.count)[:SHOWN]:
        owner = f" ({port.owner})" if port.owner else ""
        yield line(f"port {port.port:#x}{owner}: {_way(port.write)} {rate(exits.per_s(port.count))}", exits.refs)
    for page in sorted(exits.mmio, key=lambda m: -m.count)[:SHOWN]:
        owner = f" ({page.owner})" if page.owner else ""
        yield line(f"MMIO page {page.page:#x}{owner}: {_way(page.write)} {rate(exits.per_s(page.count))}", exits.refs)
    for msr in sorted(exits.msrs, key=lambda m: -m.count)[:SHOWN]:
        name = msr.name or hex(msr.index)
        yield line(f"MSR {name}: {_way(msr.write)} {rate(exits.per_s(msr.count))}", exits.refs)
    for fault in exits.faults[:SHOWN]:
        if exits.per_s(fault.count) >= NOTABLE_PER_S:
            yield line(f"page faults at guest address {fault.page:#x}: {rate(exits.per_s(fault.count))}", exits.refs)


def _way(write: bool) -> str:
    return "write" if write else "read"


def _interrupts(exits: KvmExits) -> Iterator[StoryLine]:
    for title, vectors in (
        ("injected vectors", exits.vectors),
        ("vectors that local APICs accepted", exits.accepted),
        ("message-signalled interrupts, by vector", exits.msis),
    ):
        if said := _vectors(vectors, exits):
            yield line(f"{title}: {said}", exits.refs)
    lines = [one for one in exits.irq_lines[:SHOWN] if exits.per_s(one.raised) >= NOTABLE_PER_S]
    for one in lines:
        stuck = "" if one.lowered else ", and it was never lowered"
        yield line(f"interrupt line (GSI) {one.gsi} was raised {rate(exits.per_s(one.raised))}{stuck}", exits.refs)


def _vectors(vectors: Sequence[VectorUse], exits: KvmExits) -> str:
    shown = [one for one in vectors if exits.per_s(one.count) >= NOTABLE_PER_S][:SHOWN]
    return ", ".join(f"{one.vector:#x} {rate(exits.per_s(one.count))}" for one in shown)


def _halts(exits: KvmExits) -> Iterator[StoryLine]:
    for one in exits.halts[:SHOWN]:
        halts = one.polled + one.waited
        if exits.per_s(halts) < NOTABLE_PER_S:
            continue
        polled = one.polled_ns / exits.window_ns
        says = (
            f"thread {one.tid} halted {rate(exits.per_s(halts))}; in {share(one.polled / halts)} of them KVM's halt polling "
            f"found work before it slept, which took {share(polled)} of a CPU"
        )
        vain = f"; {share(one.in_vain / halts)} woke up for nothing" if one.in_vain else ""
        yield line(says + vain, exits.refs)
    for window in exits.pause_windows[:SHOWN]:
        says = f"vCPU {window.vcpu}: KVM changed its window for PAUSE loops {rate(exits.per_s(window.changes))}"
        yield line(f"{says}: the guest waits for locks", exits.refs)


def _counters(stats: KvmStats | None) -> Iterator[StoryLine]:
    if stats is None:
        return
    found = [(name, per_s) for name in SHOWN_COUNTERS if (per_s := stats.per_s(name)) is not None and per_s >= 1]
    if found:
        yield line("KVM's own counters: " + ", ".join(f"{name} {rate(per_s)}" for name, per_s in found), stats.refs)
