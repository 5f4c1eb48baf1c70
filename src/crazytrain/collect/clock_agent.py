"""What a guest's agent tells of its clock: the files that say it, the operating system, and its wall clock at both ends of a window.

It only reads, but libvirt marks the domain for it (custom-ga-command), and a guest that hangs keeps it waiting: it is asked on purpose only.
"""

import json
from collections.abc import Iterator

import msgspec

from crazytrain.collect.agent import Agent, AgentFailed
from crazytrain.collect.agent_ways import wire_to
from crazytrain.collect.look import Look
from crazytrain.collect.monitor import STOPPED
from crazytrain.collect.monitor_waiting import is_stopped
from crazytrain.collect.same import gone, still_same
from crazytrain.host.door import Host
from crazytrain.model.bundle import Part, pack
from crazytrain.model.evidence import Cost, Evidence, Kind, Outcome

NAME = "clock-agent"
_SYSFS = "/sys/devices/system/clocksource/clocksource0"
_FILES = (
    (f"{_SYSFS}/current_clocksource", 256),
    (f"{_SYSFS}/available_clocksource", 1024),
    ("/proc/cmdline", 4096),
    ("/proc/cpuinfo", 3072),  # the first CPU's paragraph
)
_ANSWER_S = 3.0
_READINGS, _READINGS_NS = 3, 1_500_000_000
_FILES_NS = 6_000_000_000  # no further file is begun after that
_WINDOWS = "mswindows"


class _System(msgspec.Struct, rename="kebab"):
    id: str = ""
    pretty_name: str = ""


class ClockAgent(Agent):
    """An agent that is also asked which operating system it runs in."""

    async def system(self) -> tuple[str, str]:
        """The id (``debian``, ``mswindows``) and the full name of the guest's operating system. Raises ``AgentFailed``."""
        found = await self._ask("guest-get-osinfo", {}, _System)
        return found.id[:80], found.pretty_name[:200]


async def collect_clock_agent(look: Look) -> None:
    """Keep ``clock-agent``: what the agent told, in one bundle; the outcome is that of its first answer."""
    if not still_same(look.host, look.guest.process):
        look.keep(gone(look, NAME, Kind.CLOCK_AGENT))
        return
    begin_ns, wall_ns = look.host.mono_ns(), look.host.wall_ns()
    parts, outcome, detail = await _asked(look)
    look.keep(
        Evidence(
            id=NAME,
            kind=Kind.CLOCK_AGENT,
            source="the guest's agent (qemu-ga)",
            outcome=outcome,
            detail=detail,
            data=pack(parts) if outcome is Outcome.OK else b"",
            mono_ns=begin_ns,
            wall_ns=wall_ns,
            took_ns=look.host.mono_ns() - begin_ns,
            cost=Cost.SAMPLES,
        )
    )


async def _asked(look: Look) -> tuple[list[Part], Outcome, str]:
    if is_stopped(look):
        return [], Outcome.TIMED_OUT, STOPPED.replace("libvirt was", "the agent was").partition(",")[0]
    try:
        agent = ClockAgent(wire_to(look.host, look.guest), _ANSWER_S)
    except AgentFailed as failed:
        return [], failed.outcome, failed.detail
    try:
        parts = [Part("version", (await agent.info()).version.encode())]
        first = await _moments(look.host, agent)
        parts += await _told(look.host, agent)
        await look.host.sleep_until(look.end_ns)
        last = await _moments(look.host, agent) if first else []
        return [*parts, Part("moments", b"".join((*first, *last)))], Outcome.OK, ""
    except AgentFailed as failed:
        return [], failed.outcome, failed.detail
    finally:
        agent.close()


async def _told(host: Host, agent: ClockAgent) -> list[Part]:
    """Its system and its files, as far as the agent may tell them; a guest that is no Linux has none of these files."""
    parts: list[Part] = []
    until_ns = host.mono_ns() + _FILES_NS
    try:
        system, full = await agent.system()
        parts.append(Part("osinfo", json.dumps({"id": system, "pretty-name": full}).encode()))
    except AgentFailed as failed:
        parts.append(_failed("osinfo", failed))
        system = ""
    for path, limit in () if system == _WINDOWS else _FILES:
        if host.mono_ns() > until_ns:
            parts.append(Part(path, outcome=Outcome.TIMED_OUT))
            continue
        try:
            data, _ = await agent.read_file(path, limit)
            parts.append(Part(path, data[:limit].partition(b"\n\n")[0]))
        except AgentFailed as failed:
            parts += _failed_file(path, failed)
            if failed.outcome is not Outcome.ABSENT:
                break  # what is refused or late for one file is so for all
    return parts


def _failed(name: str, failed: AgentFailed) -> Part:
    return Part(name, outcome=failed.outcome if failed.outcome in _WRITTEN else Outcome.ABSENT)


_WRITTEN = (Outcome.ABSENT, Outcome.DENIED, Outcome.TIMED_OUT, Outcome.BROKE)


def _failed_file(path: str, failed: AgentFailed) -> Iterator[Part]:
    yield _failed(path, failed)
    yield Part(f"why/{path}", failed.detail[:300].encode("utf-8", "backslashreplace"))


async def _moments(host: Host, agent: Agent) -> list[bytes]:
    """Some readings of its wall clock, each between two looks at ours; few where each takes long."""
    found: list[bytes] = []
    until_ns = host.mono_ns() + _READINGS_NS
    while len(found) < _READINGS and (not found or host.mono_ns() < until_ns):
        wall_ns, before_ns = host.wall_ns(), host.mono_ns()
        try:
            guest_ns = await agent.time_ns()
        except AgentFailed as failed:
            if found or failed.outcome in (Outcome.DENIED, Outcome.ABSENT):
                break
            raise
        line = {"before_ns": before_ns, "after_ns": host.mono_ns(), "wall_before_ns": wall_ns, "guest_ns": guest_ns}
        found.append(json.dumps(line).encode() + b"\n")
    return found
