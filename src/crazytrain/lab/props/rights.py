"""What a prop may need of the host."""

import os

from crazytrain.lab.errors import LabError


def check_root(why: str) -> None:
    """Raise unless we are root."""
    if os.geteuid() != 0:
        raise LabError(f"not root: {why}", "use sudo")
