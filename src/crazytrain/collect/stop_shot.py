"""A single stop of QEMU's main loop, iothreads and workers, on request: the functions each of them is in, also while it runs.

A thread that sleeps shows its stack without being stopped (``user_stacks``), one that burns shows it to perf (``oncpu``); this
is for one that runs where there is no perf. No thread that is or may be a vCPU's is touched. Each is held for some ten µs; its
stack is copied meanwhile and walked later. The copy is not kept: it may hold the guest's data.
"""

import errno
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from crazytrain.collect.look import Collector, Look
from crazytrain.collect.mappings import MAPS_LIMIT_BYTES, mappings
from crazytrain.collect.parts import read_part
from crazytrain.collect.same import gone, still_same
from crazytrain.collect.strace_burst import hands_off, named_threads
from crazytrain.host import stop_shot
from crazytrain.host.door import Finished, Host
from crazytrain.host.stop_shot import Shot
from crazytrain.model.evidence import Cost, Evidence, Kind, Outcome
from crazytrain.model.facts.threads import ThreadRole
from crazytrain.model.figures import count, span
from crazytrain.model.thread_names import role_by_name

if TYPE_CHECKING:
    from crazytrain.collect.stack_walk import Walked

_NAME = "shot"
_AT = 0.92  # of the window: strace has ended by then
_MOST_THREADS = 16
_ROLES = (ThreadRole.IOTHREAD, ThreadRole.WORKER, ThreadRole.VNC, ThreadRole.SPICE, ThreadRole.MIGRATION)
_NUMBERS = {"rbx": 3, "rbp": 6, "r12": 12, "r13": 13, "r14": 14, "r15": 15}  # in the x86-64 psABI
_TIMEOUT_S, _WALK_TIMEOUT_S = 3.0, 4.0
_LIMIT_BYTES = 2 << 20


async def collect_stop_shot(look: Look) -> None:
    """Keep ``shot``: JSON lines, one a thread; or why there is none."""
    if look.light:
        return
    host, pid = look.host, look.guest.pid
    await host.sleep_until(look.start_ns + int((look.end_ns - look.start_ns) * _AT))
    if not still_same(host, look.guest.process):
        look.keep(gone(look, _NAME, Kind.STACKS))
        return
    tids = (pid, *named_threads(host, pid, _is_wanted))[:_MOST_THREADS]
    if why := hands_off(host, pid, tids) or look.may_stop(tids, stop_shot.LONGEST_NS):
        look.keep(_evidence(look, None, Outcome.ABSENT, why))
        return
    argv = stop_shot.command(pid, look.guest.process.start_ticks, tids)
    told = await host.run(argv, timeout_s=_TIMEOUT_S, limit_bytes=_LIMIT_BYTES)
    shots = stop_shot.shots_of(told.stdout)
    stall_ns = max((shot.stopped_ns for shot in shots), default=0)
    look.stopped(tids, stop_shot.LONGEST_NS, stall_ns)
    look.keep(await _told(look, told, shots, stall_ns))


def _is_wanted(comm: str) -> bool:
    """Whether a name says that this is no vCPU's thread; without names of their own all threads are called as the program."""
    return role_by_name(comm)[0] in _ROLES


async def _told(look: Look, told: Finished, shots: Sequence[Shot], stall_ns: int) -> Evidence:
    taken = [shot for shot in shots if shot.registers]
    refused = "; ".join(f"thread {shot.tid}: {shot.why}" for shot in shots if shot.why)
    if not taken:
        return _evidence(look, told, *_nothing(told, refused), stall_ns=stall_ns)
    lines = await look.host.patiently(lambda: _walked(look.host, look.guest.pid, taken), _WALK_TIMEOUT_S)
    held = f"{count(len(taken), 'thread')} stopped once, for {span(stall_ns)} at most"
    return _evidence(
        look,
        told,
        Outcome.TRUNCATED if refused or told.outcome is not Outcome.OK else Outcome.OK,
        "; ".join(filter(None, (held, refused, told.detail))),
        data=b"".join(msgspec.json.encode(line) + b"\n" for line in lines),
        stall_ns=stall_ns,
    )


def _nothing(told: Finished, refused: str) -> tuple[Outcome, str]:
    """Why no thread was seen."""
    if refused:
        denied = any(os.strerror(number) in refused for number in (errno.EPERM, errno.EACCES))
        hint = " (it takes root or CAP_SYS_PTRACE, and that nobody else traces it)" if denied else ""
        return (Outcome.DENIED if denied else Outcome.ABSENT), refused + hint
    last = told.stderr.decode("utf-8", "backslashreplace").strip().rpartition("\n")[2]
    return (Outcome.BROKE if told.outcome is Outcome.OK else told.outcome), last or told.detail or "it said nothing"


def _walked(host: Host, pid: int, shots: Sequence[Shot]) -> "Sequence[Walked]":
    from crazytrain.collect.stack_walk import Library, Walked  # noqa: PLC0415 - reading ELF takes 40 ms to import
    from crazytrain.collect.unwind import Process, Stack, unwind  # noqa: PLC0415 - as above

    process = Process(mappings(host.read(f"/proc/{pid}/maps", MAPS_LIMIT_BYTES)), Library(host, pid).of)
    lines = []
    for shot in shots:
        stack = Stack(shot.registers["rsp"], shot.stack)
        known = {number: shot.registers[name] for name, number in _NUMBERS.items() if name in shot.registers}
        frames, ended = unwind(process, shot.registers["rip"], stack, known)
        comm = read_part(host, f"/proc/{pid}/task/{shot.tid}/comm", 128).text.removesuffix("\n")
        lines.append(Walked(shot.tid, comm, shot.mono_ns, ended, frames, stopped_ns=shot.stopped_ns))
    return lines


def _evidence(
    look: Look, told: Finished | None, outcome: Outcome, detail: str, *, data: bytes = b"", stall_ns: int | None = None
) -> Evidence:
    return Evidence(
        id=_NAME,
        kind=Kind.STACKS,
        source=f"PTRACE_INTERRUPT of threads of {look.guest.pid}, each once",
        outcome=outcome,
        detail=detail,
        data=data,
        mono_ns=look.host.mono_ns(),
        wall_ns=look.host.wall_ns(),
        took_ns=told.took_ns if told else 0,
        cost=Cost.STOPS,
        cpu_ns=told.cpu_ns if told else None,
        stall_ns=stall_ns,
    )


COLLECTOR = Collector(
    name=_NAME,
    cost=Cost.STOPS,
    timeout_s=_TIMEOUT_S + _WALK_TIMEOUT_S,
    limit_bytes=_LIMIT_BYTES,
    run=collect_stop_shot,
    cpu_ns=40_000_000,
)
