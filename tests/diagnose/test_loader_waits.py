"""A boot loader that asks the firmware for a key again and again waits; firmware at work, and a loader that loads, do not."""

import pytest

from crazytrain.model.facts.block import BlockUse, DiskUse
from crazytrain.model.facts.firmware import BarePlace, BareView
from crazytrain.model.facts.resets import Resets
from tests.diagnose import making as m


def bare(rom: float, low: float) -> BareView:
    place = BarePlace(
        vcpu=0, samples=40, bare_ratio=1.0, rom_ratio=rom, low_ratio=low, halted_ratio=0.0, interrupts_off_ratio=0.4
    )
    return BareView(vcpus=(place,), refs=m.REFS)


def disks(requests_per_s: float) -> BlockUse:
    one = DiskUse(disk="ide0", reads_per_s=requests_per_s)
    return BlockUse(window_ns=m.WINDOW_NS, disks=(one,), refs=m.REFS)


BUSY = (m.threads(vcpu=1.0), m.view(places=10))


@pytest.mark.parametrize("beside", [(), (disks(0.0),)])
def test_a_loader_that_asks_again_and_again_waits(beside: tuple[object, ...]) -> None:
    assert m.verdict(*BUSY, bare(0.3, 0.7), *beside) == "firmware-wait"
    assert "a boot loader" in m.found("firmware-wait", *BUSY, bare(0.3, 0.7), *beside).headline


@pytest.mark.parametrize(
    ("place", "beside"),
    [
        (bare(0.93, 0.05), ()),  # firmware at work
        (bare(0.0, 1.0), ()),  # something that asks the firmware for nothing
        (bare(0.3, 0.3), ()),  # elsewhere, too: it unpacks or copies
        (bare(0.3, 0.7), (disks(400.0),)),  # it loads
        (bare(0.3, 0.7), (Resets(by_guest=1, by_host=0, untold=0, shortest_ns=None, refs=m.REFS),)),
    ],
)
def test_what_works_does_not_wait(place: BareView, beside: tuple[object, ...]) -> None:
    assert m.found("firmware-wait", *BUSY, place, *beside).confidence < 0.5


def test_a_vcpu_at_many_places_does_not_wait_for_a_key() -> None:
    assert m.found("firmware-wait", m.threads(vcpu=1.0), m.view(places=200), bare(0.3, 0.7)).confidence < 0.5


def test_a_small_loop_that_is_interrupted_asks_for_no_key() -> None:
    asks, interrupted = m.view(places=3), bare(0.08, 0.92)
    assert m.found("firmware-wait", m.threads(vcpu=1.0), asks, interrupted).confidence < 0.3
    assert m.found("firmware-wait", m.threads(vcpu=1.0), asks, bare(0.7, 0.3)).confidence > 0.5
    assert m.found("firmware-wait", m.threads(vcpu=1.0), m.view(places=10), interrupted).confidence > 0.5
