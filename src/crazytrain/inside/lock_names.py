"""Names of locks and of functions, out of the kernel's symbols."""

from collections.abc import Mapping

from crazytrain.inside.symbols import Symbols

_FARTHEST = 64 << 10


def lock_name(symbols: Symbols, lock: int) -> str:
    """The variable that a lock is, or lies in (``name+0x10``); empty for one that is no variable."""
    found = symbols.at(lock)
    if found is None or found[1] >= _FARTHEST:
        return ""
    return f"{found[0]}+{found[1]:#x}" if found[1] else found[0]


def kind_of(function: str, kinds: Mapping[str, str]) -> str | None:
    """The kind of lock that a function waits for; compilers add ``.constprop.0`` and the like to its name."""
    return kinds.get(function.split(".", 1)[0])
