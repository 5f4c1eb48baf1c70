"""Where cases are kept."""

import pwd
from collections.abc import Mapping
from pathlib import Path

from crazytrain.model.errors import BadInput

_OF_ROOT = Path("/var/lib/crazytrain")


def cases_root(environ: Mapping[str, str], uid: int) -> Path:
    """The folder of all cases of a user: nothing is made or looked at.

    ``$CRAZYTRAIN_STATE/cases`` where that is set; ``/var/lib/crazytrain/cases`` for root; else below
    ``$XDG_STATE_HOME``, or ``~/.local/state`` where that is not set or not absolute (as its specification asks).

    Raises:
        BadInput: ``CRAZYTRAIN_STATE`` is not absolute, or there is no home to be found.
    """
    return _state(environ, uid) / "cases"


def _state(environ: Mapping[str, str], uid: int) -> Path:
    own = environ.get("CRAZYTRAIN_STATE", "")
    if own:
        if not Path(own).is_absolute():
            raise BadInput(
                f"CRAZYTRAIN_STATE is {own!r}: not an absolute path", "set it to a folder such as /srv/crazytrain"
            )
        return Path(own)
    if uid == 0:
        return _OF_ROOT
    state_home = Path(environ.get("XDG_STATE_HOME", ""))
    return (state_home if state_home.is_absolute() else _home(environ, uid) / ".local" / "state") / "crazytrain"


def _home(environ: Mapping[str, str], uid: int) -> Path:
    home = Path(environ.get("HOME", ""))
    if home.is_absolute():
        return home
    try:
        return Path(pwd.getpwuid(uid).pw_dir)
    except KeyError:
        raise BadInput(f"user {uid} has no home to keep cases in", "set CRAZYTRAIN_STATE to a folder") from None
