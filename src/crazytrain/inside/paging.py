"""Virtual addresses of an x86-64 guest, by its own page tables. Every walk is bounded; nothing in the tables is believed blindly."""

import struct

from crazytrain.inside.memory import Memory
from crazytrain.model.guest_memory import PAGE_BYTES, Unreadable

_ADDRESS = 0x000F_FFFF_FFFF_F000
_PRESENT, _LARGE = 1 << 0, 1 << 7
_MOST_CACHED = 1 << 16
_MOST_BYTES = 64 << 20  # of one read
_SHIFTS = {4: (39, 30, 21, 12), 5: (48, 39, 30, 21, 12)}
_U64, _U32, _I32, _U16 = struct.Struct("<Q"), struct.Struct("<I"), struct.Struct("<i"), struct.Struct("<H")


class AddressSpace:
    """Virtual memory below one root of page tables (``root``: guest-physical; ``levels``: 4, or 5 with LA57)."""

    def __init__(self, memory: Memory, root: int, levels: int = 4) -> None:
        self.memory = memory
        self.root = root & _ADDRESS
        self.levels = levels
        self._known: dict[int, tuple[int, int]] = {}  # page number -> where it lies, how far on it goes

    def forget(self) -> None:
        """Forget translations: the guest may have changed its tables since."""
        self._known.clear()

    def translate(self, address: int) -> tuple[int, int]:
        """Give the guest-physical address and how many bytes go on from it. Raises ``Unreadable`` where nothing is mapped."""
        page = address // PAGE_BYTES
        known = self._known.get(page)
        if known is None:
            known = self._walk(address & ~(PAGE_BYTES - 1))
            if len(self._known) >= _MOST_CACHED:
                self._known.clear()
            self._known[page] = known
        at = address % PAGE_BYTES
        return known[0] + at, known[1] - at

    def _walk(self, address: int) -> tuple[int, int]:
        """Walk the tables for the first byte of a page: where it lies, and how many bytes of its mapping are left."""
        table = self.root
        for shift in _SHIFTS[self.levels]:
            (entry,) = _U64.unpack(self.memory.read(table + (address >> shift & 511) * 8, 8))
            if not entry & _PRESENT:
                raise Unreadable(f"virtual {address & 0xFFFFFFFFFFFFFFFF:#x} is not mapped in the guest")
            if shift == 12 or (shift in (21, 30) and entry & _LARGE):
                within = address & ((1 << shift) - 1)
                return (entry & _ADDRESS & ~((1 << shift) - 1)) + within, (1 << shift) - within
            table = entry & _ADDRESS
        raise Unreadable("a page table without an end")  # cannot be: shift 12 ends it

    def read(self, address: int, length: int) -> bytes:
        """Read just ``length`` bytes. Raises ``Unreadable`` when not all of it is mapped and there."""
        if not 0 <= length <= _MOST_BYTES:
            raise Unreadable(f"{length} bytes at once are more than {_MOST_BYTES >> 20} MiB")
        physical, left = self.translate(address)
        if length <= left:
            return self.memory.read(physical, length)
        parts = []
        while length > 0:
            physical, left = self._stretch(address, length)
            parts.append(self.memory.read(physical, left))
            address, length = address + left, length - left
        return b"".join(parts)

    def _stretch(self, address: int, length: int) -> tuple[int, int]:
        """Where an address lies, and how much of what follows lies just behind it."""
        physical, size = self.translate(address)
        while size < length:
            try:
                onward, more = self.translate(address + size)
            except Unreadable:
                break
            if onward != physical + size:
                break
            size += more
        return physical, min(size, length)

    def u64(self, address: int) -> int:
        """An unsigned number of 8 bytes."""
        return int(_U64.unpack(self.read(address, 8))[0])

    def u32(self, address: int) -> int:
        """An unsigned number of 4 bytes."""
        return int(_U32.unpack(self.read(address, 4))[0])

    def i32(self, address: int) -> int:
        """A signed number of 4 bytes."""
        return int(_I32.unpack(self.read(address, 4))[0])

    def u16(self, address: int) -> int:
        """An unsigned number of 2 bytes."""
        return int(_U16.unpack(self.read(address, 2))[0])

    def text(self, address: int, most: int = 64) -> str:
        """A C string of at most ``most`` bytes, as the guest has it (hostile: escape it before anybody sees it).

        It ends at the first NUL, or where the page ends that the next one behind is not mapped.
        """
        data = b""
        while len(data) < most and b"\0" not in data:
            step = min(most - len(data), PAGE_BYTES - (address + len(data)) % PAGE_BYTES)
            data += self.read(address + len(data), step)
        return data.split(b"\0")[0].decode("utf-8", "backslashreplace")
