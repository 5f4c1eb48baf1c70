"""What QEMU says of itself: its QMP monitor, asked at both ends of the window, each time left at once."""

from collections.abc import Sequence

import msgspec

from crazytrain.collect.chardevs import Monitor, monitors, reachable
from crazytrain.collect.look import Collector, Look
from crazytrain.collect.monitor_questions import Occasion, When, questions_at
from crazytrain.collect.monitor_waiting import PAGES_WAITED_FOR, is_stopped, waits_for_pages, waits_for_storage
from crazytrain.collect.same import gone, still_same
from crazytrain.collect.virsh import ask_virsh, domain_of
from crazytrain.host.door import Each
from crazytrain.model.evidence import Cost, Evidence, Kind, Outcome
from crazytrain.model.guest import Accelerator, Manager

_TIMEOUT_S = 1.0
_MOST_SOCKETS = 2
# Proxmox's own tools wait 3 to 5 s for the same socket and give up then; pvestatd comes every 10 s.
_HOLD_PROXMOX_S = 1.0
STOPPED = (
    "libvirt was not asked: the process is stopped (SIGSTOP or a debugger), and libvirt would wait for it without end"
)


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """How to ask: limits for each answer and for the whole, and the pause between questions. See ``Host.converse``."""

    timeout_s: float = _TIMEOUT_S
    pause_s: float = 0.0
    hold_s: float = 2.0


# Questions that a vCPU itself has to answer.
_OF_VCPUS = (b'"info registers', b'"x /')


class Answers(msgspec.Struct, frozen=True, kw_only=True):
    """What a monitor answered: JSON lines as ``Host.converse`` gives them, how it ended, and where was asked."""

    data: bytes
    outcome: Outcome
    detail: str
    source: str


def by_virsh(look: Look) -> bool:
    """Whether the guest has no monitor but libvirt's."""
    return look.guest.manager is Manager.LIBVIRT and not any(m.askable for m in monitors(look.guest.command_line))


async def ask(look: Look, questions: Sequence[bytes], pace: Pace, each: Each | None = None) -> Answers:
    """Ask the guest's own QMP socket (the next one where there are two and the first does not answer), or libvirt.

    ``each`` gets the line of each answer as soon as it is there.
    """
    if any(word in question for question in questions for word in _OF_VCPUS) and (who := await waits_for_pages(look)):
        return Answers(data=b"", outcome=Outcome.ABSENT, detail=f"not asked: {who} {PAGES_WAITED_FOR}", source="QMP")
    there = monitors(look.guest.command_line)
    own = [monitor.chardev.path for monitor in there if monitor.askable]
    if not own and look.guest.manager is Manager.LIBVIRT:
        answers = await _ask_libvirt(look, questions)
        if each:
            for line in answers.data.splitlines():
                each(line)
        return answers
    answers = Answers(data=b"", outcome=Outcome.ABSENT, detail=_why_none(there), source="QMP")
    for path in own[:_MOST_SOCKETS]:
        at = reachable(look.host, look.guest.pid, path)
        data, outcome, detail = await look.host.converse(
            at, questions, timeout_s=pace.timeout_s, pause_s=pace.pause_s, hold_s=_hold_s(look, pace), each=each
        )
        answers = Answers(data=data, outcome=outcome, detail=detail, source=f"QMP unix:{path}")
        if data or outcome is Outcome.OK:
            break
    return answers


def _hold_s(look: Look, pace: Pace) -> float:
    return min(pace.hold_s, _HOLD_PROXMOX_S) if look.guest.manager is Manager.PROXMOX else pace.hold_s


async def _ask_libvirt(look: Look, questions: Sequence[bytes]) -> Answers:
    source = f"virsh qemu-monitor-command {domain_of(look.guest)} (libvirt marks the domain: custom-monitor)"
    if is_stopped(look):
        return Answers(data=b"", outcome=Outcome.TIMED_OUT, detail=STOPPED, source=source)
    data, outcome, detail = await ask_virsh(look.host, look.guest, questions)
    return Answers(data=data, outcome=outcome, detail=detail, source=source)


def _why_none(there: Sequence[Monitor]) -> str:
    if not there:
        return "there is no monitor on the command line"
    return "no QMP socket that we may ask: " + ", ".join(_refused(monitor) for monitor in there)


def _refused(monitor: Monitor) -> str:
    where = monitor.chardev.label or "unknown"
    if monitor.chardev.libvirts:
        return "libvirt's own monitor, left to libvirt"
    if not monitor.qmp:
        return f"{where} is a monitor for people (HMP)"
    if monitor.chardev.backend == "socket" and monitor.chardev.path:
        return f"{where} is a socket to which QEMU connects"
    return f"QMP on {where}"


async def collect_monitor(look: Look) -> None:
    """Keep ``qmp.0`` from the window's start and ``qmp.1`` from its end; the second try of one that hung comes earlier."""
    first = await _asked(look, "qmp.0", When.START)
    late = first.outcome is Outcome.TIMED_OUT
    if first.usable or late:
        await look.host.sleep_until(look.end_ns - (int(_TIMEOUT_S * 1e9) if late else 0))
        await _asked(look, "qmp.1", When.END)


async def _asked(look: Look, name: str, when: When) -> Evidence:
    host = look.host
    begin_ns, wall_ns = host.mono_ns(), host.wall_ns()
    if not still_same(host, look.guest.process):
        seen = gone(look, name, Kind.QMP)
    else:
        waits, pages = await waits_for_storage(look), await waits_for_pages(look)
        occasion = _occasion(look, when, waits)
        occasion = msgspec.structs.replace(occasion, kvm=occasion.kvm and not pages)
        answers = await ask(look, tuple(questions_at(occasion)), Pace())
        left_out = f"query-block was left out: {waits} waits for storage" if waits and when is When.START else ""
        unasked = f"KVM's counters were left out: {pages} {PAGES_WAITED_FOR}" if pages else ""
        seen = Evidence(
            id=name,
            kind=Kind.QMP,
            source=answers.source,
            outcome=answers.outcome,
            detail="; ".join(x for x in (answers.detail, left_out, unasked) if x),
            data=answers.data,
            mono_ns=begin_ns,
            wall_ns=wall_ns,
            took_ns=host.mono_ns() - begin_ns,
            cost=Cost.SAMPLES,
        )
    look.keep(seen)
    return seen


def _occasion(look: Look, when: When, waits: str) -> Occasion:
    return Occasion(
        when=when,
        kvm=look.guest.accelerator is not Accelerator.TCG,
        disks=not waits,
        libvirt=by_virsh(look),
        light=look.light,
    )


COLLECTOR = Collector(name="monitor", cost=Cost.SAMPLES, timeout_s=8.0, limit_bytes=16 << 20, run=collect_monitor)
