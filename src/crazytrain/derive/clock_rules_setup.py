"""Rules about timers and the real-time clock: as libvirt has them written down, as QEMU was started, and what suits the guest's system."""

from collections.abc import Iterator

from crazytrain.derive.clock_case import FULL_STOP, Seen
from crazytrain.derive.clock_state import zone_hours
from crazytrain.derive.clock_written import other_than_written, pending
from crazytrain.model.evidence import Ref
from crazytrain.model.facts.clock_setup import Misfit, Remark, Weight
from crazytrain.model.finding import Step

_SOME_S = 120.0
_SHOWN = 4


def windows_clock(seen: Seen) -> Iterator[Misfit]:
    """A Windows without Hyper-V's reference clock reads devices for the time."""
    if not (seen.windows and seen.kvm) or seen.has("hv-time") is not False:
        return
    yield Misfit(
        slug="windows-without-hyperv-clock",
        weight=Weight.COST,
        says=f"a Windows guest (by {seen.state.system_by}) without Hyper-V's clock",
        why="without it Windows reads the HPET or the ACPI timer for each look at the time, and QEMU emulates both; many then keep the host "
        "busy while they idle",
        steps=(
            seen.set("offer it Hyper-V's clock", "hypervclock=on"),
            seen.set("and Hyper-V's timers, which make the RTC's ticks needless", "hypervclock=on", "hyperv-stimer=on"),
        ),
        refs=_setup(seen),
    )


def windows_hpet(seen: Seen) -> Iterator[Misfit]:
    """A Windows that has an HPET uses it."""
    if not (seen.windows and seen.kvm and seen.hpet):
        return
    yield Misfit(
        slug="windows-with-hpet",
        weight=Weight.COST if seen.has("hv-time") is False else Weight.ADVICE,
        says="a Windows guest with an HPET",
        why=f"{_hpet_from(seen)}; Windows takes it for its ticks or for its time, each access leaves the guest for QEMU, and lost ticks of an "
        "HPET are not made up for",
        steps=(seen.set("take the HPET away, once Hyper-V's clock is there", "hypervclock=on", "hpet=off"),),
        refs=_setup(seen),
    )


def _hpet_from(seen: Seen) -> str:
    option = seen.argv.option("hpet") if seen.argv else None
    if option and option.words:
        return f"its command line says {option.words}"
    return (
        f"its machine type ({option.default_of}) has one by default"
        if option and option.default_of
        else "its machine has one"
    )


def catchup_with_hpet(seen: Seen) -> Iterator[Misfit]:
    """Lost ticks are made up for on the RTC, and the guest may tick by the HPET, which makes up for none."""
    slews = seen.argv.value("rtc-driftfix") == "slew" if seen.argv else False
    if (
        not slews or not seen.hpet or seen.linux or seen.windows
    ):  # a Windows is told of its HPET anyway, a Linux counts no ticks
        return
    yield Misfit(
        slug="catchup-with-hpet",
        weight=Weight.ADVICE,
        says="lost ticks of the RTC are made up for (catchup), and there is an HPET, whose ticks are not",
        why=f"a guest that takes the HPET for its ticks loses time all the same ({_hpet_from(seen)})",
        steps=(seen.set("take the HPET away, so that its ticks come from the RTC", "hpet=off"),),
        refs=_setup(seen),
    )


def windows_ticks(seen: Seen) -> Iterator[Misfit]:
    """A Windows that ticks by the RTC and loses what the host could not deliver in time."""
    if not (seen.windows and seen.argv) or seen.argv.value("rtc-driftfix") != "none" or seen.has("hv-stimer"):
        return
    yield Misfit(
        slug="windows-loses-ticks",
        weight=Weight.ADVICE,
        says="a Windows guest whose lost RTC ticks are dropped",
        why="a Windows without Hyper-V's timers counts the RTC's ticks; what a busy host delivers too late is lost, and its clock falls behind",
        steps=(
            seen.set("let lost ticks be made up for", "rtc-tickpolicy=catchup"),
            seen.set("or give it Hyper-V's timers, which lose none", "hypervclock=on", "hyperv-stimer=on"),
        ),
        refs=_setup(seen),
    )


def wrong_base(seen: Seen) -> Iterator[Misfit]:
    """The RTC is in local time for a Linux, or in UTC for a Windows, and that makes a difference on this host."""
    base = seen.argv.value("rtc-base") if seen.argv else ""
    hours = zone_hours(seen.rtc.ahead_s * 1e9) if seen.rtc else None
    same = seen.rtc is not None and abs(seen.rtc.ahead_s) < _SOME_S
    if seen.linux and base == "localtime" and not same:
        told = f" (now {hours:+g} h against UTC)" if hours is not None else ""
        yield Misfit(
            slug="linux-rtc-localtime",
            weight=Weight.ADVICE,
            says=f"the RTC is kept in local time{told}, and the guest is a Linux",
            why="Linux takes the RTC for UTC at boot: its time is wrong by the time zone until something sets it right",
            steps=(seen.set("keep the RTC in UTC", "clock-offset=utc"),),
            refs=(*_setup(seen), *((seen.rtc.ref,) if seen.rtc else ())),
        )
    if seen.windows and base == "utc" and same:
        yield Misfit(
            slug="windows-rtc-utc",
            weight=Weight.ADVICE,
            says="the RTC is kept in UTC, and the guest is a Windows",
            why="Windows takes the RTC for local time (unless its RealTimeIsUniversal says otherwise): outside of UTC its clock is wrong after "
            "each boot",
            steps=(seen.set("keep the RTC in the host's local time", "clock-offset=localtime"),),
            refs=(*_setup(seen), *((seen.rtc.ref,) if seen.rtc else ())),
        )


