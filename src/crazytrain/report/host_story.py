"""What the host allows the guest, how it is set up where that matters, and what it and QEMU wrote."""

from collections.abc import Callable, Iterator

from crazytrain.model.facts import Facts, GuestClock, HostFacts
from crazytrain.model.facts.cgroup import CgroupLimits
from crazytrain.model.facts.host import HostCpu, HostParameters
from crazytrain.model.facts.logs import HostLine, HostLog, KernelMeaning, QemuLog, QemuMeaning
from crazytrain.model.facts.memory import FaultRates, MemoryUse
from crazytrain.model.facts.storage import GuestStorage, ImageReading, is_full
from crazytrain.model.figures import count, rate, share, size, span
from crazytrain.model.report import StoryLine
from crazytrain.report.sentence import line

SHOWN = 4
RECENT_NS = 3600 * 10**9
NOTABLE = 0.02
STEP_FROM_NS = 1_000_000
OFF_FROM_PPM = 10.0  # what cpuinfo tells of the host's frequency is good to some ppm
FEW_BYTES, FEW_SHARE = 1 << 30, 0.03
_BEFORE_BOOT = (KernelMeaning.CLOCKSOURCE, KernelMeaning.TRACE, KernelMeaning.TIME_STEP)
_NOT_TROUBLE = (QemuMeaning.STARTED, QemuMeaning.SHUT_DOWN, QemuMeaning.WARNING)


def host_story(facts: Facts) -> tuple[StoryLine, ...]:
    """Sentences about the host; few where nothing stands out."""
    return tuple(said for tell in _TELLERS for said in tell(facts))


def _set_up(facts: Facts) -> Iterator[StoryLine]:
    host, parameters, cpu = facts.get(HostFacts), facts.get(HostParameters), facts.get(HostCpu)
    if host and host.clocksource and host.clocksource != "tsc":
        others = f" (there are {', '.join(host.clocksources)})" if host.clocksources else ""
        yield line(f"the host's own clocksource is {host.clocksource}{others}", host.refs)
    if host and host.tsc_flags is not None and host.vendor and not _steady(host.tsc_flags):
        yield line("the host's TSC does not run steadily (constant_tsc or nonstop_tsc is missing)", host.refs)
    if parameters:
        yield from (line(says, parameters.refs) for says in _switches(parameters))
    if cpu and cpu.steal_ratio >= NOTABLE:
        yield line(f"a hypervisor below took {share(cpu.steal_ratio)} of the host's CPU time (steal)", cpu.refs)


def _steady(flags: tuple[str, ...]) -> bool:
    return {"constant_tsc", "nonstop_tsc"} <= set(flags)


def _switches(parameters: HostParameters) -> Iterator[str]:
    """What is set otherwise than most hosts have it, and matters to guests."""
    off = {
        "kvmclock_periodic_sync": "KVM does not sync the clocks of vCPUs (kvmclock_periodic_sync=N)",
        "ept": "KVM has no second level of page tables (ept=N)",
        "npt": "KVM has no second level of page tables (npt=N)",
    }
    yield from (says for name, says in off.items() if parameters.is_on(name) is False)
    if parameters.lockdown in ("integrity", "confidentiality"):
        yield f"the host's kernel is locked down ({parameters.lockdown}): less can be traced"
    if parameters.ksm == 1:
        yield "KSM merges memory on this host"
    if parameters.numa_balancing and (parameters.nodes or 1) > 1:
        yield "NUMA balancing moves memory between the host's nodes"


def _groups(facts: Facts) -> Iterator[StoryLine]:
    limits = facts.get(CgroupLimits)
    for group in limits.groups if limits else ():
        if limits is None:
            return
        if group.frozen:
            yield line(f"control group {group.path} is frozen", limits.refs)
        if group.quota_cpus is not None:
            ran_out = share(group.throttled_periods_ratio or 0.0)
            held = share(group.throttled_ratio or 0.0)
            says = f"control group {group.path} may take {group.quota_cpus:g} of a CPU; it ran out in {ran_out} of its periods"
            yield line(f"{says} and was held back {held} of the time", limits.refs)
        if group.memory_max_bytes and group.memory_bytes is not None and not group.top:
            used = f"{size(group.memory_bytes)} of the {size(group.memory_max_bytes)} that it may"
            yield line(f"control group {group.path} has taken {used} of memory", limits.refs)
    if limits and limits.allowed_cpus is not None and limits.allowed_cpus < limits.vcpu_threads:
        says = f"{limits.vcpu_threads} vCPU threads may use only {count(limits.allowed_cpus, 'CPU')} of the host"
        yield line(says, limits.refs)


def _memory(facts: Facts) -> Iterator[StoryLine]:
    memory, faults = facts.get(MemoryUse), facts.get(FaultRates)
    if memory and memory.last.swapped_bytes:
        yield line(f"{size(memory.last.swapped_bytes)} of QEMU's memory are swapped out", memory.refs)
    if memory and (memory.memory_some_ratio or 0.0) >= NOTABLE:
        yield line(
            f"tasks of the host waited for memory {share(memory.memory_some_ratio or 0)} of the time", memory.refs
        )
    if faults and faults.per_s >= 1:
        first = faults.threads[0]
        says = (
            f"QEMU's threads waited for memory from disk {rate(faults.per_s)}, most {first.comm} ({rate(first.per_s)})"
        )
        yield line(says, faults.refs)


