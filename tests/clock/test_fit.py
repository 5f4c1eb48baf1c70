"""Each rule of a guest's clock: what fits badly, what only looks so, and what nobody knows."""

from collections.abc import Iterator

import msgspec
import pytest

from crazytrain.derive import clock_rules_course, clock_rules_setup, clock_rules_source
from crazytrain.derive.clock_fit import RULES
from crazytrain.derive.clock_state import derive_clock_state, zone_hours
from crazytrain.derive.clock_written import pending
from crazytrain.diagnose.causes.slow_clocksource import CAUSE
from crazytrain.diagnose.engine import judge
from crazytrain.model.evidence import Outcome, Ref
from crazytrain.model.facts import Facts, GuestClock, QemuState
from crazytrain.model.facts.clock import ClockChange, PvclockPage
from crazytrain.model.facts.clock_setup import ClockXml, ConsoleClock, Misfit, Place, Weight
from crazytrain.model.facts.devices import MachineTraits
from crazytrain.model.facts.guest_inside import GuestInside
from crazytrain.model.facts.inside import ClockReading, InsideReading
from crazytrain.model.facts.inside_view import Clock, InsideView, Pace, TimeProgress
from crazytrain.model.facts.services import RtcReading
from tests.clock.making import CLOCK, WINDOWS, agent, argv, fit, host, moment, page, said, slugs, steps, xml
from tests.diagnose import making as made

LOCAL = "<clock offset='localtime'/>"
# What libvirt makes of making.CLOCK.
AS_WRITTEN = ("-rtc", "base=utc,driftfix=slew", "-no-hpet", "-global", "kvm-pit.lost_tick_policy=delay")


def rtc(ahead_s: float) -> RtcReading:
    return RtcReading(mono_ns=1, ahead_s=ahead_s, ref=Ref("clock-rtc", 1))


def pages(*found: PvclockPage, **more: object) -> GuestClock:
    made = GuestClock(pages=found, uptime_ns=10**12, searched_bytes=1 << 20, refs=(Ref("pvclock.0"),))
    return msgspec.structs.replace(made, **more)


def within(
    clocksource: str,
    *available: str,
    wall: tuple[int, int | None] | None = None,
    drift: float | None = None,
    **clock: object,
) -> GuestInside:
    """A guest read in its memory; ``wall`` is how far it is ahead and the doubt, in ns, ``drift`` in ppm, give or take 100."""
    reading = ClockReading(mono_ns=1, wall_ns=1, clocksource=clocksource, available=available)
    time = TimeProgress(
        clock=Clock.MONOTONIC,
        pace=Pace.MOVES,
        guest_ns=1,
        host_ns=10**10,
        drift_ppm=drift,
        doubt_ppm=None if drift is None else 100,
    )
    return GuestInside(
        last=InsideReading(
            mono_ns=1, took_ns=1, clock=msgspec.structs.replace(reading, **clock), refs=(Ref("inside.1"),)
        ),
        view=InsideView(
            window_ns=1, wall_ahead_ns=wall[0] if wall else None, wall_doubt_ns=wall[1] if wall else None, time=(time,)
        ),
        refs=(Ref("inside.0"), Ref("inside.1")),
    )


def test_a_sound_kvm_guest_has_nothing_that_fits_badly() -> None:
    written = (xml(), xml(place=Place.PERSISTENT))
    found = fit(argv(*AS_WRITTEN), agent("kvm-clock"), host(), *written, pages(page()), rtc(0.4))
    assert slugs(found) == []
    assert said(found) == ["catchup-linux"]


@pytest.mark.parametrize("current", ["acpi_pm", "hpet", "refined-jiffies"])
def test_a_slow_clocksource_under_kvm(current: str) -> None:
    found = fit(argv(), agent(current), host())
    assert slugs(found) == ["slow-clocksource"]
    (one,) = found.misfits
    assert one.weight is Weight.COST
    assert one.refs == (Ref("clock-agent"),)
    assert steps(found, "slow-clocksource") == ["crazytrain clock web01 --set clocksource=kvm-clock"]


def test_without_kvm_clock_the_tsc_is_advised_and_kvm_clock_to_be_offered() -> None:
    found = fit(argv("-cpu", "host,kvmclock=off"), agent("hpet", "tsc", "hpet"), host())
    assert steps(found, "slow-clocksource") == [
        "crazytrain clock web01 --set clocksource=tsc",
        "crazytrain clock web01 --set kvmclock=on",
    ]
    assert "-cpu …,kvmclock=off" in found.misfits[0].why


