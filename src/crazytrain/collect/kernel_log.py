"""The end of the host's kernel log, and the clocks by which its stamps are told.

By dmesg, and where that may not read (kernel.dmesg_restrict) by the journal, which members of adm or systemd-journal may read.
"""

from crazytrain.collect.look import Collector, Look
from crazytrain.collect.parts import bundle
from crazytrain.host.door import Finished, Host
from crazytrain.model.bundle import Part
from crazytrain.model.evidence import Cost, Evidence, Kind, Outcome

TAIL_BYTES = 256 << 10
_WHOLE_BYTES = 8 << 20  # the log of a large host: what is over TAIL_BYTES is dropped from its beginning
_TIMEOUT_S = 1.5
_DMESG = ("dmesg", "--decode")  # who wrote a line: the kernel, or a program through /dev/kmsg
_PLAIN = ("dmesg",)  # BusyBox
_JOURNAL = ("journalctl", "--dmesg", "--boot", "--output=short-monotonic", "--no-pager", "--quiet", "--lines=1500")


async def collect_kernel_log(look: Look) -> None:
    """Keep ``kernel-log.0`` at the window's end: what the host's kernel said within the window is in it."""
    if look.light:
        return
    await look.host.sleep_until(look.end_ns)
    look.keep(await _log(look))


def _clocks(host: Host) -> bytes:
    """Two clocks at one moment: the stamps follow no correction by NTP, as ``CLOCK_MONOTONIC_RAW`` does not."""
    mono_ns, raw_ns = host.mono_ns(), host.mono_raw_ns()
    return f"CLOCK_MONOTONIC: {mono_ns}\nCLOCK_MONOTONIC_RAW: {raw_ns}\n".encode()


async def _log(look: Look) -> Evidence:
    said = await look.host.run(_DMESG, timeout_s=_TIMEOUT_S, limit_bytes=_WHOLE_BYTES)
    if b"nrecognized option" in said.stderr:
        said = await look.host.run(_PLAIN, timeout_s=_TIMEOUT_S, limit_bytes=_WHOLE_BYTES)
    tool = "dmesg"
    if not _worked(said):
        journal = await look.host.run(_JOURNAL, timeout_s=_TIMEOUT_S, limit_bytes=_WHOLE_BYTES)
        if _worked(journal) and journal.stdout:
            said, tool = journal, "journalctl --dmesg"
    parts = (Part("clocks", _clocks(look.host)), Part(tool, _tail(said.stdout)))
    seen = await bundle(look.host, ("kernel-log.0", Kind.KERNEL_LOG, tool), lambda: parts, _TIMEOUT_S)
    return seen if _worked(said) else _failed(seen, said)


def _worked(said: Finished) -> bool:
    return said.outcome in (Outcome.OK, Outcome.TRUNCATED) and said.status in (0, None)


def _tail(data: bytes) -> bytes:
    """Whole lines of the end."""
    return data if len(data) <= TAIL_BYTES else data[-TAIL_BYTES:].partition(b"\n")[2]


def _failed(seen: Evidence, said: Finished) -> Evidence:
    words = said.stderr.decode("utf-8", "replace").strip()[:200] or said.detail or f"exit status {said.status}"
    denied = "not permitted" in words or "ermission denied" in words
    outcome = Outcome.DENIED if denied else said.outcome if said.outcome is not Outcome.OK else Outcome.ABSENT
    detail = f"{words} (root, CAP_SYSLOG or group adm may read it)" if denied else words
    return Evidence(
        id=seen.id,
        kind=seen.kind,
        source=seen.source,
        outcome=outcome,
        detail=detail,
        mono_ns=seen.mono_ns,
        wall_ns=seen.wall_ns,
        took_ns=said.took_ns,
    )


COLLECTOR = Collector(
    name="kernel-log",
    cost=Cost.READS,
    timeout_s=3 * _TIMEOUT_S + 2,
    limit_bytes=TAIL_BYTES + 8192,
    run=collect_kernel_log,
    cpu_ns=15_000_000,
)
