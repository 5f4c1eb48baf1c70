"""The child as we see it: whatever it does, we get an answer in time or know why not, and nothing of it stays."""

import asyncio
import os
import time
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from crazytrain.collect.inside_answers import answer_of
from crazytrain.collect.same import boot_id, start_ticks
from crazytrain.host import LiveHost, symbol_cache
from crazytrain.host.confine import Limits
from crazytrain.host.guest_child import GuestChild
from crazytrain.model.guest import ProcessId
from crazytrain.model.guest_memory import Unreadable
from crazytrain.model.inside_talk import Ack, GotReading

T = TypeVar("T")
STAND_IN = str(Path(__file__).with_name("stand_in.py"))


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CRAZYTRAIN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "inside"


@pytest.fixture
def ourselves() -> Iterator[ProcessId]:
    """Our own memory stands for a guest's: anybody may read that. No descriptor is left behind."""
    host, before = LiveHost(), open_descriptors()
    ticks = start_ticks(host, os.getpid())
    assert ticks is not None
    yield ProcessId(pid=os.getpid(), start_ticks=ticks, boot_id=boot_id(host))
    assert open_descriptors() == before


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def gone(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()


async def talked(process: ProcessId, manner: str, timeout_s: float = 30.0) -> bytes:
    child = GuestChild(process, Limits(), (STAND_IN, manner))
    try:
        return await child.ask(b"{}", timeout_s)
    finally:
        await child.close()
        assert gone(child.pid)


def run(main: Coroutine[object, object, T]) -> T:
    return asyncio.run(main)


@pytest.mark.parametrize(
    ("manner", "why"),
    [
        ("dies at once", "ended with status 7"),
        ("is killed", "ended by SIGSEGV"),
        ("says too much", "sent 33554433 bytes"),
    ],
)
def test_it_fails(ourselves: ProcessId, manner: str, why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        run(talked(ourselves, manner))


@pytest.mark.parametrize("manner", ["hangs", "hangs within an answer"])
def test_it_is_late(ourselves: ProcessId, manner: str) -> None:
    began = time.monotonic()
    with pytest.raises(Unreadable, match=r"no answer within 0\.5 s and was ended"):
        run(talked(ourselves, manner, 0.5))
    assert time.monotonic() - began < 30


def test_what_was_ended_is_not_asked_again(ourselves: ProcessId) -> None:
    async def twice() -> None:
        child = GuestChild(ourselves, Limits(), (STAND_IN, "hangs"))
        for _ in range(2):
            with pytest.raises(Unreadable, match="no answer"):
                await child.ask(b"{}", 0.2)
        await child.close()
        await child.close()

    run(twice())


def test_it_ends_when_we_are_cancelled(ourselves: ProcessId) -> None:
    async def cancelled() -> None:
        asking = asyncio.create_task(talked(ourselves, "hangs"))
        await asyncio.sleep(0.05)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking

    run(cancelled())


@pytest.mark.parametrize(
    ("manner", "why"),
    [
        ("talks nonsense", "something that is no answer"),
        ("answers something else", r"an answer to another question \(Ack\)"),
        ("says an impossible number", "no answer|more than 64 bits"),
    ],
)
def test_lies(ourselves: ProcessId, manner: str, why: str) -> None:
    said = run(talked(ourselves, manner))
    with pytest.raises(Unreadable, match=why):
        answer_of(said, GotReading)


def test_an_answer(ourselves: ProcessId) -> None:
    assert answer_of(run(talked(ourselves, "answers")), GotReading).reading.took_ns == 2
    with pytest.raises(Unreadable, match="another question"):
        answer_of(run(talked(ourselves, "answers")), Ack)


def test_what_it_is_handed(ourselves: ProcessId) -> None:
    *links, parent, _mem, _pagemap, _known, _found, _memory, _cpu, _file = (
        run(talked(ourselves, "tells its descriptors")).decode().split("|")
    )
    assert parent == str(os.getpid())
    handed = [link for link in links if not link.startswith(("socket:", "/dev/null", "/proc/self/fd"))]
    own = f"/proc/{os.getpid()}"
    assert sorted(one for one in handed if one.startswith(own)) == [f"{own}/mem", f"{own}/pagemap"]
    assert sum("memfd:crazytrain" in one for one in handed) == 2
    assert len(handed) <= 5  # the folder that it lists itself


def test_another_process_has_the_pid_now(ourselves: ProcessId) -> None:
    with pytest.raises(ProcessLookupError):
        GuestChild(ProcessId(pid=ourselves.pid, start_ticks=ourselves.start_ticks + 1), Limits())


def test_a_program_that_is_not_there(ourselves: ProcessId, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/nonexistent/python")
    with pytest.raises(FileNotFoundError):
        GuestChild(ourselves, Limits())


def test_symbols_are_kept(ourselves: ProcessId, cache: Path) -> None:
    async def kept(manner: str, size: int) -> bytes:
        child = GuestChild(ourselves, Limits(), (STAND_IN, manner))
        try:
            said = await child.ask(b"{}", 30)
            child.keep_cache(size)
        finally:
            await child.close()
        return said

    run(kept("writes down", 7))
    (entry,) = cache.iterdir()
    assert entry.read_bytes() == b"symbols"
    assert (cache.stat().st_mode & 0o777, entry.stat().st_mode & 0o777) == (0o700, 0o600)
    assert run(kept("repeats what it was handed", 0)) == b"symbols"
    run(kept("says that it wrote much down", 16_000_000))  # there are not so many: the earlier ones stay
    assert entry.read_bytes() == b"symbols"
    run(kept("writes down", symbol_cache.MOST_BYTES + 1))
    assert entry.read_bytes() == b"symbols"