def test_a_clocksource_that_its_kernel_was_told_to_use() -> None:
    found = fit(argv(), agent("acpi_pm", kernel_words=("clocksource=acpi_pm",)), host())
    assert "crazytrain clock web01 --set clocksource=kvm-clock --next-boot" in steps(found, "slow-clocksource")
    assert "was told so" in found.misfits[0].why


def test_a_slow_clocksource_after_the_tsc_was_given_up() -> None:
    found = fit(argv("-cpu", "host,kvm=off"), ConsoleClock(clocksource="hpet", line="x", unstable="TSC unstable"))
    assert slugs(found) == ["slow-clocksource"]
    assert "given up its TSC" in found.misfits[0].why
    assert any("--dmesg" in one for one in steps(found, "slow-clocksource"))


@pytest.mark.parametrize("current", ["tsc", "hpet", "acpi_pm"])
def test_without_kvm_nothing_of_that_is_bad(current: str) -> None:
    found = fit(argv(kvm=False), agent(current, "tsc", "hpet", "acpi_pm"), host("hpet"))
    assert slugs(found) == []
    assert "tcg-no-kvm-clock" in said(found)
    assert ("tcg-slow-clocksource" in said(found)) is (current != "tsc")


def test_a_setting_for_kvmclock_without_kvm_has_no_effect() -> None:
    assert "tcg-kvmclock-setting" in said(fit(argv("-cpu", "max,kvmclock=on", kvm=False), agent("tsc")))
    assert "tcg-kvmclock-setting" not in said(fit(argv("-cpu", "max", kvm=False), agent("tsc")))


def test_a_guest_on_a_tsc_that_its_host_has_given_up() -> None:
    found = fit(argv(), agent("tsc"), host("hpet", "hpet", "acpi_pm"))
    assert slugs(found) == ["tsc-on-unstable-host"]
    assert found.misfits[0].weight is Weight.FAULT
    assert steps(found, "tsc-on-unstable-host")[0] == "crazytrain clock web01 --set clocksource=kvm-clock"
    assert slugs(fit(argv(), agent("tsc"), host("hpet", "hpet", "tsc"))) == [], (
        "it could use it: somebody chose the HPET"
    )
    found = fit(argv(), agent("kvm-clock"), host("hpet", "hpet"))
    assert "tsc-on-unstable-host" not in slugs(found), "kvm-clock is corrected by KVM"


def test_kvm_clock_without_a_stable_tsc_below() -> None:
    found = fit(argv(), agent("kvm-clock"), host("kvm-clock", hypervisor=True), pages(page(flags=0)))
    assert slugs(found) == ["kvm-clock-unstable-host"]
    assert "itself a guest" in found.misfits[0].why
    assert slugs(fit(argv(), agent("kvm-clock"), host("kvm-clock"), pages(page(flags=1)))) == []
    assert slugs(fit(argv(), agent("kvm-clock"), host("hpet"))) == ["kvm-clock-unstable-host"], (
        "its pages were not seen"
    )
    assert slugs(fit(argv(), agent("kvm-clock"), host("tsc"))) == []
    assert slugs(fit(argv(), agent("tsc"), host(), pages(page(flags=0)))) == [], "it does not use it"


def test_a_tsc_of_another_frequency_than_the_guest_reckons_with() -> None:
    found = fit(argv("-incoming", "defer"), within("tsc", "tsc", "kvm-clock", tsc_khz=2_100_000), pages(page()), host())
    assert slugs(found) == ["tsc-other-frequency"]
    assert "50,000 ppm too slow" in found.misfits[0].why
    assert "migrated" in found.misfits[0].says
    assert slugs(fit(argv(), within("tsc", "tsc", tsc_khz=2_000_100), pages(page()), host())) == [], "that is measuring"
    assert slugs(fit(argv(), within("kvm-clock", "tsc", tsc_khz=2_100_000), pages(page()), host())) == []


