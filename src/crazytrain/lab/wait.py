"""Waiting for a condition, never for a span of time."""

import time
from collections.abc import Callable

STEP_S = 0.02


def wait_until(is_so: Callable[[], bool], limit_s: float, step_s: float = STEP_S) -> bool:
    """Look every ``step_s`` until ``is_so``; ``False`` when it is not so within ``limit_s``."""
    deadline = time.monotonic() + limit_s
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(step_s)
    return True
