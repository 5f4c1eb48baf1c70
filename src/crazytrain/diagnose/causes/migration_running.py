"""Cause main-loop-spin/migration-running."""

from crazytrain.diagnose.cause import Cause, Rank
from crazytrain.diagnose.signs import wanted
from crazytrain.diagnose.wait_signs import lasted_ns, wait_point
from crazytrain.model.facts import ThreadActivity, ThreadRole
from crazytrain.model.facts.services import Migration
from crazytrain.model.facts.waits import Waiting, Waits
from crazytrain.model.figures import share, size
from crazytrain.model.finding import Claim, Family, Look, Point

UNDER_WAY = ("setup", "active", "device", "pre-switchover", "cancelling", "wait-unplug", "postcopy-active")
WORKS_FROM = 0.1  # of one CPU: less than that explains no load
_STUCK_FROM_NS = 2_000_000_000  # a stream that is only slow, or limited, takes something far sooner
_OTHERS = (ThreadRole.MAIN_LOOP, ThreadRole.VCPU, ThreadRole.WORKER, ThreadRole.IOTHREAD)
_SENDS = ("write", "writev", "pwritev", "sendmsg", "sendto", "connect")
_SAVES = ("qemu_savevm_state*", "migration_thread", "ram_save_*", "multifd_send_*", "qemu_fflush", "qemu_put_*")
_STREAMS = ("qio_channel_writev_full_all", "qio_channel_writev_all", "qio_channel_write_all", "qemu_put_buffer*")


def migration_running(migration: Migration | None, threads: ThreadActivity | None, waits: Waits | None) -> Claim:
    """Is a migration, a save or a dump at work on this guest?"""
    says = "a migration, a save or a dump of this guest is at work"
    points: list[Point] = []
    stuck = _stuck(migration, waits)
    if migration:
        points.append(_status_point(migration))
        says = f"{migration.operation or 'a migration or save'} of this guest is at work" if _runs(migration) else says
    works = [t for t in threads.of(ThreadRole.MIGRATION) if wanted(t) >= WORKS_FROM] if threads else []
    if works and threads:
        took = f"the migration's thread ({works[0].tid}) took {share(works[0].cpu_ratio)} of a CPU"
        points.append(Point(took, threads.refs, 60))
    if stuck:
        points.append(wait_point(stuck, 300))
        says = f"{says}, and its stream is stuck: the other side takes nothing"
    idle_beside = bool(migration and _runs(migration) and threads and not works and not stuck)
    missing = () if migration else (Look("the migration's state", "virsh domjobinfo {name}"),)
    return Claim(says=says, prior=0.02, points=tuple(points), missing=missing, aside=idle_beside)


def _stuck(migration: Migration | None, waits: Waits | None) -> Waiting | None:
    """The thread that sends the guest's state, where it has been inside one call for long.

    While it is being connected only the call tells: nothing else of QEMU's waits in ``connect`` then.
    """
    known = migration is not None and _runs(migration)
    for wait in waits.threads if waits else ():
        sends = wait.call in _SENDS and wait.role not in _OTHERS and lasted_ns(wait) >= _STUCK_FROM_NS
        if sends and (wait.has(*_SAVES) or (known and (wait.call == "connect" or wait.has(*_STREAMS)))):
            return wait
    return None


def _runs(migration: Migration) -> bool:
    return migration.status in UNDER_WAY


def _status_point(migration: Migration) -> Point:
    if not _runs(migration):
        return Point(f"QEMU knows of no migration under way ({migration.status or 'none'})", migration.refs, 0.02)
    left = ""
    if migration.remaining_bytes is not None and migration.total_bytes:
        left = f", {size(migration.remaining_bytes)} of {size(migration.total_bytes)} to go"
    dirty = f"; the guest writes to {migration.dirty_pages_per_s} pages/s" if migration.dirty_pages_per_s else ""
    return Point(f"a migration is {migration.status}{left}{dirty}", migration.refs, 300)


CAUSE = Cause(slug="migration-running", family=Family.MAIN_LOOP_SPIN, rank=Rank.SYMPTOM, judge=migration_running)
