"""What the guest is built of and how far its queues are: three short talks with the monitor, the last one twice.

Address map and device tree are long texts, printed in a few ms; they are asked for once, apart from the moments at which
others want the monitor. Queues of vhost devices are left alone: see ``monitor_questions.NEVER``.
"""

import re
from collections.abc import Iterator, Sequence

import msgspec

from crazytrain.collect.look import Collector, Look
from crazytrain.collect.monitor import Answers, Pace, ask
from crazytrain.collect.monitor_questions import human, question
from crazytrain.collect.same import gone, still_same
from crazytrain.model.evidence import Cost, Evidence, Kind, Outcome

_AT, _AGAIN_AT = 0.24, 0.73  # of the window
_PACE = Pace(timeout_s=1.0, hold_s=0.5)
# QEMU reads questions byte by byte, in a thread of their own: few and short ones cost least.
_MOST_DEVICES, _MOST_QUEUES_EACH, _MOST_QUEUES = 16, 2, 16
_MTREE, _QTREE, _PCI = "info mtree -f", "info qtree", "info pci"
# What tells which clocks the guest may use, of the first vCPU; the others are the same.
_FEATURES = ("kvmclock", "hv-stimer")
_FIRST = (
    human(_MTREE),
    human(_QTREE),
    human(_PCI),
    question("qom-get", path="/machine", property="type"),
    question("query-cpus-fast"),
    question("x-query-virtio"),
)
_VIEW = re.compile(r"^FlatView #", re.MULTILINE)
_WANTED_VIEWS = (' AS "I/O",', ' AS "memory",')


class _Answer(msgspec.Struct, rename={"said": "return"}):
    execute: str
    said: msgspec.Raw = msgspec.field(default_factory=lambda: msgspec.Raw(b""))


class _Named(msgspec.Struct, rename="kebab"):
    path: str = ""
    qom_path: str = ""
    num_vqs: int = 0
    started: bool = False
    vhost_started: bool = False


async def collect_devices(look: Look) -> None:
    """Keep ``devices.0`` (all) and ``devices.1`` (the virtqueues once more)."""
    if look.light:
        return
    await _wait(look, _AT)
    if not still_same(look.host, look.guest.process):
        look.keep(gone(look, "devices.0", Kind.QMP_DEVICES))
        return
    queues = await _first(look)
    await _wait(look, _AGAIN_AT)
    if queues and still_same(look.host, look.guest.process):
        await _kept(look, "devices.1", queues)


async def _wait(look: Look, part: float) -> None:
    await look.host.sleep_until(look.start_ns + int((look.end_ns - look.start_ns) * part))


async def _first(look: Look) -> tuple[bytes, ...]:
    """Ask in three turns, each by what the one before it named; returns the questions about queues."""
    begin_ns, wall_ns = look.host.mono_ns(), look.host.wall_ns()
    heard = [await ask(look, _FIRST, _PACE)]
    if heard[0].outcome is Outcome.OK:
        heard.append(await ask(look, (*_about_cpu(heard[0].data), *_about_devices(heard[0].data)), _PACE))
    queues = tuple(_about_queues(heard[-1].data))
    if queues and heard[-1].outcome is Outcome.OK:
        heard.append(await ask(look, queues, _PACE))
    data = b"".join(answers.data for answers in heard)
    look.keep(_evidence(look, "devices.0", (begin_ns, wall_ns), heard[-1], data))
    return queues if heard[-1].outcome is Outcome.OK else ()


async def _kept(look: Look, name: str, questions: Sequence[bytes]) -> None:
    times = look.host.mono_ns(), look.host.wall_ns()
    answers = await ask(look, questions, _PACE)
    look.keep(_evidence(look, name, times, answers, answers.data))


def _evidence(look: Look, name: str, times: tuple[int, int], last: Answers, data: bytes) -> Evidence:
    return Evidence(
        id=name,
        kind=Kind.QMP_DEVICES,
        source=last.source,
        outcome=last.outcome,
        detail=last.detail,
        data=b"".join(map(_without_other_views, data.splitlines(keepends=True))),
        mono_ns=times[0],
        wall_ns=times[1],
        took_ns=look.host.mono_ns() - times[0],
        cost=Cost.SAMPLES,
    )


def _without_other_views(line: bytes) -> bytes:
    """Each PCI device has a view of its own for what it writes to memory: long, and no answer to our question."""
    if _MTREE.encode() not in line[:200]:
        return line
    try:
        answer = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeError):
        return line
    if not isinstance(answer, dict) or not isinstance(answer.get("return"), str):
        return line
    views = _VIEW.split(answer["return"])
    kept = [view for view in views if any(wanted in view for wanted in _WANTED_VIEWS)]
    return msgspec.json.encode({**answer, "return": "".join(f"FlatView #{view}" for view in kept)}) + b"\n"


def _said(data: bytes, execute: str) -> Iterator[tuple[bytes, msgspec.Raw]]:
    for line in data.splitlines():
        try:
            answer = msgspec.json.decode(line, type=_Answer)
        except (msgspec.DecodeError, UnicodeError):
            continue
        if answer.execute == execute and answer.said:
            yield line, answer.said


def _many(raw: msgspec.Raw) -> list[_Named]:
    try:
        return msgspec.json.decode(raw, type=list[_Named])
    except (msgspec.DecodeError, UnicodeError):
        return []


def _about_cpu(data: bytes) -> Iterator[bytes]:
    paths = [one.qom_path for _, raw in _said(data, "query-cpus-fast") for one in _many(raw) if one.qom_path]
    for name in _FEATURES if paths else ():
        yield question("qom-get", path=paths[0], property=name)


def _about_devices(data: bytes) -> Iterator[bytes]:
    paths = [one.path for _, raw in _said(data, "x-query-virtio") for one in _many(raw) if one.path]
    for path in paths[:_MOST_DEVICES]:
        yield question("x-query-virtio-status", path=path)


class _Asked(msgspec.Struct):
    path: str = ""


class _Status(msgspec.Struct, rename={"said": "return"}):
    said: _Named
    arguments: _Asked


def _about_queues(data: bytes) -> Iterator[bytes]:
    """Queues of devices that run and that QEMU serves itself."""
    asked = 0
    for line, _ in _said(data, "x-query-virtio-status"):
        try:
            status = msgspec.json.decode(line, type=_Status)
        except (msgspec.DecodeError, UnicodeError):
            continue
        if not status.said.started or status.said.vhost_started:
            continue
        for queue in range(min(status.said.num_vqs, _MOST_QUEUES_EACH, _MOST_QUEUES - asked)):
            asked += 1
            yield question("x-query-virtio-queue-status", path=status.arguments.path, queue=queue)


COLLECTOR = Collector(name="devices", cost=Cost.SAMPLES, timeout_s=8.0, limit_bytes=16 << 20, run=collect_devices)
