"""QEMU_LOG: what QEMU (and libvirt beside it) wrote about this guest: failures of KVM, devices, migration."""

import re
from collections import deque
from collections.abc import Iterable, Iterator

import msgspec

from crazytrain.decode.qemu_log_within import within
from crazytrain.decode.registers import decode_registers
from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.logs import QemuLine, QemuLog
from crazytrain.model.facts.logs import QemuMeaning as M
from crazytrain.model.facts.vcpu import VcpuSample, VcpuSamples

_MOST_LINES = 20_000
_MOST_KEPT = 200
_LONGEST = 400
_DUMP_LINES = 40
_STAMP = re.compile(
    r"^(?P<at>\d{4}-\d\d-\d\d[ T][\d:.]{8,15}(?:[+-]\d\d:?\d\d|Z)?)(?:: \d{1,10}: \w{4,8} :)?:? ?|^\d{1,10}@\d{1,12}\.\d{1,9}:"
)
_PROGRAM = re.compile(r"^(?:\S{0,200}/)?(?:qemu-system-\w+|qemu-kvm|kvm|qemu)(?:: )(?:-\w[\w-]{0,30} \S{0,300}: )?")
# Sources: QEMU's accel/kvm/kvm-all.c, target/i386/kvm/kvm.c, target/i386/cpu.c, hw/vfio, block/block-backend.c, migration/,
# softmmu/runstate.c; libvirt's src/qemu/qemu_process.c and qemu_domain.c.
_ROWS: tuple[tuple[M, tuple[str, ...]], ...] = (
    # QEMU's trace event of each return from KVM_RUN: KVM_EXIT_FAIL_ENTRY, _INTERNAL_ERROR, _SHUTDOWN (linux/kvm.h).
    (
        M.ENTRY_FAILED,
        (
            # qemu-kvm, before QEMU took it up, wrote the number alone: the highest bit of Intel's exit reasons is a failed entry
            (
                r"(?:KVM: entry failed, hardware error (?=0x)|(?:KVM: unknown exit, hardware reason|unhandled exit) (?=(?:0x)?8000))"
                r"(?P<entry>[0-9a-fA-Fx]{1,18})"
            ),
            r"kvm_run_exit cpu_index \d{1,5}, reason 9\b",
        ),
    ),
    (
        M.INTERNAL_ERROR,
        (
            r"(?:KVM|VM) internal error\. Suberror: (?P<suberror>\d{1,6})",
            r"kvm_run_exit cpu_index \d{1,5}, reason 17\b",
        ),
    ),
    (M.BAD_ADDRESS, (r"error: kvm run failed Bad address", r"kvm_run: Bad address", r"kvm_run returned -14\b")),
    (M.RUN_FAILED, (r"error: kvm run failed .{1,80}",)),
    (
        M.UNKNOWN_EXIT,
        (
            r"(?:KVM: unknown exit, hardware reason|unhandled exit) (?P<reason>[0-9a-fA-Fx]{1,18})",
            r"KVM: exception \d{1,3} exit \(error code ",
        ),
    ),
    (
        M.CPU_STATE,
        (
            r"error: failed to (?:set|get) MSR",
            r"(?:warning: |error: )?(?:failed to|Failed to) (?:put|get|set) .{0,60}(?:xsave|XSAVE|xcrs|sregs|registers|CPU state)",
            r".{0,200}kvm_(?:put|get|buf_set|buf_get)_(?:msrs|xsave|sregs|xcrs).{0,80}(?:failed|Assertion)",
        ),
    ),
    (
        M.CPU_FEATURE,
        (
            r"(?:warning: )?(?:host|TCG) doesn't support requested feature",
            r".{0,80}guest CPU doesn't match specification",
            r".{0,80}(?:Host|host) doesn't support requested features",
        ),
    ),
    (M.TSC_FREQUENCY, (r"(?:warning: )?TSC frequency mismatch",)),
    (M.TRIPLE_FAULT, (r"Triple fault", r"kvm_run_exit cpu_index \d{1,5}, reason 8\b")),
    (
        M.MIGRATION,
        (
            r"(?:error: )?load of migration failed",
            r"(?:error: )?error while loading state",
            r"Unknown (?:savevm|ramblock|combination)",
            r".{0,60}Missing section footer",
        ),
    ),
    (M.NO_SPACE, (r".{0,200}No space left on device",)),
    (
        M.NO_MEMORY,
        (r".{0,120}Cannot allocate memory", r".{0,120}unable to map backing store", r".{0,40}os_mem_prealloc"),
    ),
    (
        M.BLOCK_ERROR,
        (r"block I/O error in device", r".{0,120}Failed to get .{0,20}lock", r".{0,120}Input/output error"),
    ),
    (M.VFIO, (r"(?:error: |warning: )?.{0,40}(?:VFIO_|vfio[-_: ]|vfio_)",)),
    (M.INTERRUPT_LOST, (r"KVM: injection failed, MSI lost",)),
    (  # hw/virtio/vhost-user.c, hw/display/vhost-user-gpu.c: what they read or write comes short
        M.PEER_GONE,
        (
            r"(?:[Ee]rror: )?[Ff]ailed to (?:read msg header|write msg)\b",
            r"(?:[Ee]rror: )?vhost\w*\b.{0,80}: (?:Broken pipe|Connection reset by peer|Transport endpoint is not connected)",
        ),
    ),
    (M.DEVICE, (r"virtio: .{1,80}", r"Virtqueue size exceeded", r"Virtio-\w+: .{1,80}", r"qxl-\d+: guest bug")),
    (M.CRASHED, (r"shutting down, reason=crashed", r".{0,80}Assertion .{1,120} failed", r"qemu: fatal: ")),
    (M.SHUT_DOWN, (r"shutting down(?:, reason=\w+)?", r"terminating on signal \d+")),
    (M.STARTED, (r"starting up(?: libvirt version| in)?",)),
    (M.ERROR, (r"[Ee]rror: .{1,200}",)),
    (M.WARNING, (r"[Ww]arning: .{1,200}",)),
)
_MATTERS = re.compile("|".join(f"(?P<{meaning.name}>{'|'.join(words)})" for meaning, words in _ROWS))
_NUMBERS = {"entry": 16, "suberror": 10, "reason": 16}
_DUMP = re.compile(r"[ER]AX=[0-9a-f]{8,16} [ER]BX=")
_CODE = re.compile(r"Code=([0-9a-f?< >]{2,400})")


