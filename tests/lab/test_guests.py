import re
from pathlib import Path

import pytest

from crazytrain.lab import guests
from crazytrain.lab.assemble import sources
from crazytrain.lab.errors import NoSuchLabGuest
from crazytrain.lab.guest import CONSOLE, DEBUGCON, Counted, LabGuest, Linux
from crazytrain.lab.guests import GUESTS, find_guest
from crazytrain.lab.guests.kvmclock_jump import CLOCK_PAGE, DOTS_AT, MARKER, MARKER_AT, ROUNDS_AT

EVERY = pytest.mark.parametrize("guest", GUESTS, ids=lambda guest: guest.name)


def test_every_file_is_in_the_registry() -> None:
    files = {path.stem.replace("_", "-") for path in Path(guests.__path__[0]).glob("[a-z]*.py")}
    assert [guest.name for guest in GUESTS] == list(dict.fromkeys(guest.name for guest in GUESTS))
    assert {guest.name for guest in GUESTS} == files


@EVERY
def test_a_guest_is_told_in_full(guest: LabGuest) -> None:
    assert guest.summary
    assert guest.does.endswith(".")
    assert re.fullmatch(r"[a-z-]+", guest.family)
    assert re.fullmatch(r"[a-z-]+", guest.cause)
    assert find_guest(guest.name) is guest


@EVERY
def test_signs_and_counts_can_be_looked_for(guest: LabGuest) -> None:
    re.compile(guest.ready.pattern)
    assert guest.ready.file in (CONSOLE, DEBUGCON)
    if isinstance(guest.progress, Counted):
        assert re.compile(guest.progress.pattern).groups == guest.progress.pattern.count("(")


@EVERY
def test_a_linux_guest_runs_the_programs_that_it_has(guest: LabGuest) -> None:
    if isinstance(guest.image, Linux):
        assert all(program in guest.image.script for program in guest.image.programs)


def test_there_is_a_healthy_guest_of_either_sort() -> None:
    assert {guest.cause for guest in GUESTS if guest.is_healthy} == {"healthy-idle", "healthy-busy"}


def test_an_unknown_guest_lists_those_there_are() -> None:
    with pytest.raises(NoSuchLabGuest) as caught:
        find_guest("idel")
    assert "idle, busy, hlt-idle, user-spin" in caught.value.hint


def test_the_clock_guest_and_its_source_agree() -> None:
    source = sources()["kvmclock-wait.asm"].decode()
    numbers = {name: int(value, 0) for name, value in re.findall(r"%define (\w+)\s+(0x[0-9a-f]+|\d+)", source)}
    assert numbers["PAGE"] == CLOCK_PAGE
    assert tuple(CLOCK_PAGE + numbers[name] for name in ("MARKER", "ROUNDS", "DOTS")) == (MARKER_AT, ROUNDS_AT, DOTS_AT)
    assert f'db "{MARKER.decode()}"' in source
