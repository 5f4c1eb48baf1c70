"""Recorded output of tools of the host, and all facts of a pasted text."""

from crazytrain.decode.recognise import split
from crazytrain.decode.registry import decoders_of
from crazytrain.model.facts.kvm import KvmExits, KvmStats
from crazytrain.model.facts.threads import ThreadActivity
from tests.support import ROOT

TEXTS = ROOT / "tests" / "data" / "host_text"


def recorded(name: str) -> bytes:
    return (TEXTS / name).read_bytes()


def facts(text: str | bytes) -> list[object]:
    """All facts of a pasted text, by the way that any text goes."""
    parts = split("paste.txt", text.encode() if isinstance(text, str) else text)
    return [fact for part in parts for decode in decoders_of(part) for fact in decode(part)]


def one(text: str | bytes, wanted: type) -> object:
    (found,) = [fact for fact in facts(text) if isinstance(fact, wanted)]
    return found


def exits(text: str | bytes) -> KvmExits:
    found = one(text, KvmExits)
    assert isinstance(found, KvmExits)
    return found


def stats(text: str | bytes) -> KvmStats:
    found = one(text, KvmStats)
    assert isinstance(found, KvmStats)
    return found


def reasons(found: KvmExits) -> dict[str, int]:
    return {count.reason: count.count for count in found.exits}


def shares(found: object) -> dict[str, float]:
    assert isinstance(found, ThreadActivity)
    return {use.comm: round(use.cpu_ratio, 4) for use in found.threads}
