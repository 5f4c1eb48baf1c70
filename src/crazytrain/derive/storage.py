"""The storage behind the guest over the window: rates of its devices, requests that are stuck, tasks that stayed blocked."""

from crazytrain.model.facts import Facts, TaskTable
from crazytrain.model.facts.storage import BlockedTask, DeviceReading, DeviceUse, GuestStorage, StorageReading


def derive_storage(facts: Facts) -> GuestStorage | None:
    """Compare the first and the last reading; ``None`` where storage was not looked at."""
    readings = sorted(facts.all(StorageReading), key=lambda reading: reading.mono_ns)
    if not readings:
        return None
    first, last = readings[0], readings[-1]
    window_ns = last.mono_ns - first.mono_ns
    before = {device.number: device for device in first.devices}
    blocked = _stayed(first, last) if len(readings) > 1 else first.blocked
    table = facts.get(TaskTable)
    own = {task.tid for task in table.tasks} if table else set()
    return GuestStorage(
        window_ns=window_ns,
        images=first.images or last.images,
        devices=tuple(_use(before.get(device.number, device), device, window_ns) for device in last.devices),
        blocked=blocked,
        own_blocked=tuple(task for task in blocked if task.tid in own),
        tasks_seen=first.tasks_seen,
        refs=tuple(dict.fromkeys((first.ref, last.ref))),
    )


def _stayed(first: StorageReading, last: StorageReading) -> tuple[BlockedTask, ...]:
    """Tasks in state D at both ends that have not run between, as they were at the end."""
    before = {task.tid: task for task in first.blocked}
    return tuple(task for task in last.blocked if task.tid in before and before[task.tid].switches == task.switches)


def _use(before: DeviceReading, now: DeviceReading, window_ns: int) -> DeviceUse:
    flights = (now.reads_in_flight, now.writes_in_flight)
    before_flights = (before.reads_in_flight, before.writes_in_flight)
    done = (now.reads, now.writes) != (before.reads, before.writes)
    waiting = _sum(flights)
    busy = _per_s(before.busy_ms, now.busy_ms, window_ns)
    return DeviceUse(
        device=now,
        reads_per_s=_per_s(before.reads, now.reads, window_ns),
        writes_per_s=_per_s(before.writes, now.writes, window_ns),
        read_bytes_per_s=_per_s(before.read_bytes, now.read_bytes, window_ns),
        written_bytes_per_s=_per_s(before.written_bytes, now.written_bytes, window_ns),
        busy_ratio=None if busy is None else min(1.0, busy / 1000),
        in_flight=waiting,
        stuck=window_ns > 0 and bool(waiting) and bool(_sum(before_flights)) and not done,
    )


def _sum(counts: tuple[int | None, int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


def _per_s(before: int | None, now: int | None, window_ns: int) -> float | None:
    if before is None or now is None or now < before or window_ns <= 0:
        return None
    return (now - before) * 1e9 / window_ns
