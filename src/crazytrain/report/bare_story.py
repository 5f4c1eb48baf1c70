"""The story of a guest without an operating system: where its vCPUs are, and how often it was reset."""

from collections.abc import Iterator

from crazytrain.model.facts import Facts
from crazytrain.model.facts.firmware import BarePlace, BareView
from crazytrain.model.facts.resets import Resets
from crazytrain.model.figures import count, share, span
from crazytrain.model.report import StoryLine
from crazytrain.report.sentence import line

SHOWN_FROM = 0.5  # of the samples without paging: less is a moment of its start
SHOWN_VCPUS = 4


def bare_story(facts: Facts) -> Iterator[StoryLine]:
    """Sentences on vCPUs that run without paging, and on resets; none for a guest with its system running."""
    view, resets = facts.get(BareView), facts.get(Resets)
    bare = [place for place in view.vcpus if place.bare_ratio >= SHOWN_FROM] if view else []
    for place in bare[:SHOWN_VCPUS]:
        yield line(_place(place), view.refs if view else ())
    uefi = [place for place in view.vcpus if place.uefi_ratio >= SHOWN_FROM] if view else []
    for place in uefi[:SHOWN_VCPUS]:
        yield line(_uefi(place), view.refs if view else ())
    if resets:
        yield line(_resets(resets), resets.refs)


def _place(place: BarePlace) -> str:
    parts = [
        f"{share(ratio)} {where}"
        for ratio, where in ((place.rom_ratio, "in the firmware"), (place.low_ratio, "below 640 KiB"))
        if ratio >= 0.01
    ]
    where = f" ({', '.join(parts)})" if parts else ""
    stuck = "; the instruction there jumps to itself" if place.jumps_to_itself else ""
    return (
        f"vCPU {place.vcpu} ran without paging in {share(place.bare_ratio)} of {count(place.samples, 'sample')}{where}: "
        f"no operating system{stuck}"
    )


def _uefi(place: BarePlace) -> str:
    often = f"{share(place.uefi_ratio)} of {count(place.samples, 'sample')}"
    return f"vCPU {place.vcpu} ran below 4 GiB in long mode in {often}, as UEFI does: no operating system"


def _resets(resets: Resets) -> str:
    told = ((resets.by_guest, "by itself"), (resets.by_host, "from outside"), (resets.untold, "by whom is not told"))
    parts = ", ".join(f"{count(times, 'time')} {by}" for times, by in told if times)
    apart = f", at least once {span(resets.shortest_ns)} apart" if resets.shortest_ns is not None else ""
    return f"while we were connected to the monitor, the guest was reset {parts}{apart}"
