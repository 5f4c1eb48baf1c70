"""Cause qemu-blocked/postcopy-wait."""

from crazytrain.diagnose.cause import Cause, Rank
from crazytrain.diagnose.wait_signs import is_long, lasted_ns, longest, none_waits, wait_point
from crazytrain.model.facts import QemuState, ThreadRole
from crazytrain.model.facts.waits import Waits
from crazytrain.model.figures import count
from crazytrain.model.finding import Claim, Family, Point

LONG_FROM_NS, VERY_LONG_FROM_NS = 100_000_000, 1_000_000_000
_FETCHES = (
    "postcopy_ram_fault_thread",
    "postcopy_ram_incoming*",
    "ram_load_postcopy",
    "loadvm_postcopy*",
    "qemu_loadvm_state_main",
)


def postcopy_wait(waits: Waits, state: QemuState | None) -> Claim:
    """Does the guest wait for pages of its memory that a postcopy migration has not brought yet?"""
    says = "the guest waits for pages of its memory that are still on another host (postcopy migration)"
    waiting = [w for w in waits.threads if w.in_kernel("handle_userfault*") and is_long(w, LONG_FROM_NS)]
    worst = longest(waiting)
    if worst is None:
        return Claim(says=says, prior=0.01, points=(none_waits(waits, "thread waits for a page from userfaultfd"),))
    ratio = 400 if lasted_ns(worst) >= VERY_LONG_FROM_NS else 150
    points = [wait_point(worst, ratio)]
    vcpus = [wait for wait in waiting if wait.role is ThreadRole.VCPU]
    if vcpus:
        points.append(
            Point(
                f"{count(len(vcpus), 'vCPU')} of the guest {'waits' if len(vcpus) == 1 else 'wait'} so",
                vcpus[0].refs,
                3,
            )
        )
    fetching = [wait for wait in waits.threads if wait.has(*_FETCHES)]
    points += (
        [Point(f"{fetching[0].comm} (thread {fetching[0].tid}) fetches pages", fetching[0].refs, 3)] if fetching else []
    )
    if state is not None and "postcopy" in state.status:
        points.append(Point(f"QEMU's status is {state.status}", state.refs, 5))
    return Claim(says=says, prior=0.01, points=tuple(points))


CAUSE = Cause(
    slug="postcopy-wait",
    family=Family.QEMU_BLOCKED,
    rank=Rank.SPECIFIC,
    judge=postcopy_wait,
    absorbs=("monitor-hung", "migration-running", "healthy-idle"),
)
