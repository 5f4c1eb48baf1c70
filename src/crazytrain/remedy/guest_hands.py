"""What a change inside a guest is made with."""

from typing import Protocol


class GuestHands(Protocol):
    """A guest from inside. Each may raise ``CrazytrainError``: its agent does not answer, or refuses."""

    async def read(self, path: str, limit_bytes: int = ...) -> str | None:
        """A file of the guest, up to a limit; ``None``: it is not there."""
        ...

    async def write(self, path: str, text: str) -> None:
        """Write a file, of the kernel's settings in one piece."""
        ...

    async def remove(self, path: str) -> None:
        """Take a file away."""
        ...

    async def run(self, *argv: str, timeout_s: float = ...) -> tuple[int | None, str]:
        """Run a command: its exit status (``None``: a signal ended it), and the end of what it printed."""
        ...
