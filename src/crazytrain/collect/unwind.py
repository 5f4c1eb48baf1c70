"""From a thread's stack, copied while it slept, to the functions it is in: by the unwinding information of its files.

QEMU is built without frame pointers, so ``.eh_frame`` is the only way up. A frame whose place it does not give (a register is
needed that nobody saved) is looked for among the words of the stack, and is marked as found so.
"""

import struct
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Mapping as Known
from types import MappingProxyType

import msgspec

from crazytrain.collect.elf import RETURN_ADDRESS, Elf, Row
from crazytrain.collect.mappings import Mapping, mapping_of

MOST_FRAMES = 64
_BASE, _STACK = 6, 7  # rbp and rsp in the numbering of the x86-64 psABI
_KEPT = (3, _BASE, 12, 13, 14, 15)  # registers that a function must give back
_SEARCHED_WORDS = 512
_WORD = struct.Struct("<Q")
Registers = Known[int, int]

BEGINNING = "the thread's first function"
EXACT, FOUND, FIRST = "unwound", "searched", "now"  # how a frame was recovered


class Frame(msgspec.Struct, frozen=True, omit_defaults=True):
    """One function on the stack. ``offset`` is the address in the module's file, ``plus`` how far in ``symbol`` that is.

    ``how``: ``now`` is where the thread is, ``unwound`` by the file's own information, ``searched`` is a guess: a return address
    that lies on the stack.
    """

    ip: int
    module: str
    offset: int
    symbol: str = ""
    plus: int = 0
    how: str = EXACT


class Stack(msgspec.Struct, frozen=True):
    """A copy of the words above the stack pointer ``top``."""

    top: int
    data: bytes

    def word(self, address: int) -> int | None:
        """The 8 bytes at an address; ``None`` outside the copy."""
        at = address - self.top
        if at < 0 or at + 8 > len(self.data):
            return None
        (value,) = _WORD.unpack_from(self.data, at)
        return int(value)


class Process(msgspec.Struct, frozen=True):
    """What is known of a process' code: its mappings, and the files behind them as they are asked for."""

    mappings: Sequence[Mapping]
    elf_of: Callable[[Mapping], Elf | None]

    def is_code(self, address: int) -> bool:
        """Whether there is code at an address, of a file or generated."""
        mapping = mapping_of(address, self.mappings)
        return mapping is not None and mapping.executable

    def code_at(self, address: int) -> tuple[Mapping, Elf, int] | None:
        """The mapping, the file and the file's own address of a place in a file's code."""
        mapping = mapping_of(address, self.mappings)
        if mapping is None or not mapping.has_code_file:
            return None
        elf = self.elf_of(mapping)
        own = elf.address_of(mapping, address) if elf else None
        return None if elf is None or own is None else (mapping, elf, own)


class _Walk:
    """Where the walk is: registers that are known, and how the place was recovered."""

    def __init__(self, pc: int, sp: int, known: Registers) -> None:
        self.pc = pc
        self.registers: dict[int, int] = {**known, _STACK: sp}
        self.how = FIRST
        self.ended = ""


def unwind(
    process: Process, pc: int, stack: Stack, known: Registers = MappingProxyType({})
) -> tuple[tuple[Frame, ...], str]:
    """Give the frames, the innermost first, and why there are no more.

    ``pc`` is where the thread is (in a system call: behind the instruction), ``stack.top`` its stack pointer. Other registers
    are ``known`` by their numbers in the psABI, or not at first; those that a function saved come back with its caller.
    """
    walk, frames = _Walk(pc, stack.top, known), list[Frame]()
    while len(frames) < MOST_FRAMES and not walk.ended:
        frames.append(_frame(process, walk))
        _step(process, walk, stack)
    ended = walk.ended or f"cut at {MOST_FRAMES} frames"
    return (tuple(frames) if ended == BEGINNING else _doubted(frames)), ended


