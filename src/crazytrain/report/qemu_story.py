"""The story of what QEMU says of itself: machine, disks, queues, screens, migration, balloon, clock, events."""

from collections.abc import Callable, Iterator

from crazytrain.model.facts import ArmView, Facts, KvmExits, QemuState, VcpuView
from crazytrain.model.facts.block import BlockJobs, BlockUse, DiskState, DiskStates, DiskUse
from crazytrain.model.facts.devices import MachineTraits, Owners, VirtioReading, VirtQueues
from crazytrain.model.facts.services import (
    BalloonUse,
    Displays,
    Iothreads,
    Migration,
    QemuEvent,
    RtcReading,
)
from crazytrain.model.figures import count, rate, share, size, span
from crazytrain.model.report import StoryLine
from crazytrain.report.sentence import line

SHOWN = 4
RTC_WRONG_FROM_S = 5.0
HOUR_S = 3600.0
FARTHEST_ZONE_S = 14.1 * HOUR_S
KNOWN_BY_TREE = "info mtree"


def qemu_story(facts: Facts) -> Iterator[StoryLine]:
    """All sentences; what is as it should be is not told."""
    for tell in _TELLERS:
        yield from tell(facts)


def _machine(facts: Facts) -> Iterator[StoryLine]:
    traits = facts.get(MachineTraits)
    if traits is None or not traits.machine:
        return
    words = [f"its machine is {traits.machine}"]
    if traits.rtc_lost_ticks:
        words.append(f"lost ticks of the RTC: {traits.rtc_lost_ticks}")
    if traits.hpet is not None:
        words.append("it has an HPET" if traits.hpet else "no HPET")
    if traits.kvmclock is not None:
        words.append("kvmclock is offered" if traits.kvmclock else "kvmclock is not offered")
    if "hv-stimer" in traits.features:
        words.append("Hyper-V timers are offered")
    yield line("; ".join(words), traits.refs)


def _reason(facts: Facts) -> Iterator[StoryLine]:
    state = facts.get(QemuState)
    if state and state.status_reason:
        yield line(f"libvirt says it is {state.status_reason}", state.refs)
    if state and state.marked:
        says = "QEMU itself was asked through libvirt, which marks the domain (custom-monitor) until it is started anew; the mark does no harm"
        yield line(says, state.refs)


def _disks(facts: Facts) -> Iterator[StoryLine]:
    use, states = facts.get(BlockUse), facts.get(DiskStates)
    known = {state.disk: state for state in states.disks} if states else {}
    busy = (
        sorted((d for d in use.disks if d.requests_per_s >= 1 or d.failed), key=lambda d: -d.requests_per_s)
        if use
        else []
    )
    for disk in busy[:SHOWN]:
        yield line(_disk(disk, known.get(disk.disk)), use.refs if use else ())
    for state in known.values():
        if state.io_status not in ("", "ok"):
            yield line(
                f"disk {state.disk} ({state.file}) is in trouble: {state.io_status}", states.refs if states else ()
            )


def _disk(disk: DiskUse, state: DiskState | None) -> str:
    file = f" ({state.file})" if state and state.file else ""
    parts = []
    for per_s, name, moved, each in (
        (disk.reads_per_s, "reads", disk.read_bytes_per_s, disk.read_ns),
        (disk.writes_per_s, "writes", disk.written_bytes_per_s, disk.write_ns),
        (disk.flushes_per_s, "flushes", 0.0, disk.flush_ns),
    ):
        if per_s:
            bytes_moved = f", {size(int(moved))}/s" if moved else ""
            parts.append(f"{rate(per_s)} {name}{bytes_moved}" + (f", {span(each)} each" if each else ""))
    under_way = f"; {disk.in_flight:.1f} under way on average" if disk.in_flight >= 0.05 else ""
    failed = f"; {count(disk.failed, 'request')} failed" if disk.failed else ""
    limited = "; it is throttled" if state and state.throttled else ""
    return f"disk {disk.disk}{file}: {'; '.join(parts)}{under_way}{failed}{limited}"


def _jobs(facts: Facts) -> Iterator[StoryLine]:
    jobs = facts.get(BlockJobs)
    for job in jobs.jobs[:SHOWN] if jobs else ():
        how_far = f", {share(job.done / job.total)} done" if job.total else ""
        yield line(
            f"a block job ({job.kind}) on {job.id} is {job.status or 'there'}{how_far}", (jobs.ref,) if jobs else ()
        )


