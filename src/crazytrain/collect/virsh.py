"""Asking a monitor that libvirt owns: through virsh, one command a question, each with a limit of its own."""

import json
from collections.abc import Sequence

from crazytrain.host.door import Finished, Host
from crazytrain.model.evidence import Outcome

_URI = "qemu:///system"
_TIMEOUT_S = 2.0
_HOLD_S = 3.0
_ANSWER_LIMIT_BYTES = 4 << 20
_REFUSALS = ("permission denied", "access denied", "authentication", "not authorized", "read-only")


async def ask_virsh(host: Host, domain: str, questions: Sequence[bytes]) -> tuple[bytes, Outcome, str]:
    """Ask as ``Host.converse`` does, and answer in the same form. The first question without an answer ends it."""
    lines = bytearray()
    begin_ns = host.mono_ns()
    for number, question in enumerate(questions):
        asked_ns = host.mono_ns()
        if asked_ns - begin_ns > _HOLD_S * 1e9:
            return bytes(lines), Outcome.TRUNCATED, f"left after {number} of {len(questions)} questions: virsh is slow"
        argv = ("virsh", "-c", _URI, "qemu-monitor-command", "--domain", domain, question.decode())
        told = await host.run(argv, timeout_s=_TIMEOUT_S, limit_bytes=_ANSWER_LIMIT_BYTES)
        answer = _answer(told)
        if not answer:
            return bytes(lines), *_why_not(told)
        times = {"mono_ns": asked_ns, "took_ns": host.mono_ns() - asked_ns}
        lines += json.dumps({**json.loads(question), **answer, **times}).encode() + b"\n"
    return bytes(lines), Outcome.OK, ""


def _why_not(told: Finished) -> tuple[Outcome, str]:
    if told.outcome is Outcome.TIMED_OUT:
        return Outcome.TIMED_OUT, f"virsh got no answer within {_TIMEOUT_S:g} s: libvirtd or QEMU's monitor hangs"
    if told.outcome is not Outcome.OK:
        return told.outcome, told.detail
    if told.status == 0:
        return Outcome.BROKE, "virsh's answer is no QMP"
    said = told.stderr.decode("utf-8", "backslashreplace").strip().splitlines()
    why = said[-1].removeprefix("error: ") if said else f"virsh ended with status {told.status}"
    if "state change lock" in why:  # another job holds the domain, or its monitor never answered that job
        return Outcome.TIMED_OUT, why
    return (Outcome.DENIED if any(word in why.lower() for word in _REFUSALS) else Outcome.ABSENT), why


def _answer(told: Finished) -> dict[str, object]:
    """``return`` or ``error`` of an answer, without the ``id`` that libvirt adds; empty where there was no answer."""
    if told.status != 0 or told.outcome is not Outcome.OK:
        return {}
    try:
        found = json.loads(told.stdout)
    except (ValueError, RecursionError):
        return {}
    return {key: found[key] for key in ("return", "error") if key in found} if isinstance(found, dict) else {}
