"""QEMU_TEXT: what QEMU prints for people, as pasted: answers of its monitor, register dumps, failures of KVM, its log."""

from collections.abc import Iterable, Iterator, Sequence

import msgspec
from msgspec.structs import replace

from crazytrain.decode.monitor_disks import disk_facts, io_errors
from crazytrain.decode.monitor_state import monitor_facts, state_of
from crazytrain.decode.qemu_log import decode_qemu_log
from crazytrain.decode.qmp import decode_qmp
from crazytrain.decode.qmp_devices import decode_qmp_devices
from crazytrain.decode.qmp_services import decode_qmp_services
from crazytrain.decode.register_dumps import dumps_in, failed_dumps, seen_samples
from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.logs import QemuLog, QemuMeaning
from crazytrain.model.facts.qemu import QemuState

_MOST_LINES = 200_000
_ENDS = (QemuMeaning.SHUT_DOWN, QemuMeaning.CRASHED)


def decode_qemu_text(evidence: Evidence) -> Iterable[object]:
    """Yield what the live looks yield of the same: ``QemuState``, ``QemuLog``, ``VcpuSamples``, ``DiskStates``, ``BlockReading``,
    ``BlockJobs``, ``IrqReading``, ``Chardevs``, ``Network``, ``Migration``, ``Balloon``, ``AddressMap``, ``DeviceTree``, and
    ``FailureDump`` for the registers that QEMU printed when KVM failed.

    All is found by content: the command above an answer is not needed, several answers of one kind are read one by one.
    Sources: QEMU's monitor/hmp-cmds.c, block/monitor/block-hmp-cmds.c, migration/migration-hmp-cmds.c, hw/intc/intc.c,
    net/net.c, target/i386/cpu-dump.c, accel/kvm/kvm-all.c. ::

        (qemu) info status
        VM status: paused (io-error)
    """
    lines = evidence.data.decode("utf-8", "replace").split("\n")[:_MOST_LINES]
    state = replace(state_of(lines, evidence), io_errors=io_errors(lines))
    if any(getattr(state, name) for name in ("status", "version", "vcpu_tids", "io_errors")) or state.kvm is not None:
        yield state
    yield from monitor_facts(lines, evidence)
    yield from disk_facts(lines, evidence)
    yield from _as_asked(lines, evidence)
    dumps = tuple(dumps_in(lines))
    yield from seen_samples(dumps, lines, evidence)
    yield from failed_dumps(dumps, evidence)
    yield from _log(evidence, failed=any(dump.failure for dump in dumps))


def _log(evidence: Evidence, *, failed: bool) -> Iterator[QemuLog]:
    """What a log of QEMU would say. Somebody chose these lines: they are of the run that is asked about, but need not be all of it."""
    for log in decode_qemu_log(evidence):
        if isinstance(log, QemuLog) and log.matter:
            kept = log if failed else replace(log, dump=None, code="")
            yield replace(kept, whole=True, excerpt=not (log.whole and log.matter[-1].meaning in _ENDS))


class _Asked(msgspec.Struct):
    """An answer as the live look keeps it (QMP's ``human-monitor-command``)."""

    text: str
    command: str
    line: int

    def json(self) -> bytes:
        arguments = {"command-line": self.command}
        return msgspec.json.encode(
            {"execute": "human-monitor-command", "arguments": arguments, "return": self.text, "mono_ns": 0}
        )


def _as_asked(lines: Sequence[str], evidence: Evidence) -> Iterator[object]:
    """Answers that the decoders of live answers read, each put at the line at which it begins."""
    rows = [b""] * len(lines)
    for asked in _asked(lines):
        rows[asked.line] = asked.json()
    if not any(rows):
        return
    live = replace(evidence, data=b"\n".join(rows))
    for decode in (decode_qmp, decode_qmp_services, decode_qmp_devices):
        yield from (fact for fact in decode(live) if not isinstance(fact, QemuState))


def _asked(lines: Sequence[str]) -> Iterator[_Asked]:
    views = True  # the first map counts: each is the whole one
    for number, line in enumerate(lines):
        bare = line.lstrip()
        if bare.startswith("IRQ statistics") and not _goes_on(lines, number, "IRQ statistics"):
            yield _Asked("\n".join(_until(lines, number, ("(qemu)",))), "info irq", number)
        elif views and bare.startswith("FlatView #"):
            views = False
            yield _Asked("\n".join(_indented(_until(lines, number, ("(qemu)",)))), "info mtree -f", number)
    yield from _first(lines, ("dev: ", "bus: "), "info qtree")
    yield from _first(lines, ("index=",), "info network", inside=True)


def _goes_on(lines: Sequence[str], number: int, head: str) -> bool:
    """Whether this heading belongs to the answer above it: another controller, not the first one once more."""
    above = number - 1
    seen = [lines[number].strip()]
    while above >= 0 and not lines[above].lstrip().startswith("(qemu)"):
        bare = lines[above].strip()
        if bare.startswith(head):
            return bare not in seen
        if not bare or not (bare[0].isdigit()):
            return False
        above -= 1
    return False


def _until(lines: Sequence[str], first: int, ends: tuple[str, ...]) -> Iterator[str]:
    """The lines of an answer: up to the next prompt, or where the same heading stands again."""
    head = lines[first].strip()
    yield lines[first]
    for number in range(first + 1, len(lines)):
        if lines[number].lstrip().startswith(ends) or lines[number].strip() == head:
            return
        yield lines[number]


def _indented(lines: Iterable[str]) -> Iterator[str]:
    """Pasted lines have lost what they were indented by: an address map is read by it."""
    for line in lines:
        bare = line.strip()
        if bare.startswith('AS "'):
            yield f" {bare}"
        elif "(prio " in bare and bare[:1] in "0123456789abcdef":
            yield f"  {bare}"
        else:
            yield bare


def _first(lines: Sequence[str], marks: tuple[str, ...], command: str, *, inside: bool = False) -> Iterator[_Asked]:
    """An answer that is read as a whole, from its first line on."""

    def fits(line: str) -> bool:
        return any(mark in line for mark in marks) if inside else line.lstrip().startswith(marks)

    begin = next((number for number, line in enumerate(lines) if fits(line) and not line.startswith("-")), None)
    if begin is not None:
        yield _Asked("\n".join(_until(lines, begin, ("(qemu)",))), command, begin)
