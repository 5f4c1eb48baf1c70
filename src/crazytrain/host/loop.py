"""Running a coroutine to its end, or to Ctrl-C, without noise."""

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

T = TypeVar("T")


def run(main: Coroutine[object, object, T]) -> T:
    """As ``asyncio.run``; Ctrl-C cancels ``main``, waits for its clean-up and raises ``KeyboardInterrupt``."""
    with asyncio.Runner() as runner:
        runner.get_loop().set_exception_handler(_without_cancelled)
        return runner.run(main)


def _without_cancelled(loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
    """What was cancelled on Ctrl-C and awaited by nobody any more is no news (qemu.qmp's tasks, gathers)."""
    if not isinstance(context.get("exception"), asyncio.CancelledError):
        loop.default_exception_handler(context)
