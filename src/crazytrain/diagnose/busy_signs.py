"""Signs that the causes of family guest-busy share."""

import msgspec

from crazytrain.diagnose.inside_signs import ticks
from crazytrain.diagnose.signs import AWAKE_HALTED_TO, awake
from crazytrain.model.facts import KvmExits, VcpuActivity, VcpuView
from crazytrain.model.facts.guest_inside import GuestInside
from crazytrain.model.facts.inside_view import CpuShare, Pace
from crazytrain.model.figures import rate, share
from crazytrain.model.finding import Point


def chosen(view: VcpuView) -> tuple[VcpuActivity, ...]:
    """The vCPU that idles least: the one that the question is about."""
    return tuple(sorted(view.vcpus, key=lambda v: v.halted_ratio)[:1])


def halted_points(view: VcpuView) -> tuple[Point, ...]:
    """Whether a vCPU has idle time, as points for causes that say it has none."""
    if awake(view):
        return (Point(f"a vCPU was halted in less than {share(AWAKE_HALTED_TO)} of the samples", view.refs, 3),)
    least = min((v.halted_ratio for v in view.vcpus), default=1.0)
    return (
        Point(f"every vCPU was halted in at least {share(least)} of the samples: it has idle time", view.refs, 0.02),
    )


def exit_points(exits: KvmExits | None) -> tuple[Point, ...]:
    """Whether it leaves guest mode as seldom as plain computing does."""
    if exits is None or not exits.window_ns:
        return ()
    per_s = exits.per_s(sum(e.count for e in exits.userspace))
    if per_s > 5000:
        return (Point(f"it left guest mode for QEMU {rate(per_s)}: that is no plain computing", exits.refs, 0.05),)
    return (Point(f"few exits to QEMU: {rate(per_s)}", exits.refs, 1.5),)


IDLES_FROM = 0.9  # by the account of the guest's own kernel


class Account(msgspec.Struct, frozen=True):
    """What the guest's own kernel says of its busiest CPU: shares of the window in programs, in the kernel, and idle."""

    cpu: int
    user: float
    kernel: float
    idle: float


def account_of(inside: GuestInside | None) -> Account | None:
    """The account of the CPU that idled least; ``None`` where the guest keeps none that is believed, or its ticks do not come.

    What no tick accounted for counts as nothing: it is neither programs nor idle time.
    """
    pace = ticks(inside)
    if inside is None or pace is None or pace.pace in (Pace.STANDS, Pace.BACK):
        return None
    accounts = [_account(cpu) for cpu in inside.view.cpus if cpu.user is not None and cpu.idle is not None]
    return min(accounts, key=lambda one: one.idle, default=None)


def _account(cpu: CpuShare) -> Account:
    kernel = (cpu.system or 0.0) + (cpu.irq or 0.0) + (cpu.softirq or 0.0)
    return Account(cpu.cpu, (cpu.user or 0.0) + (cpu.nice or 0.0), kernel, (cpu.idle or 0.0) + (cpu.iowait or 0.0))


def account_points(inside: GuestInside | None, *, of_programs: bool) -> tuple[Point, ...]:
    """What the guest's own account says, as points for causes that say programs (or the kernel) work, where no vCPU was looked at."""
    told = account_of(inside)
    if told is None or inside is None:
        return ()
    worked = told.user if of_programs else told.kernel
    who = "programs" if of_programs else "its kernel"
    says = f"the guest's own account: CPU {told.cpu} spent {share(worked)} of the time in {who}, and idled {share(told.idle)}"
    busy = max(told.user + told.kernel, 0.01)
    part = 15 if worked >= 0.75 * busy else 2 if worked >= 0.5 * busy else 0.05
    return (Point(says, inside.refs, part * 3 if told.idle <= AWAKE_HALTED_TO else 0.02),)


def idles_points(inside: GuestInside | None) -> tuple[Point, ...]:
    """That even the busiest CPU idled by the guest's own account, as a point against work of its kernel, which it would account for."""
    told = account_of(inside)
    if inside is None or told is None or told.idle < IDLES_FROM:
        return ()
    says = f"the guest's own account: even its busiest CPU, CPU {told.cpu}, idled {share(told.idle)} of the time"
    return (Point(says, inside.refs, 0.05),)
