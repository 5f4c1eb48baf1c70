"""A conversation with a monitor ends in time and in one of the known ways, whatever is at the other end."""

import asyncio
import contextlib
import json
import logging
import socket
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from crazytrain.host.live import LiveHost
from crazytrain.host.qmp import converse
from crazytrain.model.evidence import Outcome
from crazytrain.model.facts import MONITOR_BUSY, OWN_TURN
from crazytrain.model.guest import Accelerator
from tests.tiny import HALT, Tiny, boot, until

STATUS = b'{"execute": "query-status"}'
NONSENSE = b'{"execute": "nonsense"}'
IRQ = b'{"execute": "human-monitor-command", "arguments": {"command-line": "info irq"}}'
GREETING = (
    b'{"QMP": {"version": {"qemu": {"micro": 0, "minor": 0, "major": 9}, "package": ""}, "capabilities": ["oob"]}}\r\n'
)
Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]


def told(data: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in data.splitlines()]


@pytest.fixture(scope="module")
def tiny() -> Iterator[Tiny]:
    with boot(HALT) as guest:
        yield guest


def ask(
    path: Path | str, *commands: bytes, timeout_s: float = 30.0, pause_s: float = 0.0, hold_s: float = 2.0
) -> tuple[bytes, Outcome, str]:
    return asyncio.run(converse(str(path), commands, timeout_s=timeout_s, pause_s=pause_s, hold_s=hold_s))


@pytest.mark.real
def test_answers_come_in_order_with_what_was_asked_and_when(tiny: Tiny) -> None:
    before = time.monotonic_ns()
    data, outcome, detail = ask(tiny.qmp, STATUS, NONSENSE, IRQ)
    assert (outcome, detail) == (Outcome.OK, "")
    status, nonsense, irq = told(data)
    assert status["execute"] == "query-status"
    assert status["return"]["status"] == "running"
    assert nonsense["error"]["class"] == "CommandNotFound"
    assert "return" not in nonsense
    assert irq["arguments"] == {"command-line": "info irq"}
    assert irq["return"].startswith("IRQ statistics for")
    assert before < status["mono_ns"] < nonsense["mono_ns"] < irq["mono_ns"] < time.monotonic_ns()
    assert all(answer["took_ns"] > 0 for answer in (status, nonsense, irq))


@pytest.mark.real
def test_the_monitor_is_free_again_at_once(tiny: Tiny) -> None:
    for _ in range(10):
        assert ask(tiny.qmp, STATUS)[1] is Outcome.OK
    with contextlib.closing(client_of(tiny.qmp)) as other:
        assert other.recv(4096).startswith(b'{"QMP"')


def client_of(path: Path) -> socket.socket:
    line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    line.settimeout(60)
    line.connect(str(path))
    return line


@pytest.mark.real
def test_who_does_not_get_his_turn_hears_that_another_client_is_served(tiny: Tiny) -> None:
    async def talk() -> list[tuple[bytes, Outcome, str]]:
        first = asyncio.create_task(converse(str(tiny.qmp), [STATUS], timeout_s=0.6))
        await asyncio.sleep(0)
        return [await converse(str(tiny.qmp), [STATUS], timeout_s=0.2), await first]

    with contextlib.closing(client_of(tiny.qmp)) as other:
        assert other.recv(4096)
        (_, outcome, detail), _ = asyncio.run(talk())
    assert outcome is Outcome.TIMED_OUT
    assert detail.startswith(OWN_TURN)
    assert MONITOR_BUSY in detail


@pytest.mark.real
def test_no_question_is_a_question_whether_it_answers(tiny: Tiny) -> None:
    assert ask(tiny.qmp) == (b"", Outcome.OK, "")


@pytest.mark.real
def test_a_monitor_that_another_client_holds_is_busy_and_not_hung(tiny: Tiny) -> None:
    with contextlib.closing(client_of(tiny.qmp)) as other:
        assert other.recv(4096)
        data, outcome, detail = ask(tiny.qmp, STATUS, timeout_s=0.3)
        assert (data, outcome) == (b"", Outcome.TIMED_OUT)
        assert detail == f"no greeting within 0.3 s: {MONITOR_BUSY}"
        with contextlib.closing(client_of(tiny.qmp)):
            began = time.monotonic()
            data, outcome, detail = ask(tiny.qmp, STATUS, timeout_s=30)
            assert time.monotonic() - began < 10  # the kernel refuses at once: there is no wait at all
            assert (data, outcome) == (b"", Outcome.TIMED_OUT)
            assert MONITOR_BUSY in detail
    # QEMU still has to find out that those who waited have gone: on a loaded host that takes it a moment.
    until(lambda: ask(tiny.qmp, STATUS)[1] is Outcome.OK, "the monitor answers again")


@pytest.mark.real
def test_it_leaves_after_its_time_though_not_all_is_asked(tiny: Tiny) -> None:
    data, outcome, detail = ask(tiny.qmp, *[STATUS] * 100, pause_s=0.02, hold_s=0.2)
    assert outcome is Outcome.TRUNCATED
    assert 1 <= len(told(data)) <= 12
    assert detail == f"left after {len(told(data))} of 100 questions: the answers took too long"


