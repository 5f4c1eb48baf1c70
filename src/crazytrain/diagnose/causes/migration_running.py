"""Cause main-loop-spin/migration-running."""

from crazytrain.diagnose.cause import Cause, Rank
from crazytrain.diagnose.signs import wanted
from crazytrain.model.facts import ThreadActivity, ThreadRole
from crazytrain.model.facts.services import Migration
from crazytrain.model.figures import share, size
from crazytrain.model.finding import Claim, Family, Look, Point

UNDER_WAY = ("setup", "active", "device", "pre-switchover", "cancelling", "wait-unplug", "postcopy-active")
WORKS_FROM = 0.1  # of one CPU: less than that explains no load


def migration_running(migration: Migration | None, threads: ThreadActivity | None) -> Claim:
    """Is a migration, a save or a dump at work on this guest?"""
    says = "a migration, a save or a dump of this guest is at work"
    points: list[Point] = []
    if migration:
        points.append(_status_point(migration))
        says = f"{migration.operation or 'a migration or save'} of this guest is at work" if _runs(migration) else says
    works = [t for t in threads.of(ThreadRole.MIGRATION) if wanted(t) >= WORKS_FROM] if threads else []
    if works and threads:
        took = f"the migration's thread ({works[0].tid}) took {share(works[0].cpu_ratio)} of a CPU"
        points.append(Point(took, threads.refs, 60))
    idle_beside = bool(migration and _runs(migration) and threads and not works)
    missing = () if migration else (Look("the migration's state", "virsh domjobinfo {name}"),)
    return Claim(says=says, prior=0.02, points=tuple(points), missing=missing, aside=idle_beside)


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
