"""Rules about the clocksource that a guest keeps time by, under the host that it runs on."""

from collections.abc import Iterator

from crazytrain.derive.clock_case import NOW, SLOW, TSC_BASED, Seen
from crazytrain.model.evidence import Ref
from crazytrain.model.facts.clock_setup import Misfit, Remark, Weight
from crazytrain.model.finding import Step

_WHERE_READ = {
    "acpi_pm": "each look at the time reads an I/O port that QEMU emulates",
    "hpet": "each look at the time reads a device page that QEMU emulates",
}
_HOST_LOG = "journalctl -k -b | grep -i -e tsc -e clocksource   # on the host: why it gave the TSC up"
_SAME_TSC = 250e-6  # what libvirt, too, lets a TSC differ by


def slow(seen: Seen) -> Iterator[Misfit]:
    """A clocksource that leaves the guest at each read, where KVM could give one that does not."""
    current = seen.state.clocksource
    if current not in SLOW or not seen.kvm:
        return
    yield Misfit(
        slug="slow-clocksource",
        weight=Weight.COST,
        says=f"the guest keeps time by {current}",
        why=_why_slow(seen, current),
        steps=tuple(_faster(seen, current)),
        refs=_refs(seen),
    )


def _why_slow(seen: Seen, current: str) -> str:
    cost = _WHERE_READ.get(current, "it counts ticks, and has no finer time between two of them")
    why = f"under KVM {cost}: thousands of times dearer than kvm-clock or tsc, which are read without leaving the guest"
    forced = seen.kernel_word("clocksource")
    if forced == f"clocksource={current}":
        return f"{why}. Its kernel was told so: {forced}"
    if seen.state.tsc_unstable:
        return f"{why}. Its kernel has given up its TSC as unstable"
    if seen.kvmclock is False:
        return f"{why}. It is not offered kvm-clock: {_how_off(seen)}"
    return why


def _how_off(seen: Seen) -> str:
    option = seen.argv.option("kvmclock") if seen.argv else None
    return option.words if option and option.words else "switched off"


def _faster(seen: Seen, current: str) -> Iterator[Step]:
    available = seen.state.available
    better = next((one for one in ("kvm-clock", "tsc") if one in available), "")
    if better:
        yield seen.set(f"use {better} now", f"clocksource={better}", harm=NOW)
    if forced := seen.kernel_word("clocksource"):
        yield seen.set(
            f"at its next boot, too ({forced} stands in its kernel's arguments)",
            f"clocksource={better or 'kvm-clock'}",
            harm="comes true at the guest's next boot",
            more=" --next-boot",
        )
    if seen.kvmclock is False and "kvm-clock" not in available:
        yield seen.set("offer it kvm-clock", "kvmclock=on")
    if not better and not available:
        yield seen.step(
            "see which it could use", f"crazytrain clock {{name}}   # as root, or with its agent; it keeps {current}"
        )
    if seen.state.tsc_unstable and not better:
        yield seen.step("see why the guest gave its TSC up", "crazytrain inside {name} --dmesg 200")


def tsc_on_bad_host(seen: Seen) -> Iterator[Misfit]:
    """The guest counts on the TSC, and the host's own kernel does not."""
    host = seen.host
    if not seen.kvm or host is None or not host.clocksource or seen.state.clocksource != "tsc":
        return
    if host.clocksource in TSC_BASED or "tsc" in host.clocksources or host.hypervisor:
        return
    steps = [seen.set("let KVM correct what the TSC does", "clocksource=kvm-clock", harm=NOW)]
    if "kvm-clock" not in seen.state.available and seen.kvmclock is False:
        steps = [seen.set("offer it kvm-clock", "kvmclock=on")]
    yield Misfit(
        slug="tsc-on-unstable-host",
        weight=Weight.FAULT,
        says=f"the guest keeps time by tsc, but the host has given its TSC up and uses {host.clocksource}",
        why="the guest reads the host's TSC as it is: where that stops, jumps or differs between CPUs, so does the guest's time",
        steps=(*steps, seen.step("see why the host gave it up", _HOST_LOG)),
        refs=(*_refs(seen), *host.refs[:1]),
    )


