"""``lab-actions.json``: what the lab did to its own guest, with the guest's clock page before and after."""

from collections.abc import Iterator

import msgspec

from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.lab import LabDeed
from crazytrain.model.figures import span

_MOST = 20


class _Page(msgspec.Struct):
    address: int
    system_time_ns: int
    bytes_hex: str


class _Actions(msgspec.Struct):
    on_purpose: str
    step_ns: int
    page_before: _Page
    page_after: _Page


class _Action(msgspec.Struct):
    what: str
    wall_ns: int
    took_ns: int


class _PropActions(msgspec.Struct):
    """What the lab did beside QEMU."""

    on_purpose: str
    actions: tuple[_Action, ...]


def _told(page: _Page) -> str:
    when = f"system_time {page.system_time_ns} ns ({span(page.system_time_ns)})"
    return f"kvmclock page at {page.address:#x}: {when}, bytes {page.bytes_hex}"


def decode_lab(evidence: Evidence) -> Iterator[object]:
    """Yield one ``LabDeed``; nothing where the file is not what the lab writes."""
    try:
        done = msgspec.json.decode(evidence.data, type=_Actions)
    except (msgspec.DecodeError, ValueError, RecursionError):
        yield from _beside(evidence)
        return
    yield LabDeed(
        says=(
            f"A lab guest: {done.on_purpose} (by {span(done.step_ns)}).",
            f"Before: {_told(done.page_before)}",
            f"After: {_told(done.page_after)}",
        ),
        refs=(evidence.ref(),),
    )


def _beside(evidence: Evidence) -> Iterator[LabDeed]:
    try:
        done = msgspec.json.decode(evidence.data, type=_PropActions)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return
    deeds = tuple(f"It did: {action.what}" for action in done.actions[:_MOST])
    yield LabDeed(says=(f"A lab guest: {done.on_purpose}.", *deeds), refs=(evidence.ref(),))
