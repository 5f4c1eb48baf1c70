"""Which functions of QEMU each sleeping thread is in, without stopping it.

The kernel tells stack pointer and instruction of a thread that sleeps; its stack is copied from the process' memory and walked
here. If the thread ran meanwhile, which its count of switches tells, the copy is thrown away and taken again.
The copy itself is not kept: it may hold the guest's data.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from crazytrain.collect.look import Collector, Look
from crazytrain.collect.parts import read_part
from crazytrain.collect.same import gone, still_same
from crazytrain.host.door import Host, outcome_of
from crazytrain.model.evidence import Cost, Evidence, Kind, Outcome

if TYPE_CHECKING:
    from crazytrain.collect.stack_walk import Library, Walked

_AT = (0.3, 0.8)  # of the window: a wait that lasts is seen twice
_TIMEOUT_S = 4.0


async def collect_user_stacks(look: Look) -> None:
    """Keep ``stacks.0`` and ``stacks.1``: JSON lines, one a thread. A light look has none."""
    if look.light:
        return
    from crazytrain.collect.stack_walk import Library  # noqa: PLC0415 - reading ELF takes 40 ms to import

    library = Library(look.host, look.guest.pid)
    for number, part in enumerate(_AT):
        await look.host.sleep_until(look.start_ns + int((look.end_ns - look.start_ns) * part))
        if not still_same(look.host, look.guest.process):
            look.keep(gone(look, f"stacks.{number}", Kind.STACKS))
            return
        seen = await stacks_now(look.host, look.guest.pid, library, f"stacks.{number}")
        look.keep(seen)
        if not seen.usable:
            return


async def stacks_now(host: Host, pid: int, library: "Library", name: str) -> Evidence:
    """Walk the stacks of all sleeping threads of one process."""
    from crazytrain.collect.stack_walk import walk_all  # noqa: PLC0415 - as above

    begin_ns, wall_ns = host.mono_ns(), host.wall_ns()
    walked: list[Walked] = []
    outcome, detail = Outcome.OK, ""
    try:
        detail = await host.patiently(lambda: walk_all(host, pid, library, walked), _TIMEOUT_S)
    except OSError as error:  # TimeoutError is one
        outcome, detail = outcome_of(error)
    lines = tuple(walked)
    if outcome is Outcome.OK and not any(len(line.frames) > 1 for line in lines):
        outcome, detail = _nothing(host, pid, library, lines)
    elif lines and (detail or outcome is not Outcome.OK):
        outcome = Outcome.TRUNCATED
    return Evidence(
        id=name,
        kind=Kind.STACKS,
        source=f"/proc/{pid}/mem and the files of its code",
        outcome=outcome,
        detail="; ".join(filter(None, (detail, *_unread(library)))) if outcome is not Outcome.ABSENT else detail,
        data=b"".join(msgspec.json.encode(line) + b"\n" for line in lines),
        mono_ns=begin_ns,
        wall_ns=wall_ns,
        took_ns=host.mono_ns() - begin_ns,
    )


def _unread(library: "Library") -> Sequence[str]:
    """Files of the process' code that could not be read, and why."""
    return [f"{name}: {told}" for name, told in library.failed.items()]


def _nothing(host: Host, pid: int, library: "Library", lines: Sequence["Walked"]) -> tuple[Outcome, str]:
    """Why no thread has a frame: denied, of a processor that is not understood, or just all of them running."""
    call = read_part(host, f"/proc/{pid}/syscall", 512)
    if call.outcome is not Outcome.OK:
        return call.outcome, f"/proc/{pid}/syscall: {call.outcome.value}: it takes root or CAP_SYS_PTRACE"
    why = "; ".join(_unread(library))
    if why:
        return Outcome.ABSENT, why
    return Outcome.OK, lines[0].ended if lines else "no threads"


COLLECTOR = Collector(
    name="stacks", cost=Cost.READS, timeout_s=6.0, limit_bytes=2 << 20, run=collect_user_stacks, cpu_ns=600_000_000
)
