"""What was read inside a guest, for others to read: names of tasks and functions stay; stacks and addresses do not."""

import msgspec

from crazytrain.model.evidence import Kind
from crazytrain.model.facts.inside import GuestFrame, InsideProfile, InsideReading


def without_stacks(kind: Kind, data: bytes) -> bytes:
    """Leave out stacks but for the innermost function, and where things lie; all of it where it cannot be read."""
    try:
        if kind is Kind.INSIDE:
            return msgspec.json.encode(_reading(msgspec.json.decode(data, type=InsideReading))) + b"\n"
        return msgspec.json.encode(_profile(msgspec.json.decode(data, type=InsideProfile))) + b"\n"
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return b""


def _reading(reading: InsideReading) -> InsideReading:
    tasks = (msgspec.structs.replace(task, stack=(), stack_whole=False) for task in reading.tasks)
    locks = (msgspec.structs.replace(lock, lock=0) for lock in reading.locks)
    kernel = msgspec.structs.replace(reading.kernel, text=0) if reading.kernel else None
    return msgspec.structs.replace(reading, kernel=kernel, tasks=tuple(tasks), locks=tuple(locks))


def _profile(profile: InsideProfile) -> InsideProfile:
    stacks = (
        msgspec.structs.replace(stack, frames=tuple(map(_named, stack.frames[:1])), whole=False)
        for stack in profile.stacks
    )
    return msgspec.structs.replace(profile, stacks=tuple(stacks))


def _named(frame: GuestFrame) -> GuestFrame:
    return GuestFrame(frame.name, frame.offset, 0)
