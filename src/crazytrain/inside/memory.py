"""Guest-physical memory as everything inside sees it: live pages of a running guest, or recorded ones."""

from collections.abc import Iterator, Mapping
from typing import Protocol

from crazytrain.model.guest_memory import PAGE_BYTES, Unreadable


class Memory(Protocol):
    """Guest-physical memory. It may change between two reads: the guest runs on."""

    def read(self, address: int, length: int) -> bytes:
        """Read just ``length`` bytes from a guest-physical address. Raises ``Unreadable`` when not all of it is there.

        A page that the guest has never touched, or that is swapped out, is not fetched: it is ``Unreadable``.
        """
        ...

    def present(self, address: int, length: int) -> Iterator[tuple[int, int]]:
        """Yield (address, length) of the pages between that can be read without making the host fetch or fill any."""
        ...


class Recorded:
    """Pages that were recorded, by guest-physical page number: what a test reads, or a saved case."""

    def __init__(self, pages: Mapping[int, bytes]) -> None:
        self._pages = dict(pages)

    def read(self, address: int, length: int) -> bytes:
        """See ``Memory.read``."""
        parts = []
        while length > 0:
            page = self._pages.get(address // PAGE_BYTES)
            if page is None:
                raise Unreadable(f"guest-physical {address:#x} was not recorded")
            at = address % PAGE_BYTES
            parts.append(page[at : at + length])
            address += len(parts[-1])
            length -= len(parts[-1])
        return b"".join(parts)

    def present(self, address: int, length: int) -> Iterator[tuple[int, int]]:
        """See ``Memory.present``."""
        first, last = address // PAGE_BYTES, (address + length - 1) // PAGE_BYTES
        for number in sorted(page for page in self._pages if first <= page <= last):
            yield number * PAGE_BYTES, PAGE_BYTES


class Recorder:
    """Reads another memory and remembers every page that was read, to be recorded: ``pages`` by page number."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self.pages: dict[int, bytes] = {}

    def read(self, address: int, length: int) -> bytes:
        """See ``Memory.read``."""
        data = self._memory.read(address, length)
        for page in range(address // PAGE_BYTES, (address + length - 1) // PAGE_BYTES + 1):
            if page not in self.pages:
                self.pages[page] = self._memory.read(page * PAGE_BYTES, PAGE_BYTES)
        return data

    def present(self, address: int, length: int) -> Iterator[tuple[int, int]]:
        """See ``Memory.present``."""
        return self._memory.present(address, length)
