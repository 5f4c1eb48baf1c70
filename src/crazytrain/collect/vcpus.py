"""Where the vCPUs are: short bursts of register samples through the monitor, spread over the window.

One ``info registers -a`` takes about a millisecond of the main loop and makes each vCPU leave the guest once, so they are
few, and each is handed on to whoever else can read something from it. Between bursts nobody holds the monitor. What QEMU tells
unasked meanwhile (a reset) is kept, too.
"""

import re
from collections.abc import Iterator, Sequence

import msgspec

from crazytrain.collect.look import Collector, Look
from crazytrain.collect.monitor import Answers, Pace, ask
from crazytrain.collect.monitor_questions import human
from crazytrain.collect.same import gone, still_same
from crazytrain.model.evidence import Cost, Evidence, Kind
from crazytrain.model.facts import OWN_TURN

_BURSTS_AT = (0.12, 0.37, 0.62, 0.85)  # of the window; the monitor is asked other things at its ends
_SAMPLES, _LIGHT_SAMPLES = 10, 6  # a burst
_MOST_PER_S = 50.0
_MOST_VCPU_SAMPLES = 96  # a burst: guests with many vCPUs are sampled less often
_MOST_CODE = 8  # vCPUs whose code is read
_MOST_EVENTS = 64  # a burst; as many as a conversation keeps
_PACE = Pace(timeout_s=0.5, pause_s=0.008, hold_s=0.3)
# A guest without paging runs its firmware or a boot loader and may start again and again. QEMU tells of resets only to who is
# connected, so the same questions are asked more slowly: each burst takes up to 0.65 s, or an eighth of the window.
_SLOWEST_PAUSE_S, _SLOW_PART, _SLOW_MARGIN_S = 0.06, 0.15, 0.25
_CR0 = re.compile(rb"(?<![A-Z])CR0=([0-9a-f])[0-9a-f]{7}\b")
_PAGING = 8  # of the first digit
_REGISTERS = "info registers -a"
# $pc is linear: the base of CS is in it. Under KVM it may stand behind an IN that is under way, so a few bytes before it count.
_CODE_BEFORE = 8
_CODE = f"x /{16 + _CODE_BEFORE}xb $pc-{_CODE_BEFORE}"
# Floating point and vector registers say nothing about where a vCPU is, and may hold keys.
_DATA_REGISTERS = re.compile(r"^(?:FCW=|FPR\d|[XYZ]MM\d|[Oo]pmask).*(?:\n|\Z)", re.MULTILINE)


class _Arguments(msgspec.Struct, rename="kebab"):
    command_line: str = ""
    cpu_index: int = 0


class _Answer(msgspec.Struct, rename={"said": "return"}):
    arguments: _Arguments = msgspec.field(default_factory=_Arguments)
    mono_ns: int = 0
    took_ns: int = 0
    said: str | None = None
    event: str = ""


class Sample(msgspec.Struct, frozen=True, omit_defaults=True):
    """A line of the evidence: ``text`` of all vCPUs' registers, or the ``code`` around the instruction pointer of ``vcpu``.

    ``before`` is how many bytes of it stand before the instruction pointer.
    """

    mono_ns: int
    took_ns: int
    text: str = ""
    vcpu: int | None = None
    code: str = ""
    before: int = 0


async def collect_vcpus(look: Look) -> None:
    """Keep ``vcpus.0``, ``vcpus.1``, ...: a burst each. A monitor that does not answer is not asked again."""
    bursts = _BURSTS_AT[: -1 if look.light else None]
    pace = _PACE
    for number, part in enumerate(bursts):
        await look.host.sleep_until(look.start_ns + int((look.end_ns - look.start_ns) * part))
        if not still_same(look.host, look.guest.process):
            look.keep(gone(look, f"vcpus.{number}", Kind.VCPU_SAMPLES))
            return
        seen = await _burst(look, f"vcpus.{number}", pace)
        look.keep(seen)
        if not seen.usable and not seen.detail.startswith(OWN_TURN):
            return
        pace = _listening(look) if _is_bare(seen.data) else _PACE


def _is_bare(data: bytes) -> bool:
    """Whether vCPUs were seen, and none of them with paging on."""
    digits = _CR0.findall(data)
    return bool(digits) and not any(int(digit, 16) & _PAGING for digit in digits)


def _listening(look: Look) -> Pace:
    pause_s = max(_PACE.pause_s, min(_SLOWEST_PAUSE_S, look.window_s * _SLOW_PART / (_SAMPLES + 1)))
    return msgspec.structs.replace(_PACE, pause_s=pause_s, hold_s=_SAMPLES * pause_s + _SLOW_MARGIN_S)


async def _burst(look: Look, name: str, pace: Pace) -> Evidence:
    host = look.host
    begin_ns, wall_ns = host.mono_ns(), host.wall_ns()
    answers = await ask(look, _questions(look), pace, lambda line: _hand_on(look, line))
    return Evidence(
        id=name,
        kind=Kind.VCPU_SAMPLES,
        source=f"{_REGISTERS}, {answers.source}",
        outcome=answers.outcome,
        detail=answers.detail,
        data=b"".join(_kept(answers)),
        mono_ns=begin_ns,
        wall_ns=wall_ns,
        took_ns=host.mono_ns() - begin_ns,
        cost=Cost.SAMPLES,
    )


def _questions(look: Look) -> Sequence[bytes]:
    vcpus = max(look.guest.vcpus or 1, 1)
    wanted = min(_LIGHT_SAMPLES if look.light else _SAMPLES, max(3, _MOST_VCPU_SAMPLES // vcpus))
    samples = max(1, min(wanted, int(_MOST_PER_S * look.window_s / len(_BURSTS_AT))))
    code = tuple(human(_CODE, vcpu) for vcpu in range(min(vcpus, _MOST_CODE)))
    return (human(_REGISTERS), *code, *(human(_REGISTERS),) * (samples - 1))


def _read(line: bytes) -> _Answer:
    """Read an answer; nothing stands in one that is an error (the vCPU is not there)."""
    try:
        return msgspec.json.decode(line, type=_Answer)
    except (msgspec.DecodeError, UnicodeError):
        return _Answer()


def _hand_on(look: Look, line: bytes) -> None:
    answer = _read(line)
    if answer.said and answer.arguments.command_line == _REGISTERS:
        look.registers.tell(answer.said, answer.mono_ns)


def _kept(answers: Answers) -> Iterator[bytes]:
    """Samples, and as they came the events that QEMU told meanwhile: a guest may be reset while we look at it."""
    events = 0
    for line in answers.data.splitlines():
        answer = _read(line)
        if answer.event and events < _MOST_EVENTS:
            events += 1
            yield line + b"\n"
        elif answer.said is not None:
            yield msgspec.json.encode(_sample(answer)) + b"\n"


def _sample(answer: _Answer) -> Sample:
    said = answer.said or ""
    if answer.arguments.command_line == _REGISTERS:
        return Sample(answer.mono_ns, answer.took_ns, text=_DATA_REGISTERS.sub("", said))
    return Sample(answer.mono_ns, answer.took_ns, vcpu=answer.arguments.cpu_index, code=said, before=_CODE_BEFORE)


COLLECTOR = Collector(name="vcpus", cost=Cost.SAMPLES, timeout_s=8.0, limit_bytes=16 << 20, run=collect_vcpus)
