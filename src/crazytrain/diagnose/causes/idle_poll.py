"""Cause exit-storm/idle-poll."""

from crazytrain.diagnose.busy_signs import IDLES_FROM, account_of
from crazytrain.diagnose.cause import BUSY, Cause, Rank
from crazytrain.diagnose.inside_signs import idle_function_points
from crazytrain.diagnose.signs import awake, burning_vcpus, is_fresh, leaving_rate
from crazytrain.model.facts import (
    ConsoleLog,
    CpuMode,
    KvmExits,
    KvmStats,
    LineMeaning,
    ThreadActivity,
    ThreadRole,
    VcpuActivity,
    VcpuView,
)
from crazytrain.model.facts.guest_inside import GuestInside
from crazytrain.model.figures import count, rate, share
from crazytrain.model.finding import Claim, Family, Look, Point

FEW_PLACES = 4
MOSTLY = 0.6  # of the samples at one place: ticks and what they bring are at others
_IDLE_ADDRESSES = 4096  # bytes: one idle function, the same on every vCPU
_GUEST = Look("whether the guest thinks that it is idle", "top; cat /proc/cmdline   # in the guest: idle=poll?")


def idle_poll(
    threads: ThreadActivity,
    view: VcpuView | None,
    exits: KvmExits | None,
    stats: KvmStats | None,
    console: ConsoleLog | None,
    inside: GuestInside | None,
) -> Claim:
    """Does the guest idle by polling, so that it never gives its CPUs back?"""
    says = "the guest may have nothing to do and idle by polling (idle=poll, haltpoll, a system without HLT)"
    burning, never_halt = burning_vcpus(threads), awake(view)
    if view is None:
        return Claim(says=says, prior=0.02, points=_account_points(threads, inside), missing=(_GUEST,), at_most=0.8)
    if not burning or not never_halt:
        return Claim(says=says, prior=0.01, points=(Point("its vCPUs rest in between", threads.refs, 0.02),))
    proof = idle_function_points(inside)
    if proof:
        says = (
            "the guest has nothing to do and idles by polling: its idle task never rests (idle=poll, haltpoll, MWAIT)"
        )
        return Claim(says=says, prior=0.02, points=proof, at_most=0.97)
    points = [_place_point(never_halt, view), _together_point(never_halt, view), *_account_points(threads, inside)]
    if exits is not None and exits.window_ns:
        per_s = leaving_rate(exits)
        points.append(Point(f"it left guest mode {rate(per_s)}", exits.refs, 2 if per_s < 2000 else 0.1))
    halts = stats.per_s("halt_exits") if stats else None
    if halts is not None and stats is not None:
        points.append(Point(f"it halted {rate(halts)}", stats.refs, 2 if halts < 1 else 0.05))
    trouble = [said for said in console.matter if said.meaning is not LineMeaning.CLOCKSOURCE] if console else []
    if console is not None and any(is_fresh(console, said) for said in trouble):
        points.append(Point("the guest just told of trouble: then it is not idle", console.refs, 0.05))
    return Claim(says=says, prior=0.02, points=tuple(points), missing=(_GUEST,), at_most=0.8)


def _account_points(threads: ThreadActivity, inside: GuestInside | None) -> tuple[Point, ...]:
    """What its own account says where no vCPU was looked at: that it idles, while its vCPUs take all that they can get."""
    told, vcpus = account_of(inside), threads.of(ThreadRole.VCPU)
    if inside is None or told is None:
        return ()
    says = f"the guest's own account: even its busiest CPU idled {share(told.idle)} of the time"
    if told.idle < IDLES_FROM or not vcpus or len(burning_vcpus(threads)) < len(vcpus):
        return (
            Point(
                f"{says}; of its {count(len(vcpus), 'vCPU thread')} {len(burning_vcpus(threads))} burn",
                inside.refs,
                0.02,
            ),
        )
    return (Point(f"{says}, and all its vCPU threads want a CPU all the time", (*inside.refs, *threads.refs), 40),)


def _place_point(vcpus: tuple[VcpuActivity, ...], view: VcpuView) -> Point:
    """An idle loop is a few instructions of the kernel with interrupts on; a lock or a panic may look the same."""
    few = [v for v in vcpus if v.places <= FEW_PLACES or v.top_ip_ratio >= MOSTLY]
    still = [v for v in few if v.kernel_ratio >= 0.9 and v.interrupts_off_ratio <= 0.2]
    system = [v for v in still if v.mode in (CpuMode.LONG, CpuMode.PROTECTED)]
    if not system:
        return Point("no vCPU stays at a few instructions of the guest's kernel with interrupts on", view.refs, 0.02)
    where = f"{count(system[0].places, 'place')} of the kernel, {share(system[0].top_ip_ratio)} at one"
    says = f"{count(len(system), 'vCPU')} stayed at {where}, interrupts on"
    return Point(says, view.refs, 4)


def _together_point(vcpus: tuple[VcpuActivity, ...], view: VcpuView) -> Point:
    """All vCPUs at one place: idling. One alone may as well wait for a lock that another one holds."""
    first, last = min(v.top_ip for v in vcpus), max(v.top_ip for v in vcpus)
    if len(vcpus) > 1 and len(vcpus) == len(view.vcpus) and last - first < _IDLE_ADDRESSES:
        return Point(f"all {len(vcpus)} vCPUs never halt and are in the same function", view.refs, 12)
    if len(view.vcpus) > len(vcpus):
        return Point("other vCPUs of it do halt", view.refs, 0.1)
    return Point("with one vCPU, an idle loop and a loop that waits for ever look the same", view.refs, 0.7)


CAUSE = Cause(
    slug="idle-poll",
    family=Family.EXIT_STORM,
    rank=Rank.SYMPTOM,
    judge=idle_poll,
    absorbs=BUSY,
    either=(VcpuView, GuestInside),
)
