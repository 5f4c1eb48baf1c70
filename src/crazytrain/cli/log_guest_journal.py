"""A guest's journal by its agent. It is packed in the guest, for there is one answer.

libvirt hands on 4 MiB in one (VIR_NET_MESSAGE_STRING_MAX), and an agent that says more than 10 MiB is not listened to any more until its
guest is started anew (QEMU_AGENT_MAX_RESPONSE). What it says is base64.
"""

import time
import zlib

from crazytrain.cli.log_sources import LogInput
from crazytrain.collect.agent import Agent, AgentFailed, AgentInfo, Ran
from crazytrain.model.evidence import Outcome

LINES = 100_000
_TIMEOUT_S = 60.0
_MOST_BYTES = 16 << 20
_LESS_BYTES = 3_500_000  # of text that hardly packs
_PACKED_BYTES = 2_900_000
_GZIP_FORM = 31  # zlib's word for gzip
_SCRIPT = (
    "command -v journalctl >/dev/null || { echo 'there is no journalctl' >&2; exit 127; }\n"
    "journalctl --no-pager -q -o short-iso -n %d | tail -c %d | gzip -1 | head -c %d"
)

Journal = tuple[tuple[LogInput, ...], tuple[str, ...]]


async def journal(agent: Agent, info: AgentInfo, name: str) -> Journal:
    """The newest of it, at most 16 MiB, with notes on what is missing; none where the guest has no journal.

    Raises:
        AgentFailed: the agent is late.
    """
    if info.lacks("guest-exec", "guest-exec-status"):
        return (), ("its agent does not run commands (guest-exec): no journal, only files",)
    try:
        asked, ran = _MOST_BYTES, await _run(agent, _MOST_BYTES)
        if len(ran.stdout) >= _PACKED_BYTES:
            asked, ran = _LESS_BYTES, await _run(agent, _LESS_BYTES)
    except AgentFailed as failed:
        if failed.outcome is Outcome.TIMED_OUT:
            raise
        return (), (f"no journal: {failed.detail}",)
    text = _unpacked(ran.stdout, asked)
    if ran.status != 0 or not text:
        said = ran.stderr.decode("utf-8", "backslashreplace").strip()[-200:]
        return (), (f"no journal: {said or 'it is empty'}",)
    cut = len(text) >= asked
    if cut:
        text = text[text.find(b"\n") + 1 :]  # it begins within a line
    return (LogInput(name=f"{name}: its journal", until_s=time.time(), data=text),), _notes(text, cut=cut)


async def _run(agent: Agent, most_bytes: int) -> Ran:
    script = _SCRIPT % (LINES, most_bytes, _PACKED_BYTES)
    return await agent.exec(("/bin/sh", "-c", script), timeout_s=_TIMEOUT_S)


def _unpacked(packed: bytes, most_bytes: int) -> bytes:
    """What was packed, no more than was asked for: the guest may send what it likes."""
    try:
        return zlib.decompressobj(_GZIP_FORM).decompress(packed, most_bytes)
    except zlib.error:
        return b""


def _notes(text: bytes, *, cut: bool) -> tuple[str, ...]:
    if cut:
        return (f"the last {len(text) / (1 << 20):.1f} MiB of the guest's journal",)
    return (f"the last {LINES:,} lines of the guest's journal",) if text.count(b"\n") >= LINES else ()
