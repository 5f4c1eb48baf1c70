"""What a sentence tells, for tests of words."""

from crazytrain.decode.told import decode_told
from crazytrain.model.evidence import Evidence, Kind
from crazytrain.model.facts.told import Stance, Told, Topic


def told(text: str) -> list[Told]:
    return list(decode_told(Evidence(id="mail", kind=Kind.TOLD, source="mail", data=text.encode())))


def stances(text: str) -> set[tuple[Topic, Stance]]:
    return {(one.topic, one.stance) for one in told(text)}


def topics(text: str) -> set[Topic]:
    return {one.topic for one in told(text)}
