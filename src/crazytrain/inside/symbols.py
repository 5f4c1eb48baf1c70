"""Names of a guest kernel's functions and variables, by address and by name."""

import bisect
from array import array
from collections.abc import Sequence

from crazytrain.model.guest_memory import Unreadable


class Symbols:
    """The kernel's symbol table: sorted addresses (as numbers of 64 bits), and a name and a type letter for each."""

    def __init__(self, addresses: Sequence[int], names: Sequence[str], types: str) -> None:
        order = sorted(range(len(addresses)), key=addresses.__getitem__)
        self.addresses = array("Q", (addresses[i] for i in order))
        self.names = [names[i] for i in order]
        self.types = "".join(types[i] for i in order)
        self._by_name: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self.addresses)

    def get(self, name: str) -> int | None:
        """The address of a symbol; of several with one name, the first."""
        if not self._by_name:
            for address, known in zip(self.addresses, self.names, strict=True):
                self._by_name.setdefault(known, address)
        return self._by_name.get(name)

    def __getitem__(self, name: str) -> int:
        """The address of a symbol. Raises ``Unreadable`` where this kernel has none of that name."""
        address = self.get(name)
        if address is None:
            raise Unreadable(f"this kernel has no symbol {name}")
        return address

    def at(self, address: int) -> tuple[str, int] | None:
        """The symbol that an address lies in or behind, and how far; ``None`` below the first."""
        index = bisect.bisect_right(self.addresses, address) - 1
        return (self.names[index], address - self.addresses[index]) if index >= 0 else None

    def is_text(self, address: int) -> bool:
        """Whether an address is in the kernel's own code."""
        first, end = self.get("_stext"), self.get("_etext")
        return first is not None and end is not None and first <= address < end
