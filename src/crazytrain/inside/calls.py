"""Whether one function of the guest's kernel calls another, by its code: what tells a stack that is younger than its registers."""

import bisect
import re

from crazytrain.inside.orc import Pages
from crazytrain.inside.symbols import Symbols
from crazytrain.model.guest_memory import Unreadable

_MOST_KNOWN = 1 << 14
_MOST_FUNCTION_BYTES = 32 << 10
_MOST_JUMPS = 2048
_ALL_BITS = 0xFFFF_FFFF_FFFF_FFFF
_CALL_BYTES, _LONGEST_CALL = 5, 7
_CALL = 0xE8  # and 4 bytes: how far from the next instruction
_INDIRECT = re.compile(rb"[\x40-\x4f]?\xff[\x10-\x1f\x50-\x5f\x90-\x9f\xd0-\xd7].{0,5}", re.DOTALL)  # call *...
_JUMP = re.compile(rb"\xe9|\x0f[\x80-\x8f]")  # and 4 bytes
_THUNKS = ("__x86_indirect_", "__pi___x86_indirect_", "__x86_call_", "__SCT__")  # they jump on through a pointer


class Calls:
    """Calls by address, as the code has them. A function that is called may jump on to another, which returns in its place."""

    def __init__(self, pages: Pages, symbols: Symbols) -> None:
        self._pages = pages
        self._symbols = symbols
        self._known: dict[tuple[int, int], bool] = {}
        self._jumps: dict[int, frozenset[int]] = {}

    def may_lead(self, returns_to: int, callee: int) -> bool:
        """Whether the call before a return address may lead to the code at ``callee``. One through a pointer leads anywhere."""
        key = returns_to, callee
        if key not in self._known:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            try:
                self._known[key] = self._leads(returns_to, callee)
            except Unreadable:
                return False
        return self._known[key]

    def _leads(self, returns_to: int, callee: int) -> bool:
        data = self._pages.read(returns_to - _LONGEST_CALL, _LONGEST_CALL)
        if data[-_CALL_BYTES] == _CALL:
            target = (returns_to + int.from_bytes(data[-4:], "little", signed=True)) & _ALL_BITS
            if self._is_in(target, callee) or self._jumps_on(target, callee):
                return True
        return any(_INDIRECT.fullmatch(data[-length:]) for length in range(2, _LONGEST_CALL + 1))

    def _is_in(self, target: int, address: int) -> bool:
        """Whether a call's target is the function that an address is in, or leads anywhere."""
        called, inside = self._symbols.at(target), self._symbols.at(address)
        if called is None or inside is None:
            return False
        name = called[0]
        return name.startswith(_THUNKS) or name.partition(".")[0] == inside[0].partition(".")[0]

    def _jumps_on(self, function: int, address: int) -> bool:
        return any(self._is_in(target, address) for target in self._jumps_of(function))

    def _jumps_of(self, function: int) -> frozenset[int]:
        """Where a function jumps to outside of itself. A byte that is part of something else may look like a jump, too."""
        if function not in self._jumps:
            if len(self._jumps) >= _MOST_KNOWN:
                self._jumps.clear()
            self._jumps[function] = self._read_jumps(function, self._size(function))
        return self._jumps[function]

    def _size(self, function: int) -> int:
        """How far it is to the next symbol."""
        addresses = self._symbols.addresses
        index = bisect.bisect_right(addresses, function)
        end = addresses[index] if index < len(addresses) else function
        return min(end - function, _MOST_FUNCTION_BYTES)

    def _read_jumps(self, function: int, size: int) -> frozenset[int]:
        data = self._pages.read(function, size)
        targets: set[int] = set()
        for found in _JUMP.finditer(data):
            end = found.end() + 4
            if end > size or len(targets) >= _MOST_JUMPS:
                break
            target = function + end + int.from_bytes(data[end - 4 : end], "little", signed=True)
            if not function <= target < function + size:
                targets.add(target & _ALL_BITS)
        return frozenset(targets)
