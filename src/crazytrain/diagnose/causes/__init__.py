"""Causes: one file per family, the words of each cause beside it. ``CAUSES`` is the registry."""

from crazytrain.diagnose.cause import Cause, Rank
from crazytrain.diagnose.causes import (
    exit_storm,
    guest_busy,
    guest_clock,
    guest_stuck,
    healthy,
    host_pressure,
    misread,
    qemu_side,
    timer_storm,
)
from crazytrain.model.finding import Family

_BUSY = ("guest-user-busy", "guest-kernel-busy", "software-emulation", "cpu-contention")

CAUSES: tuple[Cause, ...] = (
    Cause(
        slug="guest-panic-spin",
        family=Family.GUEST_STUCK,
        rank=Rank.SPECIFIC,
        judge=guest_stuck.guest_panic_spin,
        absorbs=(*_BUSY, "guest-soft-lockup"),
    ),
    Cause(
        slug="kvmclock-jump",
        family=Family.GUEST_CLOCK,
        rank=Rank.SPECIFIC,
        judge=guest_clock.kvmclock_jump,
        absorbs=(*_BUSY, "guest-soft-lockup"),
    ),
    Cause(
        slug="rtc-periodic-storm",
        family=Family.TIMER_STORM,
        rank=Rank.SPECIFIC,
        judge=timer_storm.rtc_periodic_storm,
        absorbs=(*_BUSY, "timer-always-due"),
    ),
    Cause(
        slug="pit-hpet-storm",
        family=Family.TIMER_STORM,
        rank=Rank.SPECIFIC,
        judge=timer_storm.pit_hpet_storm,
        absorbs=(*_BUSY, "timer-always-due"),
    ),
    Cause(
        slug="slow-clocksource",
        family=Family.GUEST_CLOCK,
        rank=Rank.SPECIFIC,
        judge=guest_clock.slow_clocksource,
        absorbs=(*_BUSY, "pio-poll"),
    ),
    Cause(slug="pio-poll", family=Family.EXIT_STORM, rank=Rank.SPECIFIC, judge=exit_storm.pio_poll, absorbs=_BUSY),
    Cause(slug="mmio-poll", family=Family.EXIT_STORM, rank=Rank.SPECIFIC, judge=exit_storm.mmio_poll, absorbs=_BUSY),
    Cause(slug="msr-storm", family=Family.EXIT_STORM, rank=Rank.SPECIFIC, judge=exit_storm.msr_storm, absorbs=_BUSY),
    Cause(
        slug="interrupt-storm",
        family=Family.EXIT_STORM,
        rank=Rank.SPECIFIC,
        judge=exit_storm.interrupt_storm,
        absorbs=_BUSY,
    ),
    Cause(
        slug="enospc-paused",
        family=Family.QEMU_BLOCKED,
        rank=Rank.SPECIFIC,
        judge=qemu_side.enospc_paused,
        absorbs=("guest-halted-dead",),
    ),
    Cause(
        slug="emulation-failure",
        family=Family.VCPU_CANNOT_RUN,
        rank=Rank.SPECIFIC,
        judge=qemu_side.emulation_failure,
        absorbs=("guest-halted-dead",),
    ),
    Cause(slug="guest-halted-dead", family=Family.GUEST_STUCK, rank=Rank.SPECIFIC, judge=guest_stuck.guest_halted_dead),
    Cause(slug="tsc-unstable", family=Family.GUEST_CLOCK, rank=Rank.SYMPTOM, judge=guest_clock.tsc_unstable),
    Cause(
        slug="guest-soft-lockup",
        family=Family.GUEST_STUCK,
        rank=Rank.SYMPTOM,
        judge=guest_stuck.guest_soft_lockup,
        absorbs=("guest-kernel-busy", "software-emulation"),
    ),
    Cause(
        slug="timer-always-due",
        family=Family.TIMER_STORM,
        rank=Rank.SYMPTOM,
        judge=timer_storm.timer_always_due,
        absorbs=("software-emulation",),
    ),
    Cause(slug="monitor-hung", family=Family.QEMU_BLOCKED, rank=Rank.SYMPTOM, judge=qemu_side.monitor_hung),
    Cause(
        slug="guest-user-busy",
        family=Family.GUEST_BUSY,
        rank=Rank.GENERAL,
        judge=guest_busy.guest_user_busy,
        absorbs=("software-emulation",),
    ),
    Cause(
        slug="guest-kernel-busy",
        family=Family.GUEST_BUSY,
        rank=Rank.GENERAL,
        judge=guest_busy.guest_kernel_busy,
        absorbs=("software-emulation",),
    ),
    Cause(slug="cpu-contention", family=Family.HOST_PRESSURE, rank=Rank.GENERAL, judge=host_pressure.cpu_contention),
    Cause(
        slug="paused", family=Family.HEALTHY, rank=Rank.SYMPTOM, judge=healthy.paused, absorbs=("guest-halted-dead",)
    ),
    Cause(slug="healthy-idle", family=Family.HEALTHY, rank=Rank.HEALTHY, judge=healthy.healthy_idle),
    Cause(slug="healthy-busy", family=Family.HEALTHY, rank=Rank.HEALTHY, judge=healthy.healthy_busy),
    Cause(slug="software-emulation", family=Family.EMULATED, rank=Rank.CONTEXT, judge=qemu_side.software_emulation),
    Cause(slug="misread", family=Family.HEALTHY, rank=Rank.NOTE, judge=misread.misread),
)
