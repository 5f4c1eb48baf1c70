"""Cause guest-stuck/guest-hung-io."""

from crazytrain.diagnose.cause import Cause, Rank
from crazytrain.diagnose.inside_signs import stuck_tasks, waits_for_io
from crazytrain.diagnose.signs import is_fresh
from crazytrain.model.facts import ConsoleLog, LineMeaning
from crazytrain.model.facts.devices import VirtQueues
from crazytrain.model.facts.guest_inside import GuestInside
from crazytrain.model.facts.inside_view import StuckTask
from crazytrain.model.figures import count
from crazytrain.model.finding import Claim, Family, Look, Point

_INSIDE = Look("which tasks of the guest hang, and in what", "crazytrain inside {name} --stacks   # as root")


def guest_hung_io(inside: GuestInside | None, console: ConsoleLog | None, queues: VirtQueues | None) -> Claim:
    """Do tasks of the guest hang in D state, waiting for a disk or a file system?"""
    says = "tasks of the guest hang: they wait for a disk or a file system that does not answer them"
    points = [*_from_inside(inside), *_said(console)]
    if queues and any(queue.stuck for queue in queues.queues):
        queue = next(queue for queue in queues.queues if queue.stuck)
        points.append(Point(f"queue {queue.queue} of {queue.device} holds requests and none came back", queues.refs, 4))
    if not points:
        return Claim(says=says, prior=0.01, missing=(_INSIDE,))
    return Claim(says=says, prior=0.01, points=tuple(points), missing=() if inside else (_INSIDE,))


def _from_inside(inside: GuestInside | None) -> list[Point]:
    if inside is None or not inside.view.window_ns:
        return []
    stuck = stuck_tasks(inside)
    for_io = [task for task in stuck if waits_for_io(task)]
    if for_io:
        says = f"{count(len(for_io), 'task')} inside the guest never left D state, {_one(for_io[0])}"
        return [Point(says, inside.refs, 300)]
    if stuck:
        return [
            Point(f"{count(len(stuck), 'task')} inside the guest never left D state, {_one(stuck[0])}", inside.refs, 15)
        ]
    if any(missing.what in ("tasks", "stacks") for missing in inside.view.missing):
        return []
    return [Point("no task of the guest hung in D state", inside.refs, 0.02)]


def _one(task: StuckTask) -> str:
    frames = " < ".join(frame.name or "?" for frame in task.stack[:4])
    where = f" in {frames}" if frames else ""
    return f"for one thread {task.pid} ({task.comm}){where}"


def _said(console: ConsoleLog | None) -> list[Point]:
    lines = [x for x in console.matter if x.meaning is LineMeaning.HUNG_TASK] if console else []
    if console is None or not lines:
        return []
    return [Point(lines[-1].says, (lines[-1].ref,), 80 if is_fresh(console, lines[-1]) else 2)]


CAUSE = Cause(slug="guest-hung-io", family=Family.GUEST_STUCK, rank=Rank.SYMPTOM, judge=guest_hung_io)