def test_kvmclock_that_was_stepped_wrapped_or_is_ahead() -> None:
    change = ClockChange(address=4096, mono_ns=1, clock_ns=1, step_ns=-3600 * 10**9, host_ns=1, uncertain_ns=1)
    for bad in (
        pages(page(), changes=(change,)),
        pages(page(system_time_ns=(1 << 64) - 10**9)),
        pages(page(), ahead_ns=60 * 10**9),
    ):
        found = fit(argv(), agent("kvm-clock"), bad)
        assert slugs(found) == ["kvmclock-moved"]
        assert "crazytrain clock web01 --set clocksource=tsc" in steps(found, "kvmclock-moved")
    assert found.misfits[0].weight is Weight.ADVICE, "the last one proves nothing"
    small = msgspec.structs.replace(change, step_ns=900_000)
    assert slugs(fit(argv(), agent("kvm-clock"), pages(page(), changes=(small,), ahead_ns=9 * 10**9))) == []


def test_a_guest_that_was_paused_is_behind_and_that_is_no_fault() -> None:
    found = fit(argv(), agent("kvm-clock"), pages(page(), ahead_ns=-60 * 10**9))
    assert slugs(found) == []
    assert said(found) == ["kvmclock-was-paused"]


def test_time_that_drifts_beyond_doubt() -> None:
    found = fit(argv(), within("hpet", "hpet", "tsc", drift=-2000.0))
    assert slugs(found) == ["drifts", "slow-clocksource"], "the gravest first"
    assert "slow: -2,000 ± 100 ppm" in found.misfits[0].says
    assert "crazytrain clock web01 --set clocksource=tsc" in steps(found, "drifts")
    assert slugs(fit(argv(), within("tsc", "tsc", drift=550.0))) == [], "it may be less than 500"
    assert slugs(fit(argv("-icount", "shift=7"), within("tsc", "tsc", drift=90_000.0))) == []


def test_the_agent_tells_a_drift_only_as_well_as_its_answers_are_quick() -> None:
    moments = (moment(1, 0, 0.1), moment(1.2, 0.001, 0.01), moment(4, 0.0, 0.01), moment(4.2, 0, 0.2))
    state = derive_clock_state(Facts((argv(), agent(moments=moments))))
    assert state
    assert state.drift
    assert state.drift.ppm == pytest.approx(-0.001 / 2.8 * 1e6, rel=0.01)
    assert state.drift.doubt_ppm == pytest.approx(0.01 / 2.8 * 1e6, rel=0.01)
    assert not state.drift.is_beyond_doubt
    assert slugs(fit(argv(), agent("tsc", moments=(moment(1, 0), moment(4, 0.3))))) == ["drifts"]
    one = derive_clock_state(Facts((argv(), agent(moments=(moment(1, 0),)))))
    assert one
    assert one.drift is None


def test_a_wall_clock_that_is_off() -> None:
    found = fit(argv(*AS_WRITTEN), xml(), agent(moments=(moment(1, -7200.2), moment(4, -7200.2))))
    assert slugs(found) == ["wall-clock-off"]
    assert "(-2 h)" in found.misfits[0].says
    assert "virsh domtime web01 --sync" in steps(found, "wall-clock-off")
    plain = fit(argv(), agent(moments=(moment(1, 30),)))
    assert "chronyc makestep   # in the guest" in steps(plain, "wall-clock-off"), "libvirt does not manage it"
    assert slugs(fit(argv(), agent(moments=(moment(1, 3.0, took_s=4.0),)))) == [], "the answer took too long to tell"


def test_a_wall_clock_as_of_an_old_tick() -> None:
    """Which may seem behind, but not ahead."""
    assert slugs(fit(argv(), within("tsc", "tsc", wall=(-60 * 10**9, None)))) == []
    assert slugs(fit(argv(), within("tsc", "tsc", wall=(60 * 10**9, None)))) == ["wall-clock-off"]
    assert slugs(fit(argv(), within("tsc", "tsc", wall=(-86_400 * 10**9, None)))) == ["wall-clock-off"]


def test_a_guest_that_does_not_run_just_now_has_no_wrong_time_yet() -> None:
    paused = QemuState(monitor=Outcome.OK, status="paused")
    found = fit(argv(), paused, within("tsc", "tsc", wall=(-86_400 * 10**9, None)), agent(moments=(moment(1, -30),)))
    assert slugs(found) == []
    assert "paused" in said(found)


def windows(**more: object) -> ClockXml:
    return xml(LOCAL, system=WINDOWS, **more)  # type: ignore[arg-type]


