"""Cause guest-stuck/guest-reboot-loop."""

from crazytrain.diagnose.bare_signs import BARE_FROM, late_clock_point, reset_point, shutdown_point, shutdowns
from crazytrain.diagnose.cause import BUSY, Cause, Rank
from crazytrain.model.facts import GuestClock, KvmExits, ProcessFacts
from crazytrain.model.facts.firmware import BareView
from crazytrain.model.facts.guest_inside import GuestInside
from crazytrain.model.facts.resets import Resets
from crazytrain.model.facts.restarts import ConsoleRestarts, Restart
from crazytrain.model.figures import count, span
from crazytrain.model.finding import Claim, Family, Look, Point

_YOUNG_NS = 30 * 10**9
_OLD_NS = 600 * 10**9
_TRACED_NS = 10**9  # the lines of a trace that somebody chose hold one start at most
_SHORT_NS = 120 * 10**9  # a kernel that restarts the machine so soon was not up for its users


def guest_reboot_loop(
    exits: KvmExits | None,
    resets: Resets | None,
    bare: BareView | None,
    inside: GuestInside | None,
    process: ProcessFacts | None,
    console: ConsoleRestarts | None,
    clock: GuestClock | None,
) -> Claim:
    """Does the guest start again and again?"""
    points: list[Point] = []
    told = resets is not None and resets.by_guest + resets.untold > 0
    if exits and exits.window_ns and (shutdowns(exits) or not told):
        points.append(shutdown_point(exits, once=_once(exits, bare), again=400))
    if resets:
        points.append(reset_point(resets, seen_before=shutdowns(exits) == 1))
        points += _early_points(resets, process)
    points += _kernel_points(inside, process)
    points += _console_points(console, inside, process)
    points += late_clock_point(clock, bare) if bare else ()
    if points and bare and all(v.bare_ratio >= 0.9 for v in bare.vcpus):
        points.append(Point("it never got as far as an operating system", bare.refs, 4))
    cause = " by a triple fault" if shutdowns(exits) else ""
    return Claim(
        says=f"the guest starts again and again: it is reset{cause} within seconds of each start",
        prior=0.02,
        points=tuple(points),
        missing=() if points else (Look("resets, as QEMU tells of them", "virsh event {name} --event reboot --loop"),),
    )


def _once(exits: KvmExits, bare: BareView | None) -> float:
    """What one triple fault says: much where the vCPUs were watched, too, little in lines that somebody chose.

    To see one by chance in less than a second is unlikely, unless there are many.
    """
    if exits.window_ns >= _TRACED_NS:
        return 20
    return 40 if bare and bare.vcpus and all(v.bare_ratio >= BARE_FROM for v in bare.vcpus) else 2


def _early_points(resets: Resets, process: ProcessFacts | None) -> list[Point]:
    """Few guests reset themselves in QEMU's first minute: some firmwares do once, at their very first start."""
    young = process is not None and process.uptime_s is not None and process.uptime_s * 1e9 <= 2 * _YOUNG_NS
    if process is None or not young or not resets.by_guest + resets.untold:
        return []
    return [
        Point(f"that was in QEMU's first minute: it runs for {span((process.uptime_s or 0) * 1e9)}", process.refs, 3)
    ]


def _kernel_points(inside: GuestInside | None, process: ProcessFacts | None) -> list[Point]:
    """How old the guest's kernel is: one that is young in an old process, and gone again soon, was not started by its owner."""
    if inside is None:
        return []
    before_ns = inside.first_uptime_ns
    if inside.view.rebooted:
        says = "the kernel that ran at the beginning of the look no longer ran at its end"
        if before_ns is not None and before_ns <= _YOUNG_NS:
            return [Point(f"{says}, and it had run for {span(before_ns)} only", inside.refs, 150)]
        return [Point(says, inside.refs, 10)]
    now_ns = inside.view.uptime_ns
    if now_ns is None:
        return []
    if now_ns > _OLD_NS:
        return [Point(f"the guest's kernel has run for {span(now_ns)}", inside.refs, 0.02)]
    if process and process.uptime_s and now_ns <= _YOUNG_NS and process.uptime_s * 1e9 > 5 * _YOUNG_NS:
        says = f"the guest's kernel has run for {span(now_ns)} only, QEMU for {span(process.uptime_s * 1e9)}"
        return [Point(says, (*inside.refs, *process.refs), 4)]
    return []


def _console_points(
    console: ConsoleRestarts | None, inside: GuestInside | None, process: ProcessFacts | None
) -> list[Point]:
    """Kernels that restarted the machine one after the other, each soon after it came up; and whether that goes on."""
    last = _short_ones(console)
    if console is None or not last:
        return []
    longest_ns = max(restart.uptime_ns for restart in last)
    says = f"on its console {count(len(last), 'kernel')} in a row restarted the machine, none later than {span(longest_ns)} after it came up"
    refs = tuple(restart.ref for restart in last[-3:])
    if not _goes_on(len(last), inside, process):
        return [Point(f"{says}; when is not known", refs, 2)]
    return [Point(says, refs, 200 if len(last) > 2 else 60 if len(last) > 1 else 3)]


def _short_ones(console: ConsoleRestarts | None) -> tuple[Restart, ...]:
    restarts = console.restarts if console else ()
    begin = max((n for n, restart in enumerate(restarts, 1) if restart.uptime_ns > _SHORT_NS), default=0)
    return restarts[begin:]


def _goes_on(times: int, inside: GuestInside | None, process: ProcessFacts | None) -> bool:
    """Whether the restarts are of now: the kernel is young, or QEMU itself has not run for much longer than they take."""
    if inside and inside.view.uptime_ns is not None:
        return inside.view.uptime_ns <= _SHORT_NS
    return process is not None and process.uptime_s is not None and process.uptime_s * 1e9 <= (times + 1) * _SHORT_NS


CAUSE = Cause(
    slug="guest-reboot-loop",
    family=Family.GUEST_STUCK,
    rank=Rank.SPECIFIC,
    judge=guest_reboot_loop,
    absorbs=(*BUSY, "triple-fault", "guest-panic-spin", "guest-hard-lockup"),
)