def _storage(facts: Facts) -> Iterator[StoryLine]:
    storage = facts.get(GuestStorage)
    if storage is None:
        return
    for image in sorted(storage.images, key=_room)[:SHOWN]:
        if image.answers is False:
            yield line(
                f"the file system of {image.path} ({image.fs_type} on {image.mount_point}) does not answer",
                storage.refs,
            )
        elif image.writable and (is_full(image) or _is_narrow(image)):
            left = size(image.free_bytes or 0)
            where = f"{image.fs_type} on {image.mount_point}"
            yield line(f"{image.path}: {left} are left on its file system ({where})", storage.refs)
    for use in storage.devices:
        if use.stuck or (use.busy_ratio or 0.0) >= 0.8:
            how = (
                "has requests in flight and completes none"
                if use.stuck
                else f"was busy {share(use.busy_ratio or 0)} of the time"
            )
            yield line(f"disk {use.device.name} under its images {how}", storage.refs)
    for task in storage.blocked[:SHOWN]:
        since = f" for about {span(task.since_ns)}" if task.since_ns else ""
        at = f" in {task.wchan}" if task.wchan else ""
        yield line(f"task {task.comm} ({task.tid}) of the host is blocked{since}{at} (state D)", storage.refs)


def _room(image: ImageReading) -> tuple[bool, int]:
    return image.answers is not False, image.free_bytes if image.free_bytes is not None else 1 << 62


def _is_narrow(image: ImageReading) -> bool:
    if image.free_bytes is None or not image.total_bytes:
        return False
    return image.free_bytes < FEW_BYTES and image.free_bytes < FEW_SHARE * image.total_bytes


def _kernel_log(facts: Facts) -> Iterator[StoryLine]:
    """The last line of each meaning, for this guest and for others apart."""
    log = facts.get(HostLog)
    kinds: dict[tuple[KernelMeaning, bool], list[HostLine]] = {}
    for one in log.lines if log else ():
        if _matters(one):
            kinds.setdefault((one.line.meaning, one.ours), []).append(one)
    for lines in list(kinds.values())[-2 * SHOWN :]:
        last = lines[-1]
        when = (
            "within the window"
            if last.in_window
            else f"{span(last.ago_ns)} before"
            if last.ago_ns is not None
            else "once"
        )
        often = f", the last of {len(lines)}" if len(lines) > 1 else ""
        whom = ", of this guest" if last.ours else ""
        yield line(
            f"the host's kernel ({last.line.meaning.value}{whom}), {when}{often}: {last.line.text}", (last.line.ref,)
        )


def _matters(one: HostLine) -> bool:
    """What is about this guest, whenever; what is about the host, where it is fresh."""
    if one.line.meaning in _BEFORE_BOOT:
        return one.in_window
    return one.ours or one.in_window or (one.ago_ns is not None and one.ago_ns <= RECENT_NS)


def _qemu_log(facts: Facts) -> Iterator[StoryLine]:
    log = facts.get(QemuLog)
    if log is None:
        return
    trouble = [one for one in log.matter if one.meaning not in _NOT_TROUBLE]
    for one in trouble[-SHOWN:]:
        yield line(f"QEMU's log ({one.meaning.value}): {one.text}", (one.ref,))
    if log.dump:
        code = f", code {log.code}" if log.code else ""
        says = f"QEMU's log holds registers: {log.dump.mode.value} mode, at {log.dump.address:#x}, CPL {log.dump.cpl}{code}"
        yield line(says, log.refs)


def _clock(facts: Facts) -> Iterator[StoryLine]:
    clock = facts.get(GuestClock)
    if clock is None or not clock.pages:
        return
    yield from (line(says, clock.refs) for says in (*_against_the_host(clock), *_moves(clock)))


def _against_the_host(clock: GuestClock) -> Iterator[str]:
    if clock.ahead_ns is not None:
        way = "ahead of" if clock.ahead_ns > 0 else "behind"
        base = f"its TSC, which {clock.tsc_base}"
        yield f"the guest's kvmclock is {span(abs(clock.ahead_ns))} {way} {base}; up to some seconds come from starting it"
    if clock.tsc_beyond_host:
        yield "the guest's TSC is beyond what this host's can have counted: it comes from another host"
    if clock.pages[-1].guest_was_stopped:
        yield "the clock page says that the guest was stopped, and the guest has not taken note of it"
    if clock.scale_ppm is not None and abs(clock.scale_ppm) >= OFF_FROM_PPM:
        yield f"the guest's TSC is {clock.scale_ppm:+.0f} ppm off the host's frequency"


def _moves(clock: GuestClock) -> Iterator[str]:
    steps = [change for change in clock.changes if abs(change.step_ns) >= STEP_FROM_NS]
    yield from (f"the kvmclock stepped by {span(one.step_ns)} (page {one.address:#x})" for one in steps[:SHOWN])
    if clock.changes and not steps:
        yield f"KVM rewrote clock pages {count(len(clock.changes), 'time')} while they were watched, without a step"
    if clock.drift:
        sure = f"give or take {clock.drift.uncertain_ppm:.0f}"
        yield f"the kvmclock went {clock.drift.ppm:+.0f} ppm against the host's clock, {sure}"


_TELLERS: tuple[Callable[[Facts], Iterator[StoryLine]], ...] = (
    _set_up,
    _groups,
    _memory,
    _storage,
    _kernel_log,
    _qemu_log,
    _clock,
)