def not_as_written(seen: Seen) -> Iterator[Misfit]:
    """The running QEMU does otherwise than the XML of the running guest says."""
    if seen.live is None or seen.argv is None:
        return
    others = list(other_than_written(seen.live, seen.argv))[:_SHOWN]
    if not others:
        return
    told = "; ".join(f"{what}: the XML says {wanted}, QEMU runs with {runs}" for what, wanted, runs in others)
    yield Misfit(
        slug="not-as-written",
        weight=Weight.ADVICE,
        says=f"QEMU does not run with what libvirt has written down: {told}",
        why="what QEMU runs with counts. Options past libvirt do that (<qemu:commandline>, a script in the place of <emulator>)",
        steps=(
            Step(
                "see what adds to its command line",
                f"virsh dumpxml {seen.name} | grep -n -A9 -e qemu:commandline -e '<emulator'",
            ),
        ),
        refs=(*seen.live.refs, *seen.argv.refs),
    )


def invariant_without_frequency(seen: Seen) -> Iterator[Misfit]:
    """An invariant TSC of no written frequency: such a guest cannot be migrated, or must not be."""
    if seen.has("invtsc") is not True or seen.argv is None or seen.argv.value("tsc-frequency"):
        return
    option = seen.argv.option("invtsc")
    if option and not option.words:  # host-passthrough, not migratable: it was chosen
        return
    yield Misfit(
        slug="invtsc-without-frequency",
        weight=Weight.ADVICE,
        says="its TSC is promised to be invariant (invtsc), but its frequency is not written down",
        why="QEMU refuses to migrate or save such a guest, for another host's TSC may run at another frequency",
        steps=(
            Step("see the frequency of the host's TSC", "virsh capabilities | grep -i \"counter name='tsc'\""),
            seen.set("write that down", f"tsc-frequency={round(seen.page.tsc_hz) if seen.page else 'HZ'}"),
        ),
        refs=_setup(seen),
    )


def remarks(seen: Seen) -> Iterator[Remark]:
    """What stands in the setup, and has no effect or none yet."""
    refs = _setup(seen)
    later = pending([one for one in (seen.live, seen.persistent) if one])
    if later:
        told = "; ".join(f"{one.what}: {one.live} now, {one.persistent} then" for one in later[:_SHOWN])
        more = f" and {len(later) - _SHOWN} more" if len(later) > _SHOWN else ""
        says = f"the persistent XML differs ({told}{more}): it {FULL_STOP}; a reboot is not enough"
        yield Remark("pending", says, _both(seen))
    tsc = seen.live.timer("tsc") if seen.live else None
    if tsc and tsc.mode:
        yield Remark("tsc-mode", f"<timer name='tsc' mode='{tsc.mode}'> has no effect: QEMU knows no such modes", refs)
    if seen.tcg and seen.argv and (option := seen.argv.option("kvmclock")) and option.words:
        yield Remark(
            "tcg-kvmclock-setting",
            "its command line has a setting for kvmclock: without KVM (TCG) it has no effect",
            refs,
        )
    if seen.linux and seen.argv and seen.argv.value("rtc-driftfix") == "slew":
        says = "lost ticks of the RTC are made up for (catchup): virt-install writes that for every guest; a Linux counts no RTC ticks"
        yield Remark("catchup-linux", says, refs)
    if seen.argv and seen.argv.value("rtc-clock") == "vm":
        yield Remark(
            "rtc-follows-guest", "its RTC follows the guest's own time: while the guest is paused, it stands", refs
        )
    if seen.argv and seen.argv.value("icount"):
        yield Remark(
            "icount", "it counts instructions as time (-icount): its clock need not go as the host's does", refs
        )


def _both(seen: Seen) -> tuple[Ref, ...]:
    """Where the two definitions stand."""
    return tuple(dict.fromkeys(ref for one in (seen.live, seen.persistent) if one for ref in one.refs))


def _setup(seen: Seen) -> tuple[Ref, ...]:
    """Where the setup stands: the command line, the XML, what the monitor says of the machine."""
    found = (
        *(seen.argv.refs if seen.argv else ()),
        *(seen.live.refs if seen.live else ()),
        *(seen.traits.refs[:1] if seen.traits else ()),
    )
    return tuple(dict.fromkeys(found))
