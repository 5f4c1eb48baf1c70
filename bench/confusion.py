"""What was said of the lab's guests, summed up: rows as they are kept in a file, and the page that shows them."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from bench.calibration import wilson
from bench.corpus import CONFIDENT_FROM

RIGHT_AIM = 0.97
UNSURE = "unknown"
NOBODY = "no answer"


class Look(msgspec.Struct, frozen=True, array_like=True):
    """One look: ``family/cause`` that was said, and how sure."""

    said: str
    sure: float


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """All looks at one guest. ``expected`` is what it is; ``fresh_every``: after how many looks it was started anew."""

    guest: str
    expected: str
    sure: tuple[Look, ...]
    seconds: float
    fresh_every: int
    load: str
    took_s: float = 0.0

    @property
    def runs(self) -> int:
        return len(self.sure)

    @property
    def right(self) -> int:
        return sum(look.said == self.expected for look in self.sure)

    @property
    def least_sure(self) -> float | None:
        """The least confidence with which the right thing was said."""
        return min((look.sure for look in self.sure if look.said == self.expected), default=None)

    @property
    def others(self) -> Counter[str]:
        """What else was said."""
        return Counter(look.said for look in self.sure if look.said != self.expected)

    @property
    def confidently_wrong(self) -> int:
        """How often something else was said with confidence."""
        return sum(look.said != self.expected and look.sure >= CONFIDENT_FROM for look in self.sure)

    @property
    def is_healthy(self) -> bool:
        return _family(self.expected) == "healthy"

    @property
    def called_sick(self) -> int:
        """How often a family was named that is neither healthy nor unknown; no answer counts, too."""
        return sum(_family(look.said) not in ("healthy", UNSURE) for look in self.sure)


def load(paths: Iterable[Path]) -> list[Row]:
    """The rows of several files, all looks at one guest in one; raises msgspec's error for what is none."""
    rows: dict[tuple[str, str], Row] = {}
    for path in paths:
        for row in msgspec.json.decode(path.read_bytes(), type=list[Row]):
            before = rows.get((row.guest, row.expected))
            rows[row.guest, row.expected] = _together(before, row) if before else row
    return list(rows.values())


def _together(first: Row, second: Row) -> Row:
    return msgspec.structs.replace(first, sure=first.sure + second.sure, took_s=first.took_s + second.took_s)


def save(rows: Sequence[Row], path: Path) -> None:
    """Keep rows, whole or not at all."""
    draft = path.with_name(f"{path.name}.new")
    draft.write_bytes(msgspec.json.format(msgspec.json.encode(rows)) + b"\n")
    draft.replace(path)


def line(row: Row) -> str:
    """One guest, for a terminal."""
    sure = "-" if row.least_sure is None else f"{row.least_sure:.2f}"
    others = ", ".join(f"{said} x{n}" for said, n in row.others.most_common())
    loud = f", {row.confidently_wrong} of them with confidence" if row.confidently_wrong else ""
    return f"{row.guest:<18}{row.right:>3} of {row.runs:<3}{row.expected:<36} least sure {sure:<5} {others}{loud}"


def sums(rows: Sequence[Row]) -> tuple[str, ...]:
    """What is right in all, and what was said of healthy guests."""
    healthy = [row for row in rows if row.is_healthy]
    wrong, runs = sum(row.confidently_wrong for row in rows), sum(row.runs for row in rows)
    return (
        f"cause right: {part(sum(row.right for row in rows), runs)}, aim {RIGHT_AIM:.0%}",
        f"healthy guests called sick: {part(sum(row.called_sick for row in healthy), sum(row.runs for row in healthy))}, aim 0",
        f"said with {CONFIDENT_FROM} or more, and wrong: {part(wrong, runs)}",
    )


def part(some: int, of: int) -> str:
    """A share with the range in which the true one lies, 19 times of 20 (Wilson)."""
    if not of:
        return "none"
    low, high = wilson(some, of)
    return f"{some} of {of} ({some / of:.1%}; {low:.1%} to {high:.1%})"


def reached(rows: Sequence[Row]) -> bool:
    """Whether the aims are met."""
    runs = sum(row.runs for row in rows)
    sick = sum(row.called_sick for row in rows if row.is_healthy)
    return runs > 0 and sum(row.right for row in rows) / runs >= RIGHT_AIM and not sick


def page(rows: Sequence[Row]) -> str:
    """The whole page, in Markdown."""
    windows = sorted({f"{row.seconds:g} s" for row in rows})
    loads = sorted({row.load for row in rows})
    return f"""# What is said of each guest of the lab

Made by `bench/verdicts.py`. Each look is a whole `crazytrain why --json` as a user calls it, beside a healthy guest.
Window: {" or ".join(windows)}. Load: {"; ".join(loads)}.

{_bullets(sums(rows))}

Right means the very cause that the guest is made for. *Anew*: after how many looks the guest was started anew.
*Least sure*: the least confidence with which the right cause was named. *Confident*: how often something else was said
with {CONFIDENT_FROM} or more. The range behind a share is where the true one lies, 19 times of 20 (Wilson).

{_by_guest(rows)}

## Families

Down: what the guest is. Across: what was said. A dot is none.

{_matrix(rows)}
"""


def _bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {text}" for text in lines)


def _by_guest(rows: Sequence[Row]) -> str:
    head = (
        "| guest | what it is | anew | right | least sure | said instead | confident |\n|---|---|---|---|---|---|---|\n"
    )
    return head + "\n".join(_guest(row) for row in sorted(rows, key=lambda row: (row.expected, row.guest)))


def _guest(row: Row) -> str:
    sure = "-" if row.least_sure is None else f"{row.least_sure:.2f}"
    others = ", ".join(f"{said} ({n})" for said, n in row.others.most_common()) or "-"
    right = part(row.right, row.runs)
    cells = (f"`{row.guest}`", row.expected, row.fresh_every, right, sure, others, row.confidently_wrong)
    return f"| {' | '.join(map(str, cells))} |"


def _matrix(rows: Sequence[Row]) -> str:
    counted = Counter((_family(row.expected), _family(look.said)) for row in rows for look in row.sure)
    down = sorted({true for true, _ in counted})
    across = sorted({said for _, said in counted})
    head = f"| | {' | '.join(across)} |\n|---|{'---|' * len(across)}\n"
    return head + "\n".join(
        f"| **{true}** | {' | '.join(str(counted[true, said] or '·') for said in across)} |" for true in down
    )


def _family(name: str) -> str:
    return name.partition("/")[0]