def _doubted(frames: Sequence[Frame]) -> tuple[Frame, ...]:
    """What stands above a guess is no better than the guess, unless the walk came to the thread's beginning."""
    first = next((number for number, frame in enumerate(frames) if frame.how == FOUND), len(frames))
    return (*frames[:first], *(msgspec.structs.replace(frame, how=FOUND) for frame in frames[first:]))


def _frame(process: Process, walk: _Walk) -> Frame:
    place = process.code_at(walk.pc)
    if place is None:
        mapping = mapping_of(walk.pc, process.mappings)
        offset = walk.pc - mapping.start if mapping else walk.pc
        return Frame(walk.pc, mapping.name if mapping else "nowhere", offset, how=walk.how)
    mapping, elf, own = place
    called_from = own if walk.how == FIRST else own - 1  # a call may be the last thing that a function does
    symbol = elf.symbol(called_from)
    name, plus = (symbol.name, symbol.plus + own - called_from) if symbol else ("", 0)
    return Frame(walk.pc, mapping.name, own, name, plus, walk.how)


def _step(process: Process, walk: _Walk, stack: Stack) -> None:
    place = process.code_at(walk.pc)
    row = place[1].row(place[2] if walk.how == FIRST else place[2] - 1) if place else None
    if not process.is_code(walk.pc):
        walk.ended = "that is no code"
    elif row is None:  # generated code, or a file that does not say
        _search(process, walk, stack, None)
    elif row.last:
        walk.ended = BEGINNING
    elif row.register in walk.registers:
        _climb(process, walk, stack, row, walk.registers[row.register] + row.offset)
    else:
        _search(process, walk, stack, row)


def _climb(process: Process, walk: _Walk, stack: Stack, row: Row, frame_address: int) -> None:
    """Go to the caller, whose stack pointer was ``frame_address``."""
    saved = dict(row.saved)
    back = stack.word(frame_address + saved.get(RETURN_ADDRESS, -8))
    if back is None:
        walk.ended = "the stack is deeper than what was read of it"
    elif frame_address <= walk.registers[_STACK] or not process.is_code(back):
        walk.ended = "what lies where the return address should be is none"
    else:
        for register in _KEPT:
            value = stack.word(frame_address + saved[register]) if register in saved else walk.registers.get(register)
            walk.registers.pop(register, None)
            if value is not None and register not in row.lost:
                walk.registers[register] = value
        walk.pc, walk.how = back, EXACT
        walk.registers[_STACK] = frame_address


def _search(process: Process, walk: _Walk, stack: Stack, inside: Row | None) -> None:
    """Look for the next return address among the words of the stack; what it is was not told, so it is a guess."""
    begin = walk.registers[_STACK]
    for address, value in _words(stack, begin):
        if _follows_a_call(process, value):
            kept_base = stack.word(address - 8)
            walk.registers = {_STACK: address + 8}
            # A function that keeps its frame in rbp has put its caller's rbp next to the return address.
            if inside and inside.register == _BASE and kept_base is not None and kept_base > address:
                walk.registers[_BASE] = kept_base
            walk.pc, walk.how = value, FOUND
            return
    walk.ended = "no further return address was found on the stack"


def _words(stack: Stack, begin: int) -> Iterator[tuple[int, int]]:
    for number in range(_SEARCHED_WORDS):
        value = stack.word(begin + number * 8)
        if value is None:
            return
        yield begin + number * 8, value


def _follows_a_call(process: Process, address: int) -> bool:
    """Whether the instruction before an address is a call: E8 and four bytes, or FF /2 in one of its lengths."""
    place = process.code_at(address)
    if place is None:
        return False
    before = place[1].code(place[2] - 7, 7)
    if len(before) < 7:
        return False
    if before[2] == 0xE8:
        return True
    return any(before[7 - n] == 0xFF and before[8 - n] & 0x38 == 0x10 for n in (2, 3, 4, 6, 7))
