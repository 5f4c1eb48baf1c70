"""Whose turn it is at a monitor: two of us never queue there, and who waits while it hangs does not ask in vain."""

import asyncio
from pathlib import Path

from crazytrain.host.qmp import converse
from crazytrain.model.evidence import Outcome
from crazytrain.model.facts import OWN_TURN
from tests.host.test_qmp import STATUS, replies, serving


def test_two_of_us_never_queue_at_one_monitor(tmp_path: Path) -> None:
    connected = 0

    async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        nonlocal connected
        connected += 1
        await reader.read()

    async def talk() -> list[tuple[bytes, Outcome, str]]:
        async with serving(tmp_path / "s", silent):
            first = asyncio.create_task(converse(str(tmp_path / "s"), [STATUS], timeout_s=0.6))
            await asyncio.sleep(0)
            return [await converse(str(tmp_path / "s"), [STATUS], timeout_s=0.2), await first]

    second, first = asyncio.run(talk())
    assert (second[1], second[2]) == (Outcome.TIMED_OUT, OWN_TURN)
    assert first[2].startswith("no greeting within 0.6 s")
    assert connected == 1


def test_who_waits_longer_than_an_answer_takes_is_served(tmp_path: Path) -> None:
    """The limit is for each answer; the turn of another may last longer."""

    async def talk() -> list[tuple[bytes, Outcome, str]]:
        async with serving(tmp_path / "s", replies(*[b'{"return": 1}'] * 3)):
            first = asyncio.create_task(converse(str(tmp_path / "s"), [STATUS] * 3, timeout_s=30, pause_s=0.3))
            await asyncio.sleep(0)
            return [await converse(str(tmp_path / "s"), [STATUS], timeout_s=0.5), await first]

    assert [outcome for _, outcome, _ in asyncio.run(talk())] == [Outcome.OK] * 2


def test_who_has_more_patience_than_who_found_it_hanging_asks(tmp_path: Path) -> None:
    async def late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.5)
        await replies(b'{"return": 1}')(reader, writer)

    async def talk() -> list[tuple[bytes, Outcome, str]]:
        async with serving(tmp_path / "s", late):
            first = asyncio.create_task(converse(str(tmp_path / "s"), [STATUS], timeout_s=0.1))
            await asyncio.sleep(0)
            return [await converse(str(tmp_path / "s"), [STATUS], timeout_s=30), await first]

    second, first = asyncio.run(talk())
    assert (first[1], second[1]) == (Outcome.TIMED_OUT, Outcome.OK)


def test_one_after_the_other_are_both_served(tmp_path: Path) -> None:
    async def talk() -> list[tuple[bytes, Outcome, str]]:
        async with serving(tmp_path / "s", replies(b'{"return": 1}')):
            asking = (converse(str(tmp_path / "s"), [STATUS], timeout_s=30) for _ in range(5))
            return await asyncio.gather(*asking)

    assert [outcome for _, outcome, _ in asyncio.run(talk())] == [Outcome.OK] * 5
