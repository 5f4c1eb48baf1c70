"""Cause timer-storm/rtc-catchup."""

from collections.abc import Iterator

from crazytrain.diagnose.cause import BUSY, Cause, Rank
from crazytrain.diagnose.timer_signs import RTC_IRQ
from crazytrain.model.facts import InterruptRates, QemuConfig
from crazytrain.model.facts.logs import HostLog, KernelMeaning
from crazytrain.model.figures import rate
from crazytrain.model.finding import Claim, Family, Look, Point

FASTEST_PER_S = 8192.0  # what the RTC can be set to
ODD_FROM_PER_S = 200.0
NEAR = 0.06  # rates are counted over some seconds of a loaded host
_IRQS = Look("how often IRQ 8 fires", "info irq, twice, in the monitor")
_POLICY = Look("the tick policy of the RTC", "virsh dumpxml {name} | grep -A6 '<clock'")


def rtc_catchup(config: QemuConfig | None, irqs: InterruptRates | None, log: HostLog | None) -> Claim:
    """Does QEMU give the guest RTC interrupts that it had missed, one after the other?"""
    says = "QEMU makes up for RTC ticks that the guest has missed: more interrupts than its clock is set to"
    points = (*_policy_points(config), *_rate_points(irqs), *_sleep_points(log))
    return Claim(says=says, prior=0.02, points=points, missing=_missing(config, irqs), at_most=0.95)


def _missing(config: QemuConfig | None, irqs: InterruptRates | None) -> tuple[Look, ...]:
    """Each is wanted where the other one does not settle it."""
    if config is None:
        return (_POLICY,) if irqs else ()
    return (_IRQS,) if irqs is None and _slews(config) else ()


def _slews(config: QemuConfig) -> bool:
    return "driftfix=slew" in config.rtc


def _policy_points(config: QemuConfig | None) -> Iterator[Point]:
    if config is None:
        return
    if _slews(config):
        yield Point(f"missed RTC ticks are given later: -rtc {config.rtc}", config.refs, 1.3)
    else:
        yield Point("missed RTC ticks are not given later: there is no driftfix=slew", config.refs, 0.1)


def _rate_points(irqs: InterruptRates | None) -> Iterator[Point]:
    if irqs is None or RTC_IRQ in irqs.uncounted:
        return
    per_s = irqs.per_s(RTC_IRQ)
    says = f"IRQ 8 (the RTC) fired {rate(per_s)}"
    if per_s > FASTEST_PER_S * (1 + NEAR):
        yield Point(f"{says}: faster than an RTC can be set to", irqs.refs, 80)
    elif per_s >= ODD_FROM_PER_S and not _power_of_two(per_s):
        yield Point(f"{says}: no rate that an RTC can be set to, which are powers of two", irqs.refs, 6)
    else:
        yield Point(says, irqs.refs, 0.2 if per_s >= ODD_FROM_PER_S else 0.02)


def _power_of_two(per_s: float) -> bool:
    return any(abs(per_s / 2**n - 1) <= NEAR for n in range(1, 14))


def _sleep_points(log: HostLog | None) -> Iterator[Point]:
    slept = log.of(KernelMeaning.SUSPEND) if log else ()
    if slept and log:
        yield Point("the host has slept: the guest has missed all ticks of that time", (slept[-1].line.ref,), 3)


CAUSE = Cause(
    slug="rtc-catchup",
    family=Family.TIMER_STORM,
    rank=Rank.SPECIFIC,
    judge=rtc_catchup,
    absorbs=(*BUSY, "rtc-periodic-storm", "timer-always-due"),
)
