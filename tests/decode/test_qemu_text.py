"""What QEMU prints for people and machines, as pasted: monitor, register dumps, failures of KVM, QMP."""

import re
import subprocess
from pathlib import Path

import pytest

from crazytrain.decode.recognise import split
from crazytrain.model.case import Case
from crazytrain.model.evidence import Kind
from crazytrain.model.facts import CpuMode, Facts, IrqReading, QemuState
from crazytrain.model.facts.block import BlockJobs, BlockReading, DiskStates
from crazytrain.model.facts.devices import AddressMap, DeviceTree
from crazytrain.model.facts.dumps import FailureDump
from crazytrain.model.facts.logs import QemuLog, QemuMeaning
from crazytrain.model.facts.services import Balloon, Migration, Network, QemuEvent
from crazytrain.model.facts.vcpu import VcpuSamples
from crazytrain.model.guest import Accelerator
from crazytrain.pipeline import conclude, read
from tests import tiny

REGISTERS = """EAX=00000001 EBX=000f7c2c ECX=00000001 EDX=00000001
ESI=00006a26 EDI=3ffbdc48 EBP=000069e6 ESP=000a8000
EIP=000fd057 EFL=00010016 [----AP-] CPL=0 II=0 A20=1 SMM=0 HLT=0
ES =0010 00000000 ffffffff 00c09300
CS =0000 00000000 00000fff 00809b00
SS =0010 00000000 ffffffff 00c09300
TR =0000 00000000 0000ffff 00008b00
GDT=     10387cfe 0000fe6c
IDT=     0010387c 00003810
CR0=00000011 CR2=00000000 CR3=00000000 CR4=00000000
DR0=0000000000000000 DR1=0000000000000000 DR2=0000000000000000 DR3=0000000000000000
EFER=0000000000000000
"""
CODE = "Code=cb 66 ba 4d d0 0f 00 e9 c8 fe bc 00 80 0a 00 e8 31 3a ff ff <0f> aa fa fc 66 ba 66 d0 0f 00 e9 b1 fe f3 90 f0 0f\n"


def facts(text: str) -> Facts:
    found = read(split("paste.txt", text.encode()))
    assert not found.notes
    return found.facts


def kinds(text: str) -> list[Kind]:
    return [one.kind for one in split("paste.txt", text.encode()) if one.kind is not Kind.TEXT]


def verdict(text: str) -> tuple[str, float]:
    report = conclude(Case(id="", guest=None, window=None, evidence=split("paste.txt", text.encode())))
    return report.verdict.cause, report.verdict.confidence


def quoted(text: str) -> str:
    return "".join(f"> {line}\r\n" for line in text.splitlines())


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        ("KVM internal error. Suberror: 1\nemulation failure\n", "emulation-failure"),
        (
            "KVM: entry failed, hardware error 0x80000021\n\nIf you're running a guest on an Intel machine without\nsupport, the failure can be\nstate for Intel VT.\nwhich is not supported\n\n",
            "vmentry-failure",
        ),
        ("error: kvm run failed Bad address\n", "vfio-memory-fault"),
    ],
)
def test_failures_of_kvm_and_their_registers(line: str, cause: str) -> None:
    for text in (line + REGISTERS + CODE, quoted(line + REGISTERS + CODE)):
        found = facts(text)
        assert verdict(text)[0] == cause
        dump = found.get(FailureDump)
        assert dump is not None
        assert (dump.cr0, dump.cr4, dump.efer, dump.invalid) == (0x11, 0, 0, ())
        assert (dump.sample.mode, dump.sample.address) == (CpuMode.PROTECTED, 0xFD057)
        assert "<0f> aa" in dump.code
        assert found.get(VcpuSamples) is None, "a failure's registers are no sample of a guest that runs"


