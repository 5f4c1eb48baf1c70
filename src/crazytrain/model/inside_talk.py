"""What is said between us and the child without privileges that parses guest memory: one message each way at a time.

A message is 4 bytes of length (little endian) and JSON. The child never asks; it answers each ask with one answer.
"""

import msgspec

from crazytrain.model.facts.inside import InsideLog, InsideProfile, InsideReading
from crazytrain.model.guest_memory import Segment

MOST_MESSAGE_BYTES = 32 << 20


class Begin(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The first ask: where RAM lies, and what ``info registers -a`` printed (empty where no monitor answered).

    ``boot_id`` and process identity are no business of the child's. ``cache_bytes`` is the size of the cached symbols that the
    third descriptor holds, 0 for none.
    """

    segments: tuple[Segment, ...]
    registers: str = ""
    cache_bytes: int = 0


class Read(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Ask for an ``InsideReading``: which parts ("clock", "cpus", "tasks", "stacks", "locks"), and how many tasks at most.

    ``registers``: what ``info registers -a`` printed just before, for who spins for a lock; empty where that was not asked.
    """

    parts: tuple[str, ...]
    most_tasks: int = 20_000
    registers: str = ""


class ReadLog(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Ask for an ``InsideLog`` with the last ``most_records`` records."""

    most_records: int = 100_000


class Watch(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Look at every CPU's current task ``per_s`` times a second until ``until_ns`` (monotonic), or until the next ask comes.

    The answer to it is an ``Ack`` at once; what was seen goes into the profile. ``Spot`` asks may come meanwhile.
    """

    until_ns: int
    per_s: float


class Spot(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A look at the registers (text of ``info registers -a``), to be named and counted; ``stopped``: the guest is paused just now.

    ``late``: they were read a while ago. Where the code lies is still true then; whose it was and who called it cannot be read.
    """

    registers: str
    mono_ns: int
    stopped: bool = False
    late: bool = False


class Summarise(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Ask for the ``InsideProfile`` since the last one."""

    paused_ns: int = 0


Ask = Begin | Read | ReadLog | Watch | Spot | Summarise


class Ack(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Done. ``cache_bytes``: so much was written to the fourth descriptor, to be kept for the next time."""

    cache_bytes: int = 0


class GotReading(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The answer to ``Begin`` (kernel only) and ``Read``."""

    reading: InsideReading
    cache_bytes: int = 0


class GotLog(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The answer to ``ReadLog``."""

    log: InsideLog


class GotProfile(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The answer to ``Summarise``."""

    profile: InsideProfile


class Failed(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The ask could not be answered: why, in plain words. The child goes on."""

    why: str


Answer = Ack | GotReading | GotLog | GotProfile | Failed