def no_master_clock(seen: Seen) -> Iterator[Misfit]:
    """kvm-clock without the promise that all vCPUs read the same: each look at the time is a system call, or worse."""
    page, host = seen.page, seen.host
    other = bool(host and host.clocksource and host.clocksource not in TSC_BASED)
    if seen.state.clocksource != "kvm-clock" or not seen.kvm or (page.tsc_is_stable if page else not other):
        return
    reason = "KVM gives each vCPU a clock of its own"
    reason += " (its pages do not say that the TSC is stable)" if page else ""
    if host and other:
        reason += f", for the host's clocksource is {host.clocksource}"
        reason += " (it is itself a guest)" if host.hypervisor else ""
    yield Misfit(
        slug="kvm-clock-unstable-host",
        weight=Weight.COST,
        says="kvm-clock works, but not at its best: the host's TSC is not one that KVM trusts",
        why=f"{reason}: the guest's programs then ask their kernel for each look at the time, and vCPUs may differ a little",
        steps=tuple(_better_host(seen)),
        refs=(*(seen.pages.refs[:1] if seen.pages else ()), *(host.refs[:1] if host else ())),
    )


def _better_host(seen: Seen) -> Iterator[Step]:
    if seen.host and seen.host.hypervisor:
        yield seen.step(
            "the host is a guest: where it is one of KVM, its own host can give it an invariant TSC",
            "cat /sys/devices/system/clocksource/clocksource0/available_clocksource   # on the host: is tsc there?",
        )
    else:
        yield seen.step("see why the host does not use its TSC", _HOST_LOG)


def other_frequency(seen: Seen) -> Iterator[Misfit]:
    """The guest reckons with another TSC frequency than its TSC has now: it came from another host."""
    page, khz = seen.page, seen.state.tsc_khz
    if not seen.kvm or page is None or not khz or not page.tsc_hz:
        return
    off = khz * 1e3 / page.tsc_hz - 1
    if abs(off) <= _SAME_TSC or seen.state.clocksource != "tsc":
        return
    came = " (it was migrated here, or restored)" if seen.argv and seen.argv.incoming else ""
    yield Misfit(
        slug="tsc-other-frequency",
        weight=Weight.FAULT,
        says=f"the guest reckons with a TSC of {khz / 1e3:,.3f} MHz, and its TSC runs at {page.tsc_hz / 1e6:,.3f} MHz{came}",
        why=f"it measured its TSC at its boot: its time now goes {abs(off) * 1e6:,.0f} ppm too {'slow' if off > 0 else 'fast'}",
        steps=(
            seen.set("let it use a clock that follows the host", "clocksource=kvm-clock", harm=NOW),
            seen.set_wall,
        ),
        refs=(*_refs(seen), *(seen.pages.refs[:1] if seen.pages else ())),
    )


def remarks(seen: Seen) -> Iterator[Remark]:
    """What looks odd of a clocksource and is as it should be."""
    state, current, refs = seen.state, seen.state.clocksource, _refs(seen)
    if seen.tcg:
        yield from _under_tcg(seen)
    if seen.kvm and current == "tsc" and "kvm-clock" in state.available:
        yield Remark(
            "tsc-before-kvm-clock", "it prefers tsc to kvm-clock: Linux does so where the TSC is invariant", refs
        )
    if seen.kvm and seen.linux and current == "tsc" and seen.kvmclock is False:
        says = (
            f"kvm-clock is switched off ({_how_off(seen)}): fine as long as the host's TSC is, and it is not migrated"
        )
        yield Remark("kvmclock-off", says, seen.argv.refs if seen.argv else ())
    if current == "kvm-clock" and state.tsc_unstable:
        says = "its kernel has marked its TSC as unstable: kvm-clock, which it uses, takes KVM's corrections and goes on well"
        yield Remark("tsc-unstable-kvm-clock", says, refs)
    if current == "tsc-early":
        yield Remark("tsc-early", "it is still booting: tsc-early is replaced within seconds", refs)
    said = {one.clocksource: one.by for one in state.sources if one.by != "its console"}
    if len(said) > 1:
        told = " and ".join(f"{by} says {name}" for name, by in said.items())
        yield Remark("sources-disagree", f"{told}: it was changed meanwhile, or one of them is wrong", refs)


def _under_tcg(seen: Seen) -> Iterator[Remark]:
    current, refs = seen.state.clocksource, _refs(seen)
    if seen.linux or not seen.state.system:
        says = "without KVM (TCG) there is no kvm-clock, and none can be switched on: tsc, hpet and acpi_pm are what there is"
        yield Remark("tcg-no-kvm-clock", says, seen.argv.refs if seen.argv else refs)
    if current in SLOW:
        why = (
            "; its kernel gave its TSC up, as happens when an emulated CPU is held up"
            if seen.state.tsc_unstable
            else ""
        )
        says = f"it keeps time by {current}: dear under KVM, but here all of the CPU is emulated, and that costs far more{why}"
        yield Remark("tcg-slow-clocksource", says, refs)


def _refs(seen: Seen) -> tuple[Ref, ...]:
    return seen.state.sources[0].refs if seen.state.sources else ()
