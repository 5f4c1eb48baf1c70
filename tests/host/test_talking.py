"""A monitor that is kept for some questions: what is heard, whose turn it is, and how it ends; with pauses of a real QEMU."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from crazytrain.host import LiveHost
from crazytrain.host.door import MonitorEnded, Talking
from crazytrain.model.evidence import Outcome
from tests.tiny import HALT, Tiny, boot

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def tiny() -> Iterator[Tiny]:
    with boot(HALT) as guest:
        yield guest


def _command(name: str) -> bytes:
    return json.dumps({"execute": name}).encode()


async def _ask_all(path: Path | str, *commands: str) -> tuple[list[bytes], tuple[str, ...]]:
    async with LiveHost().talking(str(path), timeout_s=30) as line:
        return [await line.ask(_command(one)) for one in commands], line.heard()


def _status(tiny: Tiny) -> str:
    (answer,), _ = asyncio.run(_ask_all(tiny.qmp, "query-status"))
    return str(json.loads(answer.splitlines()[-1])["return"]["status"])


def test_each_answer_comes_by_itself_and_events_are_heard(tiny: Tiny) -> None:
    answers, heard = asyncio.run(_ask_all(tiny.qmp, "query-status", "stop", "cont", "nonsense"))
    last = [json.loads(answer.splitlines()[-1]) for answer in answers]
    assert [one["execute"] for one in last] == ["query-status", "stop", "cont", "nonsense"]
    assert last[0]["return"]["status"] == "running"
    assert last[3]["error"]["class"] == "CommandNotFound"
    assert heard == ("STOP", "RESUME")


def test_nobody_listening_is_said(tmp_path: Path) -> None:
    with pytest.raises(MonitorEnded) as ended:
        asyncio.run(_ask_all(tmp_path / "none", "query-status"))
    assert ended.value.outcome is Outcome.ABSENT


def test_it_is_left_for_the_next_one(tiny: Tiny) -> None:
    async def turns() -> int:
        return len(await asyncio.gather(*(_ask_all(tiny.qmp, "query-status") for _ in range(5))))

    assert asyncio.run(turns()) == 5


def test_a_pause_that_is_left_armed_is_resumed_before_the_line_is_shut(tiny: Tiny) -> None:
    async def fail() -> None:
        async with LiveHost().talking(str(tiny.qmp), timeout_s=30) as line, line.guarded() as pause:
            pause.arm(600)
            await line.ask(_command("stop"))
            raise InterruptedError

    with pytest.raises(InterruptedError):
        asyncio.run(fail())
    assert _status(tiny) == "running"


def test_a_pause_that_is_no_longer_ours_is_left(tiny: Tiny) -> None:
    async def disarm() -> None:
        async with LiveHost().talking(str(tiny.qmp), timeout_s=30) as line, line.guarded() as pause:
            pause.arm(600)
            await line.ask(_command("stop"))
            pause.disarm()

    asyncio.run(disarm())
    assert _status(tiny) == "paused"
    asyncio.run(_ask_all(tiny.qmp, "cont"))


async def _ask_on(line: Talking) -> None:
    """Read on what may be meant for the guard, until the line is shut."""
    try:
        while True:
            await line.ask(_command("query-version"))
    except MonitorEnded:
        return


def test_the_guard_takes_over_from_who_is_late(tiny: Tiny) -> None:
    async def sleep() -> None:
        async with LiveHost().talking(str(tiny.qmp), timeout_s=30) as line, line.guarded() as pause:
            await line.ask(_command("stop"))
            pause.arm(0.05)
            await _ask_on(line)

    asyncio.run(sleep())
    assert _status(tiny) == "running"