def test_a_state_that_no_processor_runs() -> None:
    """Intel SDM Vol. 3, 27.3.1.1: CR4.PCIDE takes IA-32e mode."""
    strange = REGISTERS.replace("CR4=00000000", "CR4=003726f8")
    cause, confidence = verdict(strange)
    assert (cause, 0.8 < confidence < 0.95) == ("vmentry-failure", True)
    assert verdict(REGISTERS)[0] != "vmentry-failure"  # without paging it is more likely in its firmware
    dump = facts(strange).get(FailureDump)
    assert dump is not None
    assert "PCIDE" in dump.invalid[0]


@pytest.mark.parametrize(
    ("cr0", "cr4", "efer", "fault"),
    [
        ("80000010", "00000000", "0", "without CR0.PE"),
        ("80050033", "000006f0", "500", ""),
        ("80050033", "000006d0", "500", "PAE"),
        ("00000011", "00000000", "400", "LMA"),
    ],
)
def test_control_registers_that_contradict_each_other(cr0: str, cr4: str, efer: str, fault: str) -> None:
    text = REGISTERS.replace("CR0=00000011", f"CR0={cr0}").replace("CR4=00000000", f"CR4={cr4}")
    dump = facts(text.replace("EFER=0000000000000000", f"EFER={efer:>016}")).get(FailureDump)
    assert (dump is None) == (not fault)
    assert dump is None or fault in " ".join(dump.invalid)


def test_registers_of_several_vcpus_several_times() -> None:
    twice = (
        "(qemu) info registers -a\n\nCPU#0\n"
        + REGISTERS
        + "\nCPU#1\n"
        + REGISTERS.replace("HLT=0", "HLT=1")
        + "(qemu) "
    )
    found = facts(twice + "\n" + twice).get(VcpuSamples)
    assert found is not None
    assert [(one.vcpu, one.halted) for one in found.samples] == [(0, False), (1, True)] * 2


def test_old_monitors() -> None:
    """QEMU up to 1.5 and 2.11."""
    text = """(qemu) info status
VM status: paused (io-error)
(qemu) info block
drive-virtio-disk0: removable=0 io-status=nospace file=/data/a.qcow2 ro=0 drv=qcow2 encrypted=0 bps=0 bps_rd=0 iops=0
(qemu) info cpus
* CPU #0: pc=0xffffffff8103c9d5 (halted) thread_id=18125
  CPU #1: pc=0x00000000fffffff0 thread_id=18126
"""
    found = facts(text)
    state = found.get(QemuState)
    assert state is not None
    assert (state.status, state.vcpu_tids, state.io_errors) == (
        "io-error",
        (18125, 18126),
        ("drive-virtio-disk0: nospace",),
    )
    samples = found.get(VcpuSamples)
    assert samples is not None
    assert [(one.vcpu, one.halted, one.mode) for one in samples.samples] == [
        (0, True, CpuMode.LONG),
        (1, False, CpuMode.REAL),
    ]
    assert verdict(text)[0] == "enospc-paused"


def test_answers_that_tell_of_work() -> None:
    text = """(qemu) info migrate
capabilities: xbzrle: off rdma-pin-all: off
Migration status: active
total time: 3049 ms
transferred ram: 1024 kbytes
throughput: 268.55 mbps
remaining ram: 2048 kbytes
total ram: 1065800 kbytes
dirty pages rate: 17 pages
(qemu) info block-jobs
Type mirror, device drive0: Completed 1048576 of 4194304 bytes, speed limit 0 bytes/s
(qemu) info balloon
balloon: actual=512
"""
    found = facts(text)
    migration, jobs, balloon = found.get(Migration), found.get(BlockJobs), found.get(Balloon)
    assert migration is not None
    assert jobs is not None
    assert balloon is not None
    assert (migration.status, migration.remaining_bytes, migration.dirty_pages_per_s) == ("active", 2048 << 10, 17)
    assert [(job.kind, job.done, job.total) for job in jobs.jobs] == [("mirror", 1 << 20, 4 << 20)]
    assert balloon.actual_bytes == 512 << 20


