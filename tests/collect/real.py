"""Real processes and guests to be traced, and how to know that tracing has begun."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path

import msgspec

from crazytrain.collect.look import Look
from crazytrain.collect.same import boot_id, start_ticks
from crazytrain.host import LiveHost
from crazytrain.model.evidence import Evidence
from crazytrain.model.guest import Accelerator, Guest, ProcessId
from tests.support import ROOT, skip_real

PATIENCE_S = 60.0
KNOWN_CALLS = Path(__file__).with_name("known_calls.py")


def need(*tools: str) -> None:
    """Root, and these tools."""
    for tool in tools:
        if shutil.which(tool) is None:
            skip_real(f"{tool} is not installed")
    if os.geteuid() != 0:
        skip_real("not root: the kernel lets nobody else trace")


def guest_of(pid: int, accelerator: Accelerator = Accelerator.KVM) -> Guest:
    host = LiveHost()
    ticks = start_ticks(host, pid)
    assert ticks is not None
    return Guest(
        process=ProcessId(pid=pid, start_ticks=ticks, boot_id=boot_id(host)), name="real", accelerator=accelerator
    )


def look_at(guest: Guest, seconds: float) -> tuple[Look, list[Evidence]]:
    host, kept = LiveHost(), list[Evidence]()
    now = host.mono_ns()
    return Look(host=host, guest=guest, start_ns=now, end_ns=now + int(seconds * 1e9), keep=kept.append), kept


def with_sibling(look: Look, sibling: Look) -> Look:
    return msgspec.structs.replace(look, sibling=msgspec.structs.replace(sibling, light=True))


@contextlib.contextmanager
def running(*argv: str) -> Iterator[subprocess.Popen[str]]:
    """Run a process that is ended by its pid."""
    process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGCONT)
        process.kill()
        process.communicate()


def known_calls(*arguments: str) -> contextlib.AbstractContextManager[subprocess.Popen[str]]:
    return running(sys.executable, str(KNOWN_CALLS), *arguments)


def line_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def descriptors_of(process: subprocess.Popen[str]) -> dict[str, int]:
    told: dict[str, int] = json.loads(line_of(process))
    return told


def tell(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("x")
    process.stdin.flush()


def made_by(process: subprocess.Popen[str]) -> None:
    """Let it make its calls, and wait until it has."""
    tell(process)
    assert line_of(process) == "done\n"


def children_of(pid: int) -> list[int]:
    """All processes below one."""
    found: list[int] = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            own = [int(word) for word in path.read_text().split()]
            found += own + [below for child in own for below in children_of(child)]
    return found


def attached_tracers(pid: int = os.getpid()) -> list[int]:
    """Processes below one that have attached their programs to the kernel."""
    return [child for child in children_of(pid) if 0 < _wanted(child) <= _programs(child)]


def _wanted(pid: int) -> int:
    """How many programs the text on the command line asks bpftrace for: the clock's is attached last of all."""
    with contextlib.suppress(OSError):
        text = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b"\n")
        return text.count(b"\ntracepoint:") + text.count(b"\ninterval:")
    return 0


def _programs(pid: int) -> int:
    count = 0
    for path in Path(f"/proc/{pid}/fdinfo").glob("*"):
        with contextlib.suppress(OSError):
            count += "prog_tag" in path.read_text()
    return count


def tracers(pid: int) -> set[str]:
    """Who traces any thread of a process."""
    statuses = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/status")]
    return {line.split()[1] for text in statuses for line in text.splitlines() if line.startswith("TracerPid")}


def until(condition: Callable[[], object], what: str) -> None:
    """Wait for a condition, generously."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, f"not within {PATIENCE_S:g} s: {what}"
        time.sleep(0.01)


def collected_while(look: Coroutine[object, object, None], act: Callable[[], object]) -> None:
    """Collect, and do something as soon as the kernel counts."""

    async def acting() -> None:
        end = time.monotonic() + PATIENCE_S
        while not await asyncio.to_thread(attached_tracers):
            assert time.monotonic() < end, "bpftrace did not attach"
            await asyncio.sleep(0.02)
        await asyncio.to_thread(act)

    async def both() -> None:
        await asyncio.gather(look, acting())

    asyncio.run(both())


def collecting_elsewhere(room: str, pid: int, seconds: float) -> subprocess.Popen[bytes]:
    """Collect in another Python, which can be killed."""
    program = (
        "import asyncio, sys\n"
        f"from crazytrain.collect import {room}\n"
        "from tests.collect.real import guest_of, look_at\n"
        "look, _ = look_at(guest_of(int(sys.argv[1])), float(sys.argv[2]))\n"
        f"asyncio.run({room}.COLLECTOR.run(look))\n"
    )
    return subprocess.Popen((sys.executable, "-c", program, str(pid), f"{seconds:g}"), cwd=ROOT)
