"""INSIDE, INSIDE_PROFILE, INSIDE_LOG: what the guest's own kernel keeps in its RAM, as the child without privileges read it."""

from collections.abc import Iterable
from typing import TypeVar

import msgspec

from crazytrain.decode.console import meaning_of, plain
from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.console import ConsoleLine
from crazytrain.model.facts.inside import GuestLog, InsideLog, InsideProfile, InsideReading

T = TypeVar("T")
_MOST_MATTER = 200


def decode_inside(evidence: Evidence) -> Iterable[object]:
    """Yield one ``InsideReading``. Raises ``ValueError`` where it is no such JSON.

    ::

        {"mono_ns":1,"took_ns":2,"clock":{"mono_ns":1,"wall_ns":1,"clocksource":"tsc","jiffies":4294967300}}
    """
    yield msgspec.structs.replace(_read(evidence, InsideReading), refs=(evidence.ref(),))


def decode_inside_profile(evidence: Evidence) -> Iterable[object]:
    """Yield one ``InsideProfile``. Raises ``ValueError`` where it is no such JSON.

    ::

        {"start_ns":1,"end_ns":2,"vcpus":1,"task_samples":900,"who":[{"cpu":0,"pid":71,"comm":"dd","count":880}]}
    """
    yield msgspec.structs.replace(_read(evidence, InsideProfile), refs=(evidence.ref(),))


def decode_inside_log(evidence: Evidence) -> Iterable[object]:
    """Yield one ``InsideLog`` and one ``GuestLog`` with the lines that matter. Raises ``ValueError`` where it is no such JSON.

    ::

        {"records":[[212,28072023000,0,"watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [sh:71]"]]}
    """
    log = msgspec.structs.replace(_read(evidence, InsideLog), refs=(evidence.ref(),))
    yield log
    yield _matters(log)


def _matters(log: InsideLog) -> GuestLog:
    """The records that matter, each with when it was written; the last ``_MOST_MATTER`` of them."""
    matter: list[ConsoleLine] = []
    times: list[int] = []
    last = 0
    for number, record in enumerate(log.records, 1):
        text = plain(record.text)
        meaning = meaning_of(text)
        if meaning:
            matter.append(ConsoleLine(meaning=meaning, text=text, ref=log.refs[0]))
            times.append(record.at_ns)
            last = number
    return GuestLog(
        lines=len(log.records),
        matter=tuple(matter[-_MOST_MATTER:]),
        at_ns=tuple(times[-_MOST_MATTER:]),
        after_last=len(log.records) - last,
        last_ns=log.records[-1].at_ns if log.records else None,
        refs=log.refs,
    )


def _read(evidence: Evidence, wanted: type[T]) -> T:
    try:
        return msgspec.json.decode(evidence.data, type=wanted)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise ValueError(f"{evidence.id}: no reading of the guest's memory: {error}") from error
