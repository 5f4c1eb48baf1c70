"""What libvirt has written down of a guest's clock against itself (live, persistent) and against the QEMU that runs."""

from collections.abc import Iterator, Sequence

import msgspec

from crazytrain.model.clock_report import PendingView
from crazytrain.model.facts.clock_setup import ClockArgv, ClockXml, Place

_UNSAID = "not said"
_ONOFF = {True: "on", False: "off"}
# libvirt's words for lost ticks and tracking, and QEMU's (libvirt, src/qemu/qemu_command.c).
_DRIFTFIX = {"catchup": "slew", "delay": "none"}
_RTC_CLOCK = {"guest": "vm", "wall": "host"}


def written(xmls: Sequence[ClockXml], place: Place) -> ClockXml | None:
    """One of the definitions."""
    return next((one for one in xmls if one.place is place), None)


def pending(xmls: Sequence[ClockXml]) -> tuple[PendingView, ...]:
    """Where the persistent definition says something else than the live one: that comes true after a full stop and start."""
    live, kept = written(xmls, Place.LIVE), written(xmls, Place.PERSISTENT)
    if live is None or kept is None:
        return ()
    # libvirt adds features to the CPU of the running guest's XML: only those that are written down for the next start are compared.
    there = {name for name, _ in kept.features}
    chosen = tuple((name, policy) for name, policy in live.features if name in there)
    said, later = dict(_said(msgspec.structs.replace(live, features=chosen))), dict(_said(kept))
    return tuple(
        PendingView(what=what, live=said.get(what, _UNSAID), persistent=later.get(what, _UNSAID))
        for what in dict.fromkeys((*said, *later))
        if said.get(what) != later.get(what)
    )


def _said(xml: ClockXml) -> Iterator[tuple[str, str]]:
    """Each thing that a definition says, by its place."""
    yield "clock offset", xml.offset or _UNSAID
    for what, value in (("timezone", xml.timezone), ("basis", xml.basis), ("start", xml.start)):
        if value:
            yield f"clock {what}", value
    for timer in xml.timers:
        settings = (
            ("present", {True: "yes", False: "no"}.get(timer.present) if timer.present is not None else ""),
            ("tickpolicy", timer.tickpolicy),
            ("track", timer.track),
            ("mode", timer.mode),
            ("frequency", str(timer.frequency_hz or "")),
        )
        yield from ((f"timer {timer.name}, {key}", value) for key, value in settings if value)
    yield from ((f"hyperv {name}", state) for name, state in xml.hyperv)
    yield from ((f"cpu feature {name}", policy) for name, policy in xml.features)
    if xml.kvm_hidden:
        yield "kvm hidden", "on"
    if xml.kernel_words:
        yield "kernel arguments", " ".join(xml.kernel_words)


def other_than_written(live: ClockXml, argv: ClockArgv) -> Iterator[tuple[str, str, str]]:
    """What the XML of the running guest says and its QEMU does otherwise: what it is about, as written, as it runs.

    Options past libvirt (``<qemu:commandline>``, a wrapper as ``<emulator>``) make that.
    """
    for what, wanted, name in _wanted(live):
        runs = argv.value(name)
        if wanted and runs and runs not in (wanted, "absent"):
            yield what, wanted, runs


def _wanted(live: ClockXml) -> Iterator[tuple[str, str, str]]:
    """What is about which option, and what QEMU should have it set to; empty: no matter."""
    yield "the clock's offset", live.offset if live.offset in ("utc", "localtime") else "", "rtc-base"
    for name, option in (("kvmclock", "kvmclock"), ("hpet", "hpet"), ("hypervclock", "hv-time")):
        timer = live.timer(name)
        yield name, _ONOFF[timer.present] if timer and timer.present is not None else "", option
    rtc, pit, tsc = live.timer("rtc"), live.timer("pit"), live.timer("tsc")
    if rtc:
        yield "lost ticks of the RTC", _DRIFTFIX.get(rtc.tickpolicy, ""), "rtc-driftfix"
        yield "what the RTC follows", _RTC_CLOCK.get(rtc.track, ""), "rtc-clock"
    if pit:
        yield (
            "lost ticks of the PIT",
            pit.tickpolicy if pit.tickpolicy in ("delay", "discard") else "",
            "pit-lost-ticks",
        )
    if tsc and tsc.frequency_hz:
        yield "the TSC's frequency", str(tsc.frequency_hz), "tsc-frequency"
