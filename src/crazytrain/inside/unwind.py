"""From a place in the guest kernel's code to its callers, by ORC: pure over a stack's bytes, bounded whatever they say.

The steps are those of the kernel's own unwinder (linux/arch/x86/kernel/unwind_orc.c).
"""

import struct
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from crazytrain.inside.code import Code
from crazytrain.inside.orc import Base, Kind, Rule
from crazytrain.inside.paging import AddressSpace
from crazytrain.model.facts.inside import GuestFrame
from crazytrain.model.guest_memory import Unreadable

MOST_FRAMES = 64
_ALL_BITS = 0xFFFF_FFFF_FFFF_FFFF
_WORD = struct.Struct("<Q")
# struct pt_regs in words: where rules that count from a register find it, and what interrupted code needs to go on.
_SAVED = {Base.R13: 2, Base.R10: 7, Base.DX: 12, Base.DI: 14}
_SAVED_BP, _SAVED_IP, _SAVED_CS, _SAVED_SP = 4, 16, 17, 19


class Stack:
    """The stacks that code may be on, by (start, end). What is touched of one is read at once, up to its end, and only once."""

    def __init__(self, space: AddressSpace, ranges: Sequence[tuple[int, int]]) -> None:
        self._space = space
        self._ranges = ranges
        self._read: dict[int, tuple[int, bytes]] = {}  # by the range's start: from where on, and what

    def range_of(self, address: int) -> tuple[int, int]:
        """Give the stack that an address is on. Raises ``Unreadable`` where it is none."""
        for start, end in self._ranges:
            if start <= address <= end:
                return start, end
        raise Unreadable(f"{address:#x} is on no stack of this task or CPU")

    def word(self, address: int) -> int:
        """Read a word of a stack. Raises ``Unreadable``."""
        start, end = self.range_of(address)
        if address + 8 > end:
            raise Unreadable(f"{address:#x} is the end of a stack")
        first, data = self._read.get(start, (end, b""))
        if address < first:
            first, data = self._read[start] = (address, self._space.read(address, end - address))
        return int(_WORD.unpack_from(data, address - first)[0])


class Place(NamedTuple):
    """Where code is: ``returns`` says that ``ip`` is where it will return to. ``registers`` are those that are known."""

    ip: int
    sp: int
    bp: int
    returns: bool
    registers: Mapping[Base, int] = {}


class Unwound(msgspec.Struct, frozen=True):
    """Frames, innermost first, and whether the outermost is the real one (``guessed``: some step had no table)."""

    frames: tuple[GuestFrame, ...]
    whole: bool


def unwind(code: Code, stack: Stack, place: Place, *, strictly: bool = False) -> Unwound:
    """Follow the callers up to the end of the stack, or as far as they are believed.

    ``strictly``: the stack may be younger than the place, so each caller must be seen to call what it is said to have called.
    """
    frames: list[GuestFrame] = []
    sure = True
    while len(frames) < MOST_FRAMES:
        frames.append(code.frame(place.ip, place.returns))
        try:
            rule, guessed = code.step(place.ip - place.returns)
            sure = sure and not guessed
            if rule.kind is Kind.END:
                return Unwound(tuple(frames), sure)
            onward = _caller(stack, rule, place)
            if onward is None:
                return Unwound(tuple(frames), sure)
            _check(code, stack, place, onward)
            if strictly and onward.returns and not code.calls.may_lead(onward.ip, place.ip - place.returns):
                break
        except Unreadable:
            break
        place = onward
    return Unwound(tuple(frames), whole=False)


def _check(code: Code, stack: Stack, place: Place, onward: Place) -> None:
    """Raise ``Unreadable`` where a step leads nowhere, or back."""
    if not code.holds(onward.ip - onward.returns):
        raise Unreadable(f"{onward.ip:#x} is no code of the kernel")
    if stack.range_of(onward.sp) == stack.range_of(place.sp) and onward.sp <= place.sp:
        raise Unreadable("the stack leads back")


def _caller(stack: Stack, rule: Rule, place: Place) -> Place | None:
    """Make one step; ``None``: the code was entered from user mode, so there is no caller in the kernel."""
    sp = _frame_end(stack, rule, place)
    if rule.kind is Kind.CALL:
        return Place(stack.word(sp - 8), sp, _frame_pointer(stack, rule, place, sp), returns=True)
    if rule.kind is Kind.REGS:
        if stack.word(sp + 8 * _SAVED_CS) & 3:
            return None
        saved = {base: stack.word(sp + 8 * number) for base, number in _SAVED.items()}
        bp = stack.word(sp + 8 * _SAVED_BP)
        ip, old_sp = stack.word(sp + 8 * _SAVED_IP), stack.word(sp + 8 * _SAVED_SP)
        return Place(ip, old_sp, bp, returns=False, registers=saved)
    if rule.kind is Kind.PARTIAL:  # instruction pointer, code segment, flags, stack pointer
        if stack.word(sp + 8) & 3:
            return None
        bp = _frame_pointer(stack, rule, place, sp)
        return Place(stack.word(sp), stack.word(sp + 24), bp, returns=False, registers=place.registers)
    raise Unreadable("there is no way on from here")


def _frame_end(stack: Stack, rule: Rule, place: Place) -> int:
    base, offset = rule.sp_base, rule.sp_offset
    if base is Base.SP:
        end = place.sp + offset
    elif base is Base.BP:
        end = place.bp + offset
    elif base is Base.SP_INDIRECT:
        end = stack.word(place.sp) + offset
    elif base is Base.BP_INDIRECT:
        end = stack.word((place.bp + offset) & _ALL_BITS)
    elif base in place.registers:
        end = place.registers[base]
    else:
        raise Unreadable("the frame counts from a register that is not known")
    return end & _ALL_BITS


def _frame_pointer(stack: Stack, rule: Rule, place: Place, sp: int) -> int:
    if rule.bp_base is Base.PREV_SP:
        return stack.word((sp + rule.bp_offset) & _ALL_BITS)
    if rule.bp_base is Base.BP:
        return stack.word((place.bp + rule.bp_offset) & _ALL_BITS)
    return place.bp