def decode_qemu_log(evidence: Evidence) -> Iterable[object]:
    """Yield one ``QemuLog`` of what was written since QEMU was last started (libvirt marks that).

    Of a failure of KVM the registers and the code around the instruction are read, too. ::

    KVM: entry failed, hardware error 0x80000021
    EAX=00000000 EBX=00000000 ...
    """
    if evidence.id == "qemu-log.libvirt":
        return
    lines = evidence.data[-(1 << 20) :].decode("utf-8", "replace").split("\n")
    cut = max(0, len(lines) - _MOST_LINES)
    start = next((n for n in range(len(lines) - 1, cut - 1, -1) if _is_start(lines[n])), None)
    first = cut if start is None else start
    matter = deque(_matter(lines, first, evidence), maxlen=_MOST_KEPT)
    dump, code = _dump(lines, first, evidence)
    yield QemuLog(
        lines=len(lines) - first,
        matter=tuple(matter),
        whole=start is not None,
        dump=dump,
        code=code,
        refs=(evidence.ref(),),
    )


def _is_start(line: str) -> bool:
    stamp = _STAMP.match(line)
    return bool(stamp and stamp["at"] and line[stamp.end() :].startswith("starting up"))


def _matter(lines: list[str], first: int, evidence: Evidence) -> Iterator[QemuLine]:
    for number in range(first, len(lines)):
        line = lines[number][: 8 * _LONGEST].rstrip("\r")
        stamp = _STAMP.match(line)
        text = within(line[stamp.end() :] if stamp else line, _MATTERS)
        program = _PROGRAM.match(text)
        said = text[program.end() :] if program else text
        found = _MATTERS.match(said)
        if found and found.lastgroup:
            meaning = M[_row(found)]
            at = stamp["at"] or "" if stamp else ""
            yield QemuLine(
                meaning=meaning, text=text[:_LONGEST], ref=evidence.ref(number + 1), number=_number(found), at=at
            )


def _row(found: re.Match[str]) -> str:
    """The row that matched: the outermost group, for some rows have a group inside."""
    return next(name for name, value in found.groupdict().items() if value is not None and name in M.__members__)


def _number(found: re.Match[str]) -> int | None:
    for name, base in _NUMBERS.items():
        if found[name]:
            try:
                return int(found[name], base)
            except ValueError:
                return None
    return None


def _dump(lines: list[str], first: int, evidence: Evidence) -> tuple[VcpuSample | None, str]:
    """The last registers that QEMU printed, and the code around them."""
    at = next((n for n in range(len(lines) - 1, first - 1, -1) if _DUMP.match(lines[n])), None)
    if at is None:
        return None, ""
    block = "\n".join(line[:_LONGEST] for line in lines[at : at + _DUMP_LINES])
    text = msgspec.structs.replace(evidence, data=block.encode())
    samples = next((fact for fact in decode_registers(text) if isinstance(fact, VcpuSamples)), None)
    code = _CODE.search(block)
    return (samples.samples[0] if samples and samples.samples else None), code[1].strip() if code else ""