@pytest.mark.real
def test_a_qemu_that_is_stopped_does_not_keep_us() -> None:
    with boot(HALT) as tiny:
        assert ask(tiny.qmp, STATUS)[1] is Outcome.OK
        tiny.freeze()
        began = time.monotonic()
        data, outcome, detail = ask(tiny.qmp, STATUS, timeout_s=0.3)
        assert time.monotonic() - began < 5
        again = [ask(tiny.qmp, STATUS, timeout_s=0.3) for _ in range(4)]
    reason = "no other client is connected, so QEMU hangs or is stopped"
    assert (data, outcome, detail) == (b"", Outcome.TIMED_OUT, f"no greeting within 0.3 s: {reason}")
    # Those that gave up are still in line: for the last of them there is no place left, and that is no other client.
    assert {outcome for _, outcome, _ in again} == {Outcome.TIMED_OUT}
    assert again[-1][2] == f"too many wait for a greeting: {reason}"


@pytest.mark.real
def test_a_monitor_for_people_is_told_from_qmp(tmp_path: Path) -> None:
    path = tmp_path / "hmp.sock"
    with boot(HALT, Accelerator.TCG, "-monitor", f"unix:{path},server=on,wait=off"):
        until(lambda: ask(path, STATUS)[1] is not Outcome.ABSENT, "QEMU listens")
        assert ask(path, STATUS) == (b"", Outcome.BROKE, "what answers there does not speak QMP")


def test_a_socket_that_nobody_serves(tmp_path: Path) -> None:
    path = tmp_path / "dead.sock"
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as dead:
        dead.bind(str(path))
    assert ask(path, STATUS) == (b"", Outcome.ABSENT, "Connection refused: nothing listens there")


def test_no_socket_at_all(tmp_path: Path) -> None:
    assert ask(tmp_path / "none", STATUS)[:2] == (b"", Outcome.ABSENT)
    (tmp_path / "file").write_bytes(b"")
    assert ask(tmp_path / "file", STATUS)[:2] == (b"", Outcome.ABSENT)


@contextlib.asynccontextmanager
async def serving(path: Path, answer: Answer) -> AsyncIterator[None]:
    """A server that is no QEMU. It is given up with the test, not waited for."""

    async def guarded(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, EOFError, asyncio.CancelledError):
            await answer(reader, writer)
        writer.close()

    server = await asyncio.start_unix_server(guarded, str(path), limit=1 << 26)
    try:
        yield
    finally:
        server.close()


def against(
    path: Path, answer: Answer, timeout_s: float = 5.0, pause_s: float = 0.0, hold_s: float = 2.0
) -> tuple[bytes, Outcome, str]:
    async def talk() -> tuple[bytes, Outcome, str]:
        async with serving(path, answer):
            return await converse(str(path), [STATUS, IRQ], timeout_s=timeout_s, pause_s=pause_s, hold_s=hold_s)

    return asyncio.run(talk())


async def question(reader: asyncio.StreamReader) -> dict[str, Any]:
    """One JSON object; there is no end of line after it."""
    text = b""
    while True:
        text += await reader.readuntil(b"}")
        with contextlib.suppress(ValueError):
            return dict(json.loads(text))


