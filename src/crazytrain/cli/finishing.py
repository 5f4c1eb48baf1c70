"""What every verb that changes something does around it: asks first, and is not cut off between."""

import contextlib
import signal
import sys
from collections.abc import Iterator

from crazytrain.cli.screen import Progress
from crazytrain.model.errors import BadInput

_CATCH = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def confirm(*, yes: bool) -> None:
    """Ask whether to do what was shown, where nobody said yes before.

    Raises:
        BadInput: there is nobody to ask, or who was asked said no.
    """
    if yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise BadInput("nobody is there to ask whether to do this", "Say --yes, or --dry-run to see it only.")
    print("Do it? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise BadInput("nothing was changed", "")


@contextlib.contextmanager
def not_cut_off(progress: Progress, says: str) -> Iterator[None]:
    """Let Ctrl-C, SIGTERM and a lost terminal wait until all is done: half of it is no state to stay in. ``says`` is told then."""

    def later(number: int, frame: object) -> None:
        del number, frame
        progress(says)

    before = {number: signal.signal(number, later) for number in _CATCH}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
