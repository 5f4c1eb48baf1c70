"""A case to write: a guest, a sibling, evidence of every sort, long and short, with and without data."""

import random
from pathlib import Path

from crazytrain.model.case import Window
from crazytrain.model.evidence import Cost, Evidence, Kind, Outcome
from crazytrain.model.guest import Accelerator, Guest, Manager, ProcessId
from crazytrain.store import Writer, open_case

WINDOW = Window(wall_ns=1_795_417_463_841_070_361, start_ns=5_000_000_000, end_ns=10_000_000_000)
LATER = Window(wall_ns=WINDOW.wall_ns, start_ns=WINDOW.start_ns, end_ns=WINDOW.end_ns + 77)
REPORT_JSON = b'{"schema_version":1,"verdict":{"headline":"the RTC fires 1,024 times a second"}}'
REPORT_TEXT = "the RTC fires 1,024 times a second\n"
CHOICE = "db02: same machine type, runs beside"


def guest(name: str = "web01", pid: int = 4711) -> Guest:
    return Guest(
        process=ProcessId(pid=pid, start_ticks=123456, boot_id="7c9f8a52-1c1e-4f39-9d2b-3c0b1a2d4e5f"),
        name=name,
        uuid="4dea22b3-1d52-d8f3-2516-782e98ab3fa0",
        manager=Manager.LIBVIRT,
        accelerator=Accelerator.KVM,
        vcpus=4,
        memory_bytes=4 << 30,
        machine="pc-q35-8.2",
        command_line=("qemu-system-x86_64", "-name", f"guest={name}", "-m", "4096"),
    )


def evidence(number: int, size_bytes: int, kind: Kind = Kind.TASKS) -> Evidence:
    """Lines of hexadecimal digits, the same for the same number."""
    lines = random.Random(number).randbytes(size_bytes // 2).hex()
    return Evidence(
        id=f"{kind.value}.{number}",
        kind=kind,
        source="/proc/4711/task",
        data="\n".join(lines[at : at + 63] for at in range(0, len(lines), 63)).encode(),
        mono_ns=5_000_000_000 + number,
        wall_ns=WINDOW.wall_ns + number,
        took_ns=1_000 + number,
        cost=Cost.READS,
        cpu_ns=number or None,
    )


def several() -> tuple[Evidence, ...]:
    """Short, long (compressed), with another outcome, and with bytes of every value."""
    denied = Evidence(id="bpf.0", kind=Kind.BPF, source="bpftrace", outcome=Outcome.DENIED, detail="CAP_BPF is missing")
    every_byte = Evidence(id="console.0", kind=Kind.CONSOLE, source="/dev/pts/3", data=bytes(range(256)) * 3)
    return (evidence(0, 300), denied, evidence(1, 200_000, Kind.QMP), every_byte, evidence(2, 5_000))


def beside() -> tuple[Evidence, ...]:
    return (evidence(7, 400), evidence(8, 90_000))


def written(root: Path, name: str = "web01") -> Writer:
    """A whole case on disk, with a baseline."""
    writer = unfinished(root, name)
    assert writer.finish(REPORT_JSON, REPORT_TEXT), writer.problems
    return writer


def unfinished(root: Path, name: str = "web01") -> Writer:
    writer = open_case(root, guest(name), WINDOW, "a note")
    sibling = writer.baseline(guest("db02", 4712), CHOICE)
    for one in several():
        writer.keep(one)
    for one in beside():
        sibling.keep(one)
    writer.ended(LATER)
    return writer


def files_below(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())