def test_interrupt_counts_twice_are_two_readings_and_no_rate() -> None:
    once = "(qemu) info irq\nIRQ statistics for kvm-i8259:\n 1: 4\n 8: {}\n"
    found = facts(once.format(100) + once.format(9100))
    assert [[count.count for count in reading.counts] for reading in found.all(IrqReading)] == [[4, 100], [4, 9100]]
    assert verdict(once.format(100) + once.format(9100))[0] == "unknown"


def monitor(folder: Path, *commands: str) -> str:
    """A real monitor's answers, as a terminal shows them: without what its line editor draws again and again."""
    image = folder / "disk.img"
    image.write_bytes(bytes(1 << 20))
    argv = (
        tiny.QEMU,
        "-accel",
        "kvm",
        "-m",
        "64",
        "-smp",
        "2",
        "-display",
        "none",
        "-monitor",
        "stdio",
        "-serial",
        "none",
    )
    disk = (
        "-drive",
        f"file={image},format=raw,if=virtio,id=d1",
        "-netdev",
        "user,id=n0",
        "-device",
        "virtio-net-pci,netdev=n0",
    )
    done = subprocess.run(
        (*argv, *disk, "-device", "virtio-balloon-pci"),
        input="\n".join((*commands, "quit", "")),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return re.sub(r"\(qemu\) .*\x1b\[[^\n]*", "(qemu)", done.stdout)


@pytest.mark.real
def test_a_real_monitor(tmp_path: Path) -> None:
    tiny.need(Accelerator.KVM)
    asked = (
        "version",
        "status",
        "kvm",
        "cpus",
        "block",
        "blockstats",
        "block-jobs",
        "irq",
        "pic",
        "network",
        "migrate",
        "balloon",
    )
    text = monitor(
        tmp_path,
        *(f"info {one}" for one in (*asked, "registers -a", "registers -a", "qtree", "mtree -f")),
        "stop",
        "info status",
    )
    assert set(kinds(text)) == {Kind.QEMU_TEXT}
    assert not [one for one in split("x", text.encode()) if one.kind is Kind.TEXT]
    found = facts(text)
    state, samples, disks = found.get(QemuState), found.get(VcpuSamples), found.get(DiskStates)
    assert state is not None
    assert samples is not None
    assert disks is not None
    assert (state.status, state.kvm, len(state.vcpu_tids)) == ("paused", True, 2)
    assert state.version is not None
    assert [one.vcpu for one in samples.samples] == [0, 1, 0, 1]
    assert disks.disks[0].file == str(tmp_path / "disk.img")
    for wanted in (BlockReading, BlockJobs, IrqReading, Network, Balloon, DeviceTree, AddressMap):
        assert found.get(wanted) is not None, wanted.__name__
    tree = found.get(DeviceTree)
    assert tree is not None
    assert tree.of("mc146818rtc")
    assert verdict(text)[0] == "paused"


PRETTY = """$ virsh qemu-monitor-command web --pretty '{"execute":"query-status"}'
{
  "return": {
    "status": "io-error",
    "singlestep": false,
    "running": false
  },
  "id": "libvirt-14"
}

-> {"execute": "query-block"}
<- {"return": [{"io-status": "nospace", "device": "drive0", "locked": false, "removable": false, "inserted": {"file": "/a.img", "drv": "raw"}}]}
{"timestamp": {"seconds": 1795421167, "microseconds": 840112}, "event": "BLOCK_IO_ERROR", "data": {"device": "drive0", "nospace": true, "action": "stop"}}
"""


@pytest.mark.parametrize("changed", [str, quoted, lambda text: text.replace('{"execute": "query-block"}\n', "\n")])
def test_qmp_pretty_and_on_one_line(changed: object) -> None:
    assert callable(changed)
    text = changed(PRETTY)
    assert set(kinds(text)) == {Kind.QMP_TEXT}
    found = facts(text)
    state, event = found.get(QemuState), found.get(QemuEvent)
    assert state is not None
    assert event is not None
    assert (state.status, event.name, event.ref.line) == ("io-error", "BLOCK_IO_ERROR", 13)
    assert verdict(text)[0] == "enospc-paused"


@pytest.mark.parametrize(
    ("events", "status"),
    [
        (("STOP",), "paused"),
        (("STOP", "RESUME"), "running"),
        (("BLOCK_IO_ERROR", "STOP"), "io-error"),
        (("BLOCK_IO_ERROR", "STOP", "RESUME"), "running"),
        (("RTC_CHANGE",), ""),
    ],
)
def test_events_alone_tell_the_state(events: tuple[str, ...], status: str) -> None:
    data = '"data": {"device": "d", "nospace": true, "action": "stop"}'
    stamp = '"timestamp": {"seconds": 1795421167, "microseconds": 1}'
    text = "".join(f'{{{stamp}, "event": "{event}", {data}}}\n' for event in events)
    state = facts(text).get(QemuState)
    assert (state.status if state else "") == status


def test_events_as_virsh_prints_them() -> None:
    text = "$ virsh qemu-monitor-event web --loop --timestamp\n2026-11-23 10:06:27.840+0000: event RESET for domain 'k1': {\"guest\":true}\n"
    event = facts(text).get(QemuEvent)
    assert event is not None
    assert (event.name, event.wall_ns % 60_000_000_000, event.ref.line) == ("RESET", 27_840_000_000, 2)


def test_a_monitor_command_in_qmp() -> None:
    state = facts('{"return": "VM status: paused (internal-error)\\r\\n"}\n').get(QemuState)
    assert state is not None
    assert state.status == "internal-error"


@pytest.mark.parametrize(
    "text", ['{"return": {', '{"return": {}}', '{"return": ["', "{\n" * 50, '{"event": 3}', '{"return": "' + "x" * 9000]
)
def test_torn_qmp_does_no_harm(text: str) -> None:
    assert facts(text + "\n").get(QemuState) is None


def test_libvirts_log_of_a_guest() -> None:
    text = """2026-11-23 10:00:00.000+0000: starting up libvirt version: 9.0.0, package: 4, qemu version: 7.2.22, kernel: 6.1.0, hostname: node
LC_ALL=C \\
/usr/bin/qemu-system-x86_64 \\
-name guest=web,debug-threads=on \\
-accel kvm \\
-m 2048
2026-11-23T10:05:00.000000Z qemu-system-x86_64: warning: TSC frequency mismatch between VM (2294608 kHz) and host (2394454 kHz), and TSC scaling unavailable
KVM internal error. Suberror: 3
extra data[0]: 80000b0e
"""
    found = facts(text + REGISTERS + CODE)
    log = found.get(QemuLog)
    assert log is not None
    assert {QemuMeaning.INTERNAL_ERROR, QemuMeaning.TSC_FREQUENCY} <= {
        line.meaning for one in found.all(QemuLog) for line in one.matter
    }
    assert verdict(text + REGISTERS + CODE)[0] == "emulation-failure"


TOP = """top - 12:00:00 up 1 day,  1:00,  1 user,  load average: 1.00, 1.00, 1.00
Threads:   2 total,   1 running,   1 sleeping,   0 stopped,   0 zombie

    PID USER      PR  NI    VIRT    RES    SHR S %CPU %MEM     TIME+ COMMAND
   4714 qemu      20   0 6683072 647416   8336 R 99.0  0.2   0:28.04 CPU 0/KVM
   4711 qemu      20   0 6683072 647416   8336 S  1.0  0.2  12:12.93 qemu-kvm
"""


def test_one_look_is_no_loop() -> None:
    """A vCPU stands somewhere at every moment, and with interrupts off at some: once seen there it need not stay."""
    assert verdict(f"{TOP}\n(qemu) info registers\n{REGISTERS}")[1] < 0.6
    kernel = REGISTERS.replace("CR0=00000011", "CR0=80050033").replace("CR4=00000000", "CR4=000006f0")
    kernel = kernel.replace("EFER=0000000000000000", "EFER=0000000000000500").replace(
        "EIP=000fd057", "RIP=ffffffff81034567"
    )
    assert verdict(f"{TOP}\n(qemu) info registers\n{kernel.replace('EFL=00010016', 'RFL=00010016')}")[1] < 0.6
