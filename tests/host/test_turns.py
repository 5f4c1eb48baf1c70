"""Few threads of ours compute at once; one that blocks takes no turn from the others."""

import asyncio
import threading
import time

import pytest

from crazytrain.host import LiveHost
from crazytrain.host.turns import Turns


def test_few_compute_at_once() -> None:
    at_once, most = 0, 0

    async def one(turns: Turns) -> None:
        nonlocal at_once, most
        end = await turns.begin()
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0.001)
        at_once -= 1
        end()
        end()  # a second time does nothing

    async def all_of_them() -> None:
        turns = Turns(at_once=3, longest_s=60)
        await asyncio.gather(*(one(turns) for _ in range(20)))

    asyncio.run(all_of_them())
    assert most == 3


def test_calls_that_block_hold_no_other_up() -> None:
    host, released = LiveHost(), threading.Event()

    async def both() -> float:
        blocked = [asyncio.ensure_future(host.patiently(released.wait, 30)) for _ in range(12)]
        begin = time.monotonic()
        assert await host.patiently(lambda: "read", 30) == "read"
        took = time.monotonic() - begin
        released.set()
        assert all(await asyncio.gather(*blocked))
        return took

    assert asyncio.run(both()) < 20  # 12 calls, 3 at once, 50 ms each: 0.2 s on a quiet host


def test_a_host_outlives_its_loop() -> None:
    host = LiveHost()

    async def many() -> list[int]:
        return await asyncio.gather(*(host.patiently(lambda: 1, 30) for _ in range(9)))

    for _ in range(2):
        assert asyncio.run(many()) == [1] * 9


def test_a_call_that_is_late_is_told() -> None:
    released = threading.Event()
    with pytest.raises(TimeoutError):
        asyncio.run(LiveHost().patiently(released.wait, 0.05))
    released.set()