async def agree(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(GREETING)
    await question(reader)
    writer.write(b'{"return": {}}\r\n')


def replies(*bodies: bytes) -> Answer:
    """Greet, agree, then give one body after the other for each question."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await agree(reader, writer)
        for body in bodies:
            await question(reader)
            writer.write(body + b"\r\n")
        await reader.read()

    return answer


def test_an_answer_that_has_no_end_is_cut(tmp_path: Path) -> None:
    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await agree(reader, writer)
        await question(reader)
        while True:
            writer.write(b'"' + b"x" * (1 << 20))
            await writer.drain()

    data, outcome, detail = against(tmp_path / "s", flood, timeout_s=60.0)
    assert (data, outcome, detail) == (b"", Outcome.TRUNCATED, "an answer is longer than 4 MiB")


def test_questions_are_as_short_as_they_can_be_for_qemu_reads_them_byte_by_byte(tmp_path: Path) -> None:
    heard: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await agree(reader, writer)
        heard.append(await reader.read(4096))
        writer.write(b'{"return": 1}\r\n')
        await reader.read()

    data, outcome, _ = against(tmp_path / "s", listen)
    assert (outcome, [answer["return"] for answer in told(data)]) == (Outcome.TIMED_OUT, [1])
    assert heard == [b'{"execute":"query-status"}']


def test_an_error_without_words_and_an_answer_that_is_neither(tmp_path: Path) -> None:
    data, outcome, detail = against(tmp_path / "s", replies(b'{"error": {"class": 7}}', b'{"neither": 1}'))
    assert [answer["error"] for answer in told(data)] == [{"class": "7", "desc": ""}]
    assert (outcome, detail) == (Outcome.BROKE, "an answer is no QMP: it holds neither return nor error")


def test_answers_that_are_no_qmp(tmp_path: Path) -> None:
    data, outcome, detail = against(tmp_path / "s", replies(b"{}}}"))
    assert (data, outcome) == (b"", Outcome.BROKE)
    assert detail.startswith("an answer is no QMP")


def test_an_answer_nested_beyond_measure(tmp_path: Path) -> None:
    data, outcome, _ = against(tmp_path / "s", replies(b'{"return": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"))
    assert (data, outcome) == (b"", Outcome.BROKE)


def test_a_text_that_is_no_unicode_is_kept_as_it_can_be(tmp_path: Path) -> None:
    data, outcome, _ = against(tmp_path / "s", replies(*[b'{"return": "\\ud800"}'] * 2))
    assert outcome is Outcome.OK
    assert [answer["return"] for answer in told(data)] == ["\ud800", "\ud800"]


def test_what_was_answered_before_it_fell_silent_is_kept(tmp_path: Path) -> None:
    data, outcome, detail = against(tmp_path / "s", replies(b'{"return": 1}'), timeout_s=1.0)
    assert outcome is Outcome.TIMED_OUT
    late = "no answer to human-monitor-command within 1 s: QEMU's main loop does not come round"
    assert (detail, [answer["return"] for answer in told(data)]) == (late, [1])


def test_events_between_answers_are_lines_of_their_own(tmp_path: Path) -> None:
    event = b'{"event": "STOP", "timestamp": {"seconds": 1, "microseconds": 1}}\r\n'
    data, outcome, _ = against(tmp_path / "s", replies(*[event + b'{"return": 7}'] * 2))
    assert outcome is Outcome.OK
    lines = told(data)
    assert [line["return"] for line in lines if "return" in line] == [7, 7]
    assert [line["event"] for line in lines if "event" in line] == ["STOP", "STOP"]
    assert all(line["mono_ns"] > 0 for line in lines)


def test_a_flood_of_events_is_bounded(tmp_path: Path) -> None:
    event = b'{"event": "RTC_CHANGE", "timestamp": {"seconds": 1, "microseconds": 1}}\r\n'
    data, outcome, _ = against(tmp_path / "s", replies(*[event * 300 + b'{"return": 7}'] * 2))
    assert outcome is Outcome.OK
    assert len([line for line in told(data) if "event" in line]) == 64
    assert len([line for line in told(data) if "return" in line]) == 2


def test_a_server_that_hangs_up(tmp_path: Path) -> None:
    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async def hang_up_later(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await agree(reader, writer)
        await question(reader)

    assert against(tmp_path / "a", hang_up) == (b"", Outcome.ABSENT, "QEMU closed the connection before it greeted")
    assert against(tmp_path / "b", hang_up_later) == (b"", Outcome.ABSENT, "QEMU closed the connection")


def test_a_greeting_without_an_answer_is_a_main_loop_that_hangs(tmp_path: Path) -> None:
    async def only_greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(GREETING)
        await reader.read()

    data, outcome, detail = against(tmp_path / "s", only_greet, timeout_s=0.3)
    assert (data, outcome) == (b"", Outcome.TIMED_OUT)
    assert detail == "greeted, but no answer within 0.3 s: QEMU's main loop does not come round"


def test_a_path_that_is_too_long_for_an_address(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 100) / ("y" * 100)
    folder.mkdir(parents=True)
    short = tmp_path / "s"

    async def talk() -> tuple[bytes, Outcome, str]:
        async with serving(short, replies(b'{"return": 1}')):
            short.rename(folder / "s")
            return await converse(str(folder / "s"), [STATUS], timeout_s=5)

    data, outcome, _ = asyncio.run(talk())
    assert outcome is Outcome.OK
    assert told(data)[0]["return"] == 1


def test_each_answer_is_told_at_once(tmp_path: Path) -> None:
    heard: list[bytes] = []

    async def talk() -> tuple[bytes, Outcome, str]:
        async with serving(tmp_path / "s", replies(*[b'{"return": 1}'] * 2)):
            return await converse(str(tmp_path / "s"), [STATUS, STATUS], timeout_s=30, each=heard.append)

    data, _, _ = asyncio.run(talk())
    assert heard == data.splitlines()
    assert len(heard) == 2


def test_who_is_cancelled_hangs_up(tmp_path: Path) -> None:
    gone = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()
        gone.set()

    async def talk() -> None:
        async with serving(tmp_path / "s", silent):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await converse(str(tmp_path / "s"), [STATUS], timeout_s=60)
            async with asyncio.timeout(30):
                await gone.wait()

    asyncio.run(talk())


def test_nothing_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    assert against(tmp_path / "s", replies(b"{}}}"))[1] is Outcome.BROKE
    assert caplog.records == []


@pytest.mark.real
def test_the_live_host_speaks_so(tiny: Tiny) -> None:
    data, outcome, _ = asyncio.run(LiveHost().converse(str(tiny.qmp), [STATUS], timeout_s=30))
    assert outcome is Outcome.OK
    assert told(data)[0]["return"]["running"] is True
