from pathlib import Path

import pytest

from crazytrain.model.errors import BadInput
from crazytrain.store import cases_root


@pytest.mark.parametrize(
    ("environ", "uid", "root"),
    [
        ({"HOME": "/root"}, 0, "/var/lib/crazytrain/cases"),
        ({"HOME": "/home/ann", "XDG_STATE_HOME": "/home/ann/.state"}, 0, "/var/lib/crazytrain/cases"),
        ({"HOME": "/home/ann"}, 1000, "/home/ann/.local/state/crazytrain/cases"),
        ({"HOME": "/home/ann", "XDG_STATE_HOME": "/srv/state"}, 1000, "/srv/state/crazytrain/cases"),
        ({"HOME": "/home/ann", "XDG_STATE_HOME": "state"}, 1000, "/home/ann/.local/state/crazytrain/cases"),
        ({"HOME": "/home/ann", "CRAZYTRAIN_STATE": "/srv/train"}, 1000, "/srv/train/cases"),
        ({"HOME": "/root", "CRAZYTRAIN_STATE": "/srv/train"}, 0, "/srv/train/cases"),
        ({"HOME": "/root", "CRAZYTRAIN_STATE": ""}, 0, "/var/lib/crazytrain/cases"),
    ],
)
def test_the_root_follows_the_user_and_the_environment(environ: dict[str, str], uid: int, root: str) -> None:
    assert cases_root(environ, uid) == Path(root)


def test_a_relative_state_folder_is_refused() -> None:
    with pytest.raises(BadInput, match="not an absolute path"):
        cases_root({"CRAZYTRAIN_STATE": "here"}, 1000)


def test_a_user_without_a_home_is_told_what_to_set() -> None:
    with pytest.raises(BadInput) as caught:
        cases_root({}, 3_999_999_999)
    assert "CRAZYTRAIN_STATE" in caught.value.hint
