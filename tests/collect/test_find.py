"""Which guest a word means, and what is said where it means none or several."""

import pytest

from crazytrain.collect.find import find
from crazytrain.model.errors import BadInput, NoSuchGuest
from crazytrain.model.guest import Guest, Manager, ProcessId


def guest(pid: int, name: str, uuid: str = "", vmid: str = "") -> Guest:
    return Guest(
        process=ProcessId(pid=pid, start_ticks=1),
        name=name,
        uuid=uuid,
        manager=Manager.PROXMOX if vmid else Manager.PLAIN,
        command_line=("kvm", "-id", vmid, "-name", name) if vmid else ("kvm",),
    )


GUESTS = (
    guest(100, "web01", "11111111-aaaa-bbbb-cccc-dddddddddddd"),
    guest(200, "web02", "22222222-aaaa-bbbb-cccc-dddddddddddd"),
    guest(300, "db", "33333333-AAAA-bbbb-cccc-dddddddddddd"),
    guest(400, "mail", vmid="105"),
    guest(500, ""),
)


@pytest.mark.parametrize(
    ("wanted", "pid"),
    [("web01", 100), ("db", 300), ("d", 300), ("200", 200), ("22222222", 200), ("105", 400), ("500", 500), ("ma", 400)],
)
def test_it_is_found(wanted: str, pid: int) -> None:
    assert find(GUESTS, wanted).pid == pid


def test_a_whole_uuid_is_found_in_any_case() -> None:
    assert find(GUESTS, "33333333-aaaa-BBBB-cccc-dddddddddddd").name == "db"


def test_a_name_comes_before_a_pid() -> None:
    assert find((guest(1, "2"), guest(2, "b")), "2").pid == 1


def test_an_ambiguous_beginning_lists_those_that_fit() -> None:
    with pytest.raises(BadInput, match="2 guests fit 'web'") as raised:
        find(GUESTS, "web")
    assert "web01 (pid 100), web02 (pid 200)" in raised.value.hint


def test_two_guests_of_one_name_are_told_by_pid() -> None:
    twins = (guest(1, "twin"), guest(2, "twin"))
    with pytest.raises(BadInput):
        find(twins, "twin")
    assert find(twins, "2").pid == 2


def test_a_near_name_is_proposed() -> None:
    with pytest.raises(NoSuchGuest) as raised:
        find(GUESTS, "wbe01")
    assert "web01" in raised.value.hint
    assert raised.value.exit_code == 66


def test_without_a_near_name_all_are_listed() -> None:
    with pytest.raises(NoSuchGuest) as raised:
        find(GUESTS, "zzzzzz")
    assert raised.value.hint.startswith("Running: web01 (pid 100)")
    assert "unnamed (pid 500)" in raised.value.hint


@pytest.mark.parametrize("wanted", ["", "x"])
def test_without_guests_nothing_is_found(wanted: str) -> None:
    with pytest.raises(NoSuchGuest, match="no running guest"):
        find((), wanted)
    with pytest.raises(NoSuchGuest):
        find(GUESTS, "")


def test_hostile_names_are_escaped() -> None:
    with pytest.raises(BadInput) as raised:
        find((guest(1, "a\x1b[2Jb"), guest(2, "a\x1b[2Jc")), "a\x1b")
    assert "\x1b" not in raised.value.hint + raised.value.message
    assert "\\x1b[2Jb" in raised.value.hint
