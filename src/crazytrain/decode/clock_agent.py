"""CLOCK_AGENT: what a guest's agent told of its clock. All of it is the guest's word."""

import re
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from crazytrain.decode.clock_words import clock_words
from crazytrain.decode.proc_text import keyed, text
from crazytrain.model.bundle import Part, unpack
from crazytrain.model.evidence import Evidence, Outcome
from crazytrain.model.facts.clock_setup import AgentClock, AgentMoment
from crazytrain.model.facts.inside import Missing

_SYSFS = "/sys/devices/system/clocksource/clocksource0/"
_NAME = re.compile(r"[!-~]{1,40}")
_MOST_SOURCES, _MOST_MOMENTS = 16, 64
_TSC = (
    "tsc",
    "constant_tsc",
    "nonstop_tsc",
    "tsc_known_freq",
    "tsc_reliable",
    "tsc_adjust",
    "tsc_deadline_timer",
    "hypervisor",
)
_SHOWN = {
    _SYSFS + "current_clocksource": "its clocksource",
    _SYSFS + "available_clocksource": "the clocksources that it could use",
    "/proc/cmdline": "its kernel's command line",
    "/proc/cpuinfo": "its CPU's flags",
    "osinfo": "its operating system",
}


class _System(msgspec.Struct, rename="kebab"):
    id: str = ""
    pretty_name: str = ""


def decode_clock_agent(evidence: Evidence) -> Iterable[object]:
    """Yield one ``AgentClock``: ``version``, ``osinfo``, files of the guest by their paths, and ``moments``, a JSON object a line.

    Sources: QEMU, qga/qapi-schema.json; Linux, drivers and names in Documentation/timers/timekeeping.rst.
    """
    parts = {part.name: part for part in unpack(evidence.data)}
    system = _system(parts.get("osinfo"))
    sources = _said(parts, _SYSFS + "available_clocksource").split()
    flags = keyed(_bytes(parts, "/proc/cpuinfo")).get("flags")
    yield AgentClock(
        version=_said(parts, "version")[:80],
        system=system.id[:80],
        system_name=system.pretty_name[:200],
        clocksource=_one(_said(parts, _SYSFS + "current_clocksource")),
        available=tuple(one for one in sources[:_MOST_SOURCES] if _NAME.fullmatch(one)),
        kernel_words=clock_words(_said(parts, "/proc/cmdline")),
        tsc_flags=None if flags is None else tuple(flag for flag in flags.split() if flag in _TSC),
        moments=tuple(_moments(_bytes(parts, "moments"))),
        missing=tuple(_missing(parts)),
        refs=(evidence.ref(),),
    )


def _bytes(parts: Mapping[str, Part], name: str) -> bytes:
    return parts[name].data if name in parts and parts[name].outcome is Outcome.OK else b""


def _said(parts: Mapping[str, Part], name: str) -> str:
    return text(_bytes(parts, name)).strip()


def _one(said: str) -> str:
    return said if _NAME.fullmatch(said) else ""


def _system(part: Part | None) -> _System:
    if part is None or part.outcome is not Outcome.OK:
        return _System()
    try:
        return msgspec.json.decode(part.data, type=_System)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _System()


def _moments(data: bytes) -> Iterator[AgentMoment]:
    for line in data.splitlines()[:_MOST_MOMENTS]:
        try:
            found = msgspec.json.decode(line, type=AgentMoment)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
        if found.after_ns >= found.before_ns:
            yield found


def _missing(parts: Mapping[str, Part]) -> Iterator[Missing]:
    for name, what in _SHOWN.items():
        part = parts.get(name)
        if part is not None and part.outcome is not Outcome.OK:
            yield Missing(what, _said(parts, f"why/{name}") or f"the agent: {part.outcome.value}")
