"""QMP: migration, balloon, screens, character devices, iothreads, network, the RTC, and events."""

import calendar
import re
from collections.abc import Callable, Iterable, Iterator, Mapping

import msgspec

from crazytrain.decode.qmp_events import decode_qmp_events
from crazytrain.decode.qmp_lines import Line, answers, parsed, text_of
from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.services import (
    Balloon,
    Chardevs,
    ChardevState,
    Display,
    Displays,
    Iothreads,
    IothreadSetting,
    Migration,
    NetBackend,
    Network,
    RtcReading,
)

_MOST = 1024
_FASTEST_MBPS = 1e9  # a million gigabits a second: more is no rate
_LONGEST_SAID = 300
_BACKEND = re.compile(r"^ *(\\ )?([^\s:][^:\n]{0,200}): index=\d+,type=([\w-]{1,40})(.*)$", re.MULTILINE)


class _Ram(msgspec.Struct, rename="kebab"):
    remaining: int | None = None
    total: int | None = None
    transferred: int | None = None
    dirty_pages_rate: int | None = None
    mbps: float | None = None


class _Migrate(msgspec.Struct, rename="kebab"):
    status: str = ""
    ram: _Ram = msgspec.field(default_factory=_Ram)
    error_desc: str = ""


class _Actual(msgspec.Struct):
    actual: int


class _Screen(msgspec.Struct):
    clients: list[msgspec.Raw] = []


class _Spice(msgspec.Struct):
    enabled: bool = False
    channels: list[msgspec.Raw] = []


class _Chardev(msgspec.Struct, rename="kebab"):
    label: str
    filename: str = ""
    frontend_open: bool = False


class _Iothread(msgspec.Struct, rename="kebab"):
    id: str
    thread_id: int | None = None
    poll_max_ns: int | None = None


class _Tm(msgspec.Struct):
    tm_year: int
    tm_mon: int
    tm_mday: int
    tm_hour: int
    tm_min: int
    tm_sec: int


def decode_qmp_services(evidence: Evidence) -> Iterable[object]:
    """Yield a fact for each answer that is known, one ``Displays`` for all screens, and each event.

    Answers of another form than QEMU's are passed over. Source: QEMU, qapi/{migration,machine,ui,char,misc}.json;
    rtc-time is a property of /machine (softmmu/rtc.c).
    """
    lines = tuple(answers(evidence))
    for line in lines:
        read = _READERS.get(line.answer.execute)
        if read:
            yield from read(line)
        elif line.answer.arguments.property == "rtc-time":
            yield from _rtc(line, evidence)
        elif line.answer.arguments.command_line == "info network":
            yield from _network(line)
    yield from _displays(lines)
    yield from decode_qmp_events(evidence)


def _migration(line: Line) -> Iterator[Migration]:
    found = parsed(_Migrate, line.answer.said)
    if found is not None:
        mbps = found.ram.mbps
        yield Migration(
            mono_ns=line.answer.mono_ns,
            status=found.status,
            remaining_bytes=found.ram.remaining,
            total_bytes=found.ram.total,
            transferred_bytes=found.ram.transferred,
            dirty_pages_per_s=found.ram.dirty_pages_rate,
            bits_per_s=None if mbps is None or not 0 <= mbps < _FASTEST_MBPS else mbps * 1e6,
            error=found.error_desc[:_LONGEST_SAID],
            refs=(line.ref,),
        )


def _balloon(line: Line) -> Iterator[Balloon]:
    found = parsed(_Actual, line.answer.said)
    if found is not None:
        yield Balloon(mono_ns=line.answer.mono_ns, actual_bytes=found.actual, refs=(line.ref,))


def _chardevs(line: Line) -> Iterator[Chardevs]:
    found = parsed(list[_Chardev], line.answer.said)
    if found is not None:
        named = (
            ChardevState(label=one.label[:200], filename=one.filename[:500], open=one.frontend_open)
            for one in found[:_MOST]
        )
        yield Chardevs(chardevs=tuple(named), refs=(line.ref,))


def _iothreads(line: Line) -> Iterator[Iothreads]:
    found = parsed(list[_Iothread], line.answer.said)
    if found is not None:
        all_of_them = tuple(
            IothreadSetting(id=one.id[:200], tid=one.thread_id, poll_max_ns=one.poll_max_ns) for one in found[:_MOST]
        )
        yield Iothreads(iothreads=all_of_them, refs=(line.ref,))


_READERS: Mapping[str, Callable[[Line], Iterator[object]]] = {
    "query-migrate": _migration,
    "query-balloon": _balloon,
    "query-chardev": _chardevs,
    "query-iothreads": _iothreads,
}


def _displays(lines: tuple[Line, ...]) -> Iterator[Displays]:
    """Screens of VNC and SPICE; a SPICE client opens several channels, so channels tell no number but whether any."""
    found: list[Display] = []
    asked: list[tuple[str, Line]] = []
    for line in lines:
        if line.answer.execute == "query-vnc-servers":
            asked.append(("VNC", line))
            found += [
                Display(kind="VNC", clients=len(one.clients)) for one in parsed(list[_Screen], line.answer.said) or []
            ]
        elif line.answer.execute == "query-spice":
            asked.append(("SPICE", line))
            spice = parsed(_Spice, line.answer.said)
            if spice and spice.enabled:
                found.append(Display(kind="SPICE", clients=1 if spice.channels else 0))
    if asked:
        yield Displays(
            mono_ns=asked[0][1].answer.mono_ns,
            displays=tuple(found[:_MOST]),
            asked=tuple(kind for kind, _ in asked),
            refs=tuple(line.ref for _, line in asked),
        )


def _rtc(line: Line, evidence: Evidence) -> Iterator[RtcReading]:
    """A broken-down time of the guest, against the host's time of that answer."""
    tm = parsed(_Tm, line.answer.said)
    if tm is None or not evidence.wall_ns:
        return
    try:
        guest_s = calendar.timegm((tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec))
    except (ValueError, OverflowError):
        return  # a guest may write what is no date into its clock
    host_s = (evidence.wall_ns + line.answer.mono_ns - evidence.mono_ns) / 1e9
    yield RtcReading(mono_ns=line.answer.mono_ns, ahead_s=guest_s + 0.5 - host_s, ref=line.ref)


def _network(line: Line) -> Iterator[Network]:
    """``net0: index=0,type=nic,...`` and below it what is behind it, after a backslash."""
    found = [
        NetBackend(name=name, kind=kind, peer="behind a card" if behind else "", vhost="vhost=on" in rest)
        for behind, name, kind, rest in _BACKEND.findall(text_of(line))[:_MOST]
    ]
    yield Network(backends=tuple(found), refs=(line.ref,))
