"""The way from ranges to other ranges: wherever it stops, every address that was served is served, and it ends where it should."""

import ipaddress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crazytrain.model.lease_change import Entry, Place, Step
from crazytrain.remedy.lease import foreseen, next_step
from crazytrain.remedy.lease_plan import ChangedByOthers, helpers, next_move
from crazytrain.remedy.lease_wanted import Wish, as_it_is, as_wished, entries
from tests.lease.making import a_range, network

OLD = [a_range("10.0.0.10", "10.0.0.99"), a_range("10.0.0.120", "10.0.0.130", None)]
NEW = [a_range("10.0.0.10", "10.0.0.99", 86_400), a_range("10.0.0.120", "10.0.0.130", None)]


def way(now: list[Entry], wanted: list[Entry]) -> list[list[Entry]]:
    """All states on the way, as libvirt makes them: it refuses a range that is there, and to delete one that is not."""
    states = [now]
    while move := next_move(now, wanted):
        keys = [entry.key for entry in now]
        assert (move.entry.key in keys) is not move.add
        now = [*now, move.entry] if move.add else [entry for entry in now if entry.key != move.entry.key]
        states.append(now)
        assert len(states) < 1000
    return states


def addresses(ranges: list[Entry]) -> set[int]:
    return {number for entry in ranges for number in range(entry.span[0], entry.span[1] + 1)}


def test_one_range_takes_six_steps() -> None:
    states = way(OLD[:1], NEW[:1])
    assert len(states) == 7
    assert [len(state) for state in states] == [1, 2, 3, 2, 3, 2, 1]
    assert all(addresses(state) == addresses(OLD[:1]) for state in states)


def test_the_order_of_ranges_stays() -> None:
    states = way(OLD, NEW)
    assert states[-1] == NEW
    assert all(addresses(state) == addresses(OLD) for state in states)


LEASES = st.sampled_from([None, 0, 120, 86_400])
SPANS = st.lists(st.tuples(st.integers(2, 40), st.integers(1, 12)), min_size=1, max_size=4, unique=True)


@settings(max_examples=100)
@given(SPANS, st.data())
def test_every_state_on_the_way_serves_every_address(spans: list[tuple[int, int]], data: st.DataObject) -> None:
    def ranges() -> list[Entry]:
        made = [(f"10.0.0.{a}", f"10.0.0.{a + n}") for a, n in spans]
        return [a_range(start, end, data.draw(LEASES)) for start, end in made]

    old, new = ranges(), ranges()
    if any(not pair for pair in helpers(new).values()):
        return  # cannot be covered, and is refused where somebody has it
    states = way(old, new)
    assert states[-1] == new
    assert all(addresses(state) >= addresses(old) for state in states)
    cut = data.draw(st.integers(0, len(states) - 1))
    third = [entry.lasting(other.element.first("lease")) for entry, other in zip(old, ranges(), strict=True)]
    for target in (old, third):  # killed there: undone, or set to something else
        again = way(states[cut], target)
        assert again[-1] == target
        assert all(addresses(state) >= addresses(old) for state in again)


def test_six_steps_for_ipv6_as_well() -> None:
    old, new = [a_range("fd00::10", "fd00::ff")], [a_range("fd00::10", "fd00::ff", 0)]
    states = way(old, new)
    assert [entry.element.get("end") for entry in states[2][1:]] == ["fd00::87", "fd00::ff"]
    assert states[-1] == new


def test_a_single_address_has_no_halves() -> None:
    (pair,) = helpers([a_range("10.0.0.7", "10.0.0.7")]).values()
    assert pair == ()
    assert way([a_range("10.0.0.7", "10.0.0.7")], [a_range("10.0.0.7", "10.0.0.7", 0)])[1] == []


def test_halves_are_none_of_the_ranges_that_are_there() -> None:
    both = [a_range("10.0.0.0", "10.0.0.9"), a_range("10.0.0.0", "10.0.0.4"), a_range("10.0.0.5", "10.0.0.9")]
    found = helpers(both)
    assert {half.key for pair in found.values() for half in pair}.isdisjoint({entry.key for entry in both})


def test_what_others_have_added_is_not_touched() -> None:
    with pytest.raises(ChangedByOthers, match=r"10\.0\.0\.200"):
        next_move([*OLD, a_range("10.0.0.200", "10.0.0.201")], NEW)


def test_the_same_step_live_and_persistent_is_one_call() -> None:
    seen = {Place.LIVE: network(), Place.CONFIG: network()}
    wish = Wish(seconds=86_400, within="192.168.122.2-192.168.122.254")
    wanted = tuple(one for place, xml in seen.items() for one in as_wished(xml, place, wish))
    steps = foreseen(seen, wanted)
    assert len(steps) == 6
    assert all(set(step.places) == {Place.LIVE, Place.CONFIG} for step in steps)
    assert steps[0].command("default") == (
        "net-update", "default", "add-last", "ip-dhcp-range",
        "<range start='192.168.122.2' end='192.168.122.128'><lease expiry='24' unit='hours'/></range>",
        "--parent-index", "0", "--live", "--config",
    )  # fmt: skip


def test_where_live_and_persistent_differ_each_comes_to_its_own() -> None:
    seen = {Place.LIVE: network(), Place.CONFIG: network(lease="")}
    wish = Wish(seconds=None, within="192.168.122.2-192.168.122.254")
    wanted = tuple(one for place, xml in seen.items() for one in as_wished(xml, place, wish))
    steps = foreseen(seen, wanted)
    assert len(steps) == 6
    assert all(step.places == (Place.LIVE,) for step in steps)


def test_ipv6_is_the_second_ip() -> None:
    seen = {Place.LIVE: network()}
    wanted = as_wished(seen[Place.LIVE], Place.LIVE, Wish(seconds=0, within="fd00:91::10-fd00:91::ff"))
    step = next_step(seen, wanted)
    assert isinstance(step, Step)
    assert (step.position, step.entry.element.get("start")) == (1, "fd00:91::10")


def test_a_host_is_modified_in_one_step() -> None:
    seen = {Place.LIVE: network()}
    (step,) = foreseen(seen, as_wished(seen[Place.LIVE], Place.LIVE, Wish(seconds=7200, host="52:54:00:77:00:02")))
    assert (step.action, step.section) == ("modify", "ip-dhcp-host")
    assert step.entry.element.written() == (
        "<host mac='52:54:00:77:00:02' name='h1' ip='192.168.122.5'><lease expiry='2' unit='hours'/></host>"
    )


def test_all_ranges_are_meant_where_none_is_named() -> None:
    wanted = as_wished(network(), Place.LIVE, Wish(seconds=0))
    assert [entry.element.first("lease") is not None for one in wanted for entry in one.ranges] == [True, True]
    assert wanted[0].hosts == entries(network(), 0, "host")
    assert as_it_is(network(), Place.LIVE)[0].ranges == entries(network(), 0, "range")
    assert ipaddress.ip_address(wanted[1].ranges[0].element.get("start")).version == 6
