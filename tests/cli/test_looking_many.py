"""Several guests at once: which are meant, and what does not go with several."""

import pytest

from crazytrain.cli.looking import Wish
from crazytrain.cli.looking_many import _chosen, why_each
from crazytrain.model.errors import BadInput, NoSuchGuest
from crazytrain.model.guest import Guest, ProcessId

RUNNING = tuple(
    Guest(process=ProcessId(pid=pid, start_ticks=pid), name=name)
    for pid, name in ((10, "db"), (11, "web01"), (12, "web02"))
)


@pytest.mark.parametrize(
    ("wanted", "pids"),
    [((), [10, 11, 12]), (("web02", "db"), [12, 10]), (("web01", "11", "web01"), [11])],
)
def test_those_that_are_named_each_once_or_all(wanted: tuple[str, ...], pids: list[int]) -> None:
    assert [guest.pid for guest in _chosen(RUNNING, wanted)] == pids


def test_one_that_does_not_run_is_told() -> None:
    with pytest.raises(NoSuchGuest, match="mail"):
        _chosen(RUNNING, ("db", "mail"))


def test_several_are_compared_with_nobody() -> None:
    with pytest.raises(BadInput, match="--against"):
        why_each(("db", "web01"), Wish(against="web02"))