def _queues(facts: Facts) -> Iterator[StoryLine]:
    queues, reading = facts.get(VirtQueues), facts.get(VirtioReading)
    busiest = sorted(queues.queues, key=lambda q: -(q.used_per_s + 1e6 * q.stuck)) if queues else []
    for queue in [q for q in busiest if q.stuck or q.used_per_s >= 1][:SHOWN]:
        name = f"{queue.device} queue {queue.queue}"
        says = f"{name}: {count(queue.in_use, 'request')} taken and none given back" if queue.stuck else ""
        yield line(says or f"{name}: {rate(queue.used_per_s)} given back to the guest", queues.refs if queues else ())
    for device in reading.devices if reading else ():
        if device.broken or device.needs_reset:
            says = f"QEMU has stopped {device.device}: the guest's driver broke the rules, and only a reset of it helps"
            yield line(says, reading.refs if reading else ())


def _owners(facts: Facts) -> Iterator[StoryLine]:
    exits = facts.get(KvmExits)
    if exits is None or facts.get(Owners) is None:
        return
    port = max(exits.ports, key=lambda p: p.count, default=None)
    if port and KNOWN_BY_TREE in port.owner_known_by:
        yield line(f"port {port.port:#x} belongs to {port.owner} (by {port.owner_known_by})", exits.refs)


def _screens(facts: Facts) -> Iterator[StoryLine]:
    displays = facts.get(Displays)
    if displays and displays.clients:
        kinds = sorted({display.kind for display in displays.displays if display.clients})
        watched = "is connected" if displays.clients == 1 else "are connected"
        yield line(f"{count(displays.clients, 'client')} of {' and '.join(kinds)} {watched}", displays.refs)


def _moves(facts: Facts) -> Iterator[StoryLine]:
    migration = facts.get(Migration)
    if migration and migration.status not in ("", "none", "completed", "failed", "cancelled"):
        left = f", {size(migration.remaining_bytes)} to go" if migration.remaining_bytes is not None else ""
        what = migration.operation or "a migration"
        yield line(f"{what} is {migration.status}{left}", migration.refs)
    balloon = facts.get(BalloonUse)
    if balloon and balloon.grown_bytes:
        way = "given back to" if balloon.grown_bytes > 0 else "taken from"
        moved = f"{size(abs(balloon.grown_bytes))} of memory were {way} the guest"
        yield line(f"{moved}; it has {size(balloon.actual_bytes)} now", balloon.refs)


def _clock(facts: Facts) -> Iterator[StoryLine]:
    rtc = facts.get(RtcReading)
    if rtc is None or abs(rtc.ahead_s) < RTC_WRONG_FROM_S:
        return
    way = "ahead of" if rtc.ahead_s > 0 else "behind"
    off = abs(rtc.ahead_s) % HOUR_S
    near = min(off, HOUR_S - off) < RTC_WRONG_FROM_S and abs(rtc.ahead_s) < FARTHEST_ZONE_S
    zone = "; whole hours, so likely a time zone" if near else ""
    yield line(f"the guest's real-time clock is {span(abs(rtc.ahead_s) * 1e9)} {way} the host's{zone}", (rtc.ref,))


def _iothreads(facts: Facts) -> Iterator[StoryLine]:
    found = facts.get(Iothreads)
    for one in found.iothreads[:SHOWN] if found else ():
        polls = f"polls for up to {span(one.poll_max_ns)} before it sleeps" if one.poll_max_ns else "does not poll"
        yield line(f"iothread {one.id} (thread {one.tid}) {polls}", found.refs if found else ())


def _events(facts: Facts) -> Iterator[StoryLine]:
    for event in facts.all(QemuEvent)[-SHOWN:]:
        yield line(f"QEMU told of {event.name} {event.says}".rstrip(), (event.ref,))


def _modes(facts: Facts) -> Iterator[StoryLine]:
    view = facts.get(VcpuView)
    for vcpu in view.vcpus[:SHOWN] if view else ():
        if len(vcpu.modes) > 1:
            others = ", ".join(mode.value for mode in vcpu.modes[1:])
            yield line(f"vCPU {vcpu.vcpu} was also seen in {others} mode", view.refs if view else ())


def _arm(facts: Facts) -> Iterator[StoryLine]:
    view = facts.get(ArmView)
    for vcpu in view.vcpus[: 2 * SHOWN] if view else ():
        where = f"{share(vcpu.user_ratio)} user space (EL0), {share(vcpu.kernel_ratio)} kernel (EL1)"
        above = f", {share(vcpu.above_ratio)} above" if vcpu.above_ratio else ""
        often = f", most often at {vcpu.top_pc:#x} ({share(vcpu.top_pc_ratio)})" if vcpu.top_pc_ratio >= 0.3 else ""
        says = f"vCPU {vcpu.vcpu}: {where}{above} in {count(vcpu.samples, 'sample')} at {count(vcpu.places, 'place')}{often}"
        yield line(f"{says}; whether it was halted QEMU does not tell", view.refs if view else ())


_TELLERS: tuple[Callable[[Facts], Iterator[StoryLine]], ...] = (
    _machine,
    _reason,
    _modes,
    _arm,
    _owners,
    _disks,
    _jobs,
    _queues,
    _iothreads,
    _screens,
    _moves,
    _clock,
    _events,
)
