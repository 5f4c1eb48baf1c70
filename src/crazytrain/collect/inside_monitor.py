"""Questions to a guest's monitor that looking inside takes: lines for people (HMP), answered in one short conversation each."""

from collections.abc import Awaitable, Callable, Sequence

import msgspec

from crazytrain.collect.look import Look
from crazytrain.collect.monitor import Answers, Pace, ask
from crazytrain.collect.monitor_questions import human
from crazytrain.host.door import Host
from crazytrain.model.guest import Guest
from crazytrain.model.guest_memory import Unreadable

Asker = Callable[[Sequence[bytes]], Awaitable[Answers]]
_PACE = Pace(timeout_s=1.0, hold_s=1.5)


class _Error(msgspec.Struct):
    desc: str = ""


class _Line(msgspec.Struct, rename={"said": "return"}):
    said: object = None
    error: _Error | None = None
    event: str = ""


def asker(host: Host, guest: Guest, pace: Pace = _PACE) -> Asker:
    """Ask this guest's own monitor, or libvirt, each time left at once."""
    now_ns = host.mono_ns()
    look = Look(host=host, guest=guest, start_ns=now_ns, end_ns=now_ns, keep=lambda _: None)
    return lambda questions: ask(look, questions, pace)


async def human_text(ask_monitor: Asker, lines: Sequence[str]) -> tuple[str, ...]:
    """Put lines to the monitor and give what it prints for each. Raises ``Unreadable`` where one is not answered."""
    answers = await ask_monitor(tuple(human(line) for line in lines))
    texts = tuple(_text(line) for line in answers.data.splitlines())
    found = tuple(text for text in texts if text is not None)
    if len(found) < len(lines):
        raise Unreadable(f"the monitor did not answer: {answers.detail or answers.outcome.value}")
    return found


def _text(data: bytes) -> str | None:
    """What one line of the conversation says; ``None`` for an event that came between."""
    try:
        line = msgspec.json.decode(data, type=_Line)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise Unreadable("the monitor's answer could not be read") from error
    if line.event:
        return None
    if line.error is not None or not isinstance(line.said, str):
        raise Unreadable(f"the monitor refused: {line.error.desc[:200] if line.error else 'no text'}")
    return line.said
