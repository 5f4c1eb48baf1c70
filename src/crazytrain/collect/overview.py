"""Two readings of every guest's threads over a short window, for a list of guests."""

import asyncio
from collections.abc import Sequence

from crazytrain.collect.same import start_ticks
from crazytrain.collect.tasks import kernel_threads, task_instant
from crazytrain.host.door import Host
from crazytrain.model.evidence import Evidence
from crazytrain.model.guest import Guest

Readings = tuple[tuple[Guest, tuple[Evidence, ...]], ...]


async def overview_readings(host: Host, guests: Sequence[Guest], window_s: float) -> Readings:
    """Read the threads of all guests twice, ``window_s`` apart. A guest that hangs or ended has readings that say so.

    A guest whose pid became another process in between keeps its first reading only.
    """
    helpers = await kernel_threads(host)
    begin_ns = host.mono_ns()
    first = await _instant(host, guests, helpers, 0)
    await host.sleep_until(begin_ns + int(window_s * 1e9))
    second = await _instant(host, guests, helpers, 1)
    ours = [start_ticks(host, guest.pid) == guest.process.start_ticks for guest in guests]
    rows = zip(guests, first, second, ours, strict=True)
    return tuple((guest, (one, two) if same else (one,)) for guest, one, two, same in rows)


async def _instant(
    host: Host, guests: Sequence[Guest], helpers: dict[int, tuple[int, ...]], number: int
) -> list[Evidence]:
    looks = (
        task_instant(host, guest.pid, helpers.get(guest.pid, ()), f"tasks.{number}", status=False) for guest in guests
    )
    return await asyncio.gather(*looks)
