"""Asking libvirt about a guest that it owns: one virsh process for many commands, with a limit on the whole.

``qemu-monitor-command`` marks the domain as tainted (custom-monitor) until it is started anew: libvirt's developers then
know that somebody spoke to QEMU behind its back. What libvirt tells by its own calls is asked by those.
"""

import json
import re
from collections.abc import Sequence

import msgspec

from crazytrain.host.door import Finished, Host
from crazytrain.model.evidence import Outcome
from crazytrain.model.guest import Guest

_SYSTEM, _SESSION = "qemu:///system", "qemu:///session"
_SESSION_PLACES = ("/.config/libvirt/qemu/", "/.local/share/libvirt/", "/.cache/libvirt/")
_TIMEOUT_S = 3.0
_ANSWER_LIMIT_BYTES = 8 << 20
_REFUSALS = ("permission denied", "access denied", "authentication", "not authorized", "read-only")
# What `virsh -t` prints behind each command.
_TIME = re.compile(rb"\n\(Time: (\d{1,9}\.\d{3}) ms\)\n\n?")


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What one command printed, when it began (monotonic), and how long it took as virsh measured it."""

    text: bytes
    mono_ns: int
    took_ns: int


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What virsh answered to each command, in order, as far as it came; how it ended, and why where that is not ok."""

    said: tuple[Said, ...]
    outcome: Outcome
    detail: str = ""


def domain_of(guest: Guest) -> str:
    """What virsh is told to name the guest: the uuid, which no other guest has."""
    return guest.uuid or guest.name


def uri_of(guest: Guest) -> str:
    """Which libvirtd owns the guest: the system's, or that of a user."""
    of_a_user = any(place in word for word in guest.command_line for place in _SESSION_PLACES)
    return _SESSION if of_a_user else _SYSTEM


async def tell(host: Host, guest: Guest, commands: Sequence[Sequence[str]], timeout_s: float = _TIMEOUT_S) -> Told:
    """Run commands (words each) in one virsh about a guest; see ``tell_at``."""
    return await tell_at(host, ("-c", uri_of(guest)), commands, timeout_s)


async def tell_at(host: Host, where: Sequence[str], commands: Sequence[Sequence[str]], timeout_s: float) -> Told:
    """Run commands (words each) in one virsh; ``where`` are its options that say which libvirt. A command that fails ends
    nothing, but says nothing either.
    """
    line = "; ".join(" ".join(_quoted(word) for word in command) for command in commands)
    argv = ("virsh", "-q", "-t", *where, line)
    done = await host.run(argv, timeout_s=timeout_s, limit_bytes=_ANSWER_LIMIT_BYTES)
    said = _said(done.stdout, host.mono_ns())
    if done.outcome is Outcome.OK and done.status == 0:
        return Told(said=said, outcome=Outcome.OK, detail=_complaint(done))
    outcome, detail = _why_not(done, timeout_s)
    return Told(said=said, outcome=outcome, detail=detail)


def _quoted(word: str) -> str:
    """A word for virsh's own command line: in single quotes nothing has a meaning but the quote."""
    return "'" + word.replace("'", "'\\''") + "'"


def _said(output: bytes, end_ns: int) -> tuple[Said, ...]:
    """Cut the output at the times that virsh printed, and reckon back from the end when each command began."""
    pieces = _TIME.split(output)
    texts, times = pieces[:-1:2], [int(float(found) * 1e6) for found in pieces[1::2]]
    begun = [end_ns - sum(times[number:]) for number in range(len(times))]
    return tuple(
        Said(text=text.strip(b"\n"), mono_ns=begin, took_ns=took)
        for text, begin, took in zip(texts, begun, times, strict=True)
    )


async def ask_virsh(host: Host, guest: Guest, questions: Sequence[bytes]) -> tuple[bytes, Outcome, str]:
    """Ask as ``Host.converse`` does, and answer in the same form. An answer that is no QMP ends it."""
    domain = domain_of(guest)
    told = await tell(host, guest, [("qemu-monitor-command", domain, asked.decode()) for asked in questions])
    lines = bytearray()
    for asked, said in zip(questions, told.said, strict=False):
        answer = _answer(said.text)
        if not answer:
            break
        times = {"mono_ns": said.mono_ns, "took_ns": said.took_ns}
        lines += json.dumps({**json.loads(asked), **answer, **times}).encode() + b"\n"
    if told.outcome is Outcome.OK and not lines and questions:
        return b"", Outcome.BROKE, "virsh's answer is no QMP"
    return bytes(lines), told.outcome, told.detail


def _why_not(done: Finished, timeout_s: float) -> tuple[Outcome, str]:
    if done.outcome is Outcome.TIMED_OUT:
        return Outcome.TIMED_OUT, f"virsh got no answer within {timeout_s:g} s: libvirtd or QEMU's monitor hangs"
    if done.outcome is not Outcome.OK:
        return done.outcome, done.detail
    why = _complaint(done) or f"virsh ended with status {done.status}"
    if "state change lock" in why:  # another job holds the domain, or its monitor never answered that job
        return Outcome.TIMED_OUT, why
    return (Outcome.DENIED if any(word in why.lower() for word in _REFUSALS) else Outcome.ABSENT), why


def _complaint(done: Finished) -> str:
    """The last thing that virsh complained about; where several commands ran it need not be the last one's."""
    said = done.stderr.decode("utf-8", "backslashreplace").strip().splitlines()
    return said[-1].removeprefix("error: ") if said else ""


def _answer(text: bytes) -> dict[str, object]:
    """``return`` or ``error`` of an answer, without the ``id`` that libvirt adds; empty where there was no answer."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return {key: found[key] for key in ("return", "error") if key in found} if isinstance(found, dict) else {}