def test_a_windows_without_hyper_vs_clock_and_with_an_hpet() -> None:
    found = fit(argv("-rtc", "base=localtime,driftfix=slew"), windows())
    assert slugs(found) == ["windows-without-hyperv-clock", "windows-with-hpet"]
    assert steps(found, "windows-without-hyperv-clock") == [
        "crazytrain clock web01 --set hypervclock=on",
        "crazytrain clock web01 --set hypervclock=on --set hyperv-stimer=on",
    ]
    assert "pc-q35-7.2" in found.misfits[1].why, "a default is called one"
    assert "its XML's metadata" in found.misfits[0].says


def test_a_windows_as_it_should_be() -> None:
    good = argv("-rtc", "base=localtime,driftfix=slew", "-no-hpet", "-cpu", "host,hv-time=on,hv-stimer=on,hv-synic=on")
    assert slugs(fit(good, windows(), rtc(7200.3))) == []


def test_a_windows_known_by_its_agent() -> None:
    found = fit(argv("-no-hpet"), agent("", system="mswindows", available=()), rtc(0.1))
    assert slugs(found) == ["windows-without-hyperv-clock", "windows-loses-ticks", "windows-rtc-utc"]
    assert found.unknown == ("how its time goes against the host's: its agent or its memory would tell",)
    slewing = argv("-no-hpet", "-rtc", "base=localtime", "-cpu", "host,hv-time,hv-stimer")
    assert slugs(fit(slewing, agent("", system="mswindows", available=()))) == []


def test_the_monitors_word_on_the_hpet_counts_more_than_a_default() -> None:
    good = argv("-rtc", "base=localtime,driftfix=slew", "-cpu", "host,hv-time=on")
    without = MachineTraits(machine="pc", hpet=False, refs=(Ref("clock-machine", 1),))
    assert slugs(fit(good, windows())) == ["windows-with-hpet"]
    assert slugs(fit(good, windows(), without)) == []


def test_catchup_with_an_hpet_where_the_system_is_not_known() -> None:
    slews = ("-rtc", "driftfix=slew")
    assert slugs(fit(argv(*slews))) == ["catchup-with-hpet"]
    assert slugs(fit(argv(*slews, "-no-hpet"))) == []
    linux = fit(argv(*slews), agent("kvm-clock"))
    assert slugs(linux) == []
    assert "catchup-linux" in said(linux)


def test_the_rtc_in_local_time() -> None:
    local = argv("-rtc", "base=localtime")
    found = fit(local, agent("kvm-clock"), rtc(3600.4))
    assert slugs(found) == ["linux-rtc-localtime"]
    assert "+1 h" in found.misfits[0].says
    assert steps(found, "linux-rtc-localtime") == ["crazytrain clock web01 --set clock-offset=utc"]
    assert slugs(fit(local, agent("kvm-clock"), rtc(0.4))) == [], "the host's zone is UTC: no difference"
    assert slugs(fit(argv(), agent("kvm-clock"), rtc(3600))) == [], "the guest has set it so"
    assert said(fit(argv(), agent("kvm-clock"), rtc(3600))) == ["rtc-time-zone"]


def test_qemu_runs_otherwise_than_libvirt_has_it_written_down() -> None:
    found = fit(
        argv("-rtc", "base=utc", "-cpu", "host,kvmclock=off"),
        agent("tsc"),
        xml(CLOCK.replace("</clock>", "<timer name='kvmclock' present='yes'/></clock>")),
    )
    assert slugs(found) == ["not-as-written"]
    told = found.misfits[0].says
    assert "kvmclock: the XML says on, QEMU runs with off" in told
    assert "lost ticks of the RTC: the XML says slew, QEMU runs with none" in told
    assert "hpet: the XML says off, QEMU runs with on" in told
    assert slugs(fit(argv(*AS_WRITTEN), agent("kvm-clock"), xml())) == []


def test_an_invariant_tsc_without_its_frequency() -> None:
    found = fit(argv("-cpu", "host,+invtsc"), agent("tsc"))
    assert slugs(found) == ["invtsc-without-frequency"]
    assert "crazytrain clock web01 --set tsc-frequency=HZ" in steps(found, "invtsc-without-frequency")
    known = fit(argv("-cpu", "host,+invtsc"), agent("tsc"), pages(page()))
    assert "crazytrain clock web01 --set tsc-frequency=2000000000" in steps(known, "invtsc-without-frequency")
    assert slugs(fit(argv("-cpu", "host,+invtsc,tsc-frequency=2600000000"), agent("tsc"))) == []
    assert slugs(fit(argv("-cpu", "host,migratable=off"), agent("tsc"))) == []


