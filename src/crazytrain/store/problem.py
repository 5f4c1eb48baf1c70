"""Problem: one thing that is wrong with a case on disk."""

import msgspec


class Problem(msgspec.Struct, frozen=True):
    """A file of a case, and what does not fit.

    ``broken`` is false where nothing is damaged: a capture that was cut off, a leftover of a crash.
    """

    file: str
    says: str
    broken: bool = True

    def __str__(self) -> str:
        return f"{self.file}: {self.says}"
