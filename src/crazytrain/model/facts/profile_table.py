"""Facts from a printed profile: shares of samples by program and function."""

import msgspec

from crazytrain.model.evidence import Ref


class ProfileRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row of a profile. ``own_ratio`` is the share of samples within the function, ``with_calls_ratio`` that of it and what it called.

    ``where`` is ``k`` for the kernel, ``.`` for a program, ``g`` for a guest's kernel, ``u`` for a guest's program, ``H`` for the hypervisor.
    ``command`` is empty where the profile is not told by command (perf top).
    """

    symbol: str
    own_ratio: float
    where: str = "."
    file: str = ""
    command: str = ""
    with_calls_ratio: float | None = None
    callers: tuple[
        tuple[str, float], ...
    ] = ()  # who called it, where a call graph stands below: names and shares of all samples


class ProfileTable(msgspec.Struct, frozen=True, kw_only=True):
    """``perf report`` or ``perf top`` as printed, the largest share first. ``samples`` is rounded as perf writes it (``4K``)."""

    rows: tuple[ProfileRow, ...]
    event: str = ""
    samples: int | None = None
    refs: tuple[Ref, ...] = ()

    def share(self, *names: str, command: str = "") -> float:
        """The share of all samples within these functions (a beginning may end in ``*``), of one command where one is given."""
        return sum(row.own_ratio for row in self.rows if row.command.startswith(command) and _is(row.symbol, names))


def _is(symbol: str, names: tuple[str, ...]) -> bool:
    return any(symbol.startswith(name[:-1]) if name.endswith("*") else symbol == name for name in names)