def test_what_comes_true_at_the_next_start() -> None:
    later = xml(CLOCK.replace("present='no'", "present='yes'"), Place.PERSISTENT)
    found = fit(argv(), agent("kvm-clock"), xml(), later)
    assert "pending" in said(found)
    (one,) = pending((xml(), later))
    assert (one.what, one.live, one.persistent) == ("timer hpet, present", "no", "yes")
    assert pending((xml(), xml(place=Place.PERSISTENT))) == ()
    assert pending((xml(),)) == (), "a transient domain has no other definition"


def test_what_libvirt_itself_adds_to_a_running_cpu_is_no_difference() -> None:
    running = xml(cpu="<feature policy='require' name='tsc_adjust'/><feature policy='require' name='invtsc'/>")
    assert pending((running, xml(place=Place.PERSISTENT))) == ()
    (one,) = pending((running, xml(place=Place.PERSISTENT, cpu="<feature policy='disable' name='invtsc'/>")))
    assert (one.what, one.live, one.persistent) == ("cpu feature invtsc", "require", "disable")


def test_remarks_on_clocksources() -> None:
    assert said(fit(argv(), agent("tsc"), host())) == ["tsc-before-kvm-clock"]
    off = fit(argv("-cpu", "host,kvmclock=off"), agent("tsc", "tsc", "acpi_pm"), host())
    assert said(off) == ["kvmclock-off"]
    assert slugs(off) == []
    unstable = fit(argv(), within("kvm-clock", "kvm-clock", tsc_unstable=True))
    assert (slugs(unstable), said(unstable)) == ([], ["tsc-unstable-kvm-clock"])
    assert said(fit(argv(), within("tsc-early", "tsc-early"))) == ["tsc-early"]
    torn = fit(argv(), agent("kvm-clock"), within("tsc", "tsc"))
    assert said(torn) == ["sources-disagree"]


def test_the_agent_is_believed_before_memory_and_memory_before_the_console() -> None:
    seen = (
        ConsoleClock(clocksource="hpet", line="Switched to clocksource hpet"),
        within("tsc", "tsc"),
        agent("kvm-clock"),
    )
    for number, wanted in ((3, "kvm-clock"), (2, "tsc"), (1, "hpet")):
        state = derive_clock_state(Facts(seen[:number]))
        assert state
        assert state.clocksource == wanted
    assert state
    assert state.sources[0].line == "Switched to clocksource hpet"


def test_the_console_speaks_for_a_slow_clocksource_where_nothing_better_does() -> None:
    facts = (made.exits({0x608: 20_000.0}), made.view(places=40))
    slow = derive_clock_state(Facts((ConsoleClock(clocksource="acpi_pm", line="Switched to clocksource acpi_pm"),)))
    fast = derive_clock_state(Facts((ConsoleClock(clocksource="tsc", line="Switched to clocksource tsc"),)))
    alone, with_slow, with_fast = (judge(CAUSE, Facts((*facts, *more))) for more in ((), (slow,), (fast,)))
    assert with_fast.confidence < alone.confidence < with_slow.confidence
    assert any("Switched to clocksource acpi_pm" in point.says for point in with_slow.because)


def test_nothing_known_is_said_to_be_unknown() -> None:
    found = fit(argv(kvm=False))
    assert slugs(found) == []
    assert any("which clocksource" in one for one in found.unknown)
    assert any("operating system" in one for one in found.unknown)
    assert derive_clock_state(Facts()) is None


def test_a_name_is_quoted_in_commands() -> None:
    found = fit(argv(), agent("hpet"), name="my guest; reboot")
    assert steps(found, "slow-clocksource")[0].startswith("crazytrain clock 'my guest; reboot' --set ")


def test_no_rule_is_left_out() -> None:
    modules = (clock_rules_course, clock_rules_setup, clock_rules_source)
    found = [
        one
        for module in modules
        for one in vars(module).values()
        if callable(one) and getattr(one, "__annotations__", {}).get("return") == Iterator[Misfit]
    ]
    assert sorted(one.__name__ for one in found) == sorted(rule.__name__ for rule in RULES)


def test_time_zones() -> None:
    assert zone_hours(5.5 * 3600e9) == 5.5
    assert zone_hours(-3600.9e9) == -1.0
    assert zone_hours(16 * 3600e9) is None
    assert zone_hours(4000e9) is None
    assert zone_hours(1e9) is None
