"""What somebody told, in one sentence, so that the reader knows what rests on words; and the versions that are known."""

from collections.abc import Iterator

from crazytrain.model.facts import Facts, ProcessFacts
from crazytrain.model.facts.told import Stance, Telling, Told
from crazytrain.model.facts.versions import Versions
from crazytrain.model.report import StoryLine
from crazytrain.report.sentence import line

_SHOWN = 12


def told_story(facts: Facts) -> Iterator[StoryLine]:
    """At most three sentences."""
    telling, versions = facts.get(Telling), facts.get(Versions)
    if telling is not None:
        said = ", ".join(_said(one) for one in telling.told[:_SHOWN])
        more = f", and {len(telling.told) - _SHOWN} more" if len(telling.told) > _SHOWN else ""
        yield line(f"as told, not measured: {said}{more}", telling.refs[:_SHOWN])
    if versions is not None:
        known = ", ".join(f"{one.component.value} {one.shown}" for one in versions.known[:_SHOWN])
        yield line(f"versions: {known}", tuple(one.ref for one in versions.known[:_SHOWN]))
    process = facts.get(ProcessFacts)
    if process is not None and process.replaced:
        says = "QEMU's program was replaced or removed since this guest was started: it still runs the old one, until it is stopped and started"
        yield line(says, process.refs[:1])


def _said(one: Told) -> str:
    return one.topic.value if one.stance is Stance.SEEN else f"{one.topic.value} ({one.stance.value})"
