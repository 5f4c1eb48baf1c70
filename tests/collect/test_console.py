"""The guest's console is found wherever QEMU or libvirt writes it to a file, and only its end is read."""

import asyncio
import os
from pathlib import Path

import msgspec
import pytest

from crazytrain.collect.console import TAIL_BYTES, collect_console
from crazytrain.collect.look import Look
from crazytrain.host.fake import FakeHost
from crazytrain.host.live import LiveHost
from crazytrain.model.evidence import Cost, Evidence, Kind, Outcome
from crazytrain.model.guest import Accelerator, Guest, Manager
from tests.collect.making import HOST_FILES, a_guest, look_at, process
from tests.tiny import boot, until

LOG = b"[    1.0] Kernel panic - not syncing: x\r\n"
FILES = {**HOST_FILES, **process(700, "qemu", ["q"])}
DOMAIN = b"""<domstatus state='running'><domain type='kvm'><devices>
<serial type='pty'><source path='/dev/pts/3'/><log file='/var/log/libvirt/qemu/a&amp;b.log' append='on'/></serial>
<serial type='file'><source path="/var/log/second.log" append='on'/></serial>
<console type='pty' tty='/dev/pts/3'><source path='/dev/pts/3'/><log file='/var/log/libvirt/qemu/a&amp;b.log'/></console>
<disk type='file'><source file='/secret'/></disk>
</devices></domain></domstatus>"""


def guest(*argv: str, manager: Manager = Manager.PLAIN, name: str = "web01") -> Guest:
    return msgspec.structs.replace(a_guest(700), name=name, command_line=("qemu", *argv), manager=manager)


def collected(asked: Guest, host: FakeHost) -> list[Evidence]:
    look, kept = look_at(host, asked)
    asyncio.run(collect_console(look))
    assert all(e.mono_ns >= look.end_ns for e in kept)
    return kept


def test_a_file() -> None:
    (only,) = collected(guest("-serial", "file:/c.log"), FakeHost({**FILES, "/c.log": LOG}))
    assert (only.id, only.kind, only.source, only.outcome, only.data) == (
        "console.0",
        Kind.CONSOLE,
        "/c.log",
        Outcome.OK,
        LOG,
    )
    assert only.cost is Cost.READS


def test_several_consoles_are_several_evidences_and_one_file_is_read_once() -> None:
    argv = ("-serial", "file:/a", "-chardev", "pty,id=p,logfile=/b", "-serial", "chardev:p", "-serial", "file:/a")
    kept = collected(guest(*argv), FakeHost({**FILES, "/a": b"a", "/b": b"b"}))
    assert [(e.id, e.source, e.data) for e in kept] == [("console.0", "/a", b"a"), ("console.1", "/b", b"b")]


def test_only_the_end_is_read_and_it_says_so() -> None:
    whole = b"x" * 100 + LOG * (TAIL_BYTES // len(LOG) + 1)
    (only,) = collected(guest("-serial", "file:/c"), FakeHost({**FILES, "/c": whole}))
    assert (only.outcome, only.data) == (Outcome.TRUNCATED, whole[-TAIL_BYTES:])
    assert only.detail == f"the last 262,144 of {len(whole):,} bytes; lines are counted from there"


def test_output_that_went_to_a_file() -> None:
    links = {"/proc/700/fd/1": "/home/me/boot.log"}
    host = FakeHost({**FILES, "/proc/700/fd/1": LOG}, links=links)
    (only,) = collected(guest("-serial", "mon:stdio"), host)
    assert (only.source, only.data) == ("/proc/700/fd/1", LOG)
    for target in ("/dev/pts/3", "pipe:[77]", "/dev/null"):
        host = FakeHost({**FILES, "/proc/700/fd/1": LOG}, links={"/proc/700/fd/1": target})
        (only,) = collected(guest("-serial", "stdio"), host)
        assert (only.outcome, only.detail) == (Outcome.ABSENT, "no serial console goes to a file; there is: stdio")


def test_what_libvirts_daemon_writes() -> None:
    argv = ("-chardev", "pty,id=s,logfile=/dev/fdset/2", "-serial", "chardev:s")
    files = {
        **FILES,
        "/run/libvirt/qemu/web01.xml": DOMAIN,
        "/var/log/libvirt/qemu/a&b.log": LOG,
        "/var/log/second.log": b"two",
    }
    kept = collected(guest(*argv, manager=Manager.LIBVIRT), FakeHost(files))
    assert [(e.source, e.data) for e in kept] == [
        ("/var/log/libvirt/qemu/a&b.log", LOG),
        ("/var/log/second.log", b"two"),
    ]
    (only,) = collected(guest(*argv, manager=Manager.LIBVIRT, name="../../etc/web01"), FakeHost(files))
    assert only.outcome is Outcome.ABSENT
    (only,) = collected(guest(*argv, manager=Manager.PLAIN), FakeHost(files))
    assert only.outcome is Outcome.ABSENT


@pytest.mark.parametrize(
    ("argv", "why"),
    [
        ((), "the guest has no serial console"),
        (("-serial", "pty", "-serial", "chardev:x"), "no serial console goes to a file; there is: pty, x"),
    ],
)
def test_no_console_in_a_file(argv: tuple[str, ...], why: str) -> None:
    (only,) = collected(guest(*argv), FakeHost(FILES))
    assert (only.id, only.outcome, only.detail, only.data) == ("console.0", Outcome.ABSENT, why, b"")


@pytest.mark.parametrize(
    ("content", "outcome", "detail"),
    [
        (PermissionError(13, "Permission denied"), Outcome.DENIED, "Permission denied"),
        (FileNotFoundError(2, "No such file"), Outcome.ABSENT, "No such file"),
        (TimeoutError("the file server hangs"), Outcome.TIMED_OUT, "the file server hangs"),
        (b"", Outcome.OK, "the guest has written nothing"),
    ],
)
def test_files_that_cannot_be_read(content: bytes | OSError, outcome: Outcome, detail: str) -> None:
    (only,) = collected(guest("-serial", "file:/c"), FakeHost({**FILES, "/c": content}))
    assert (only.outcome, only.detail, only.data) == (outcome, detail, b"")


def test_another_process_by_the_same_pid() -> None:
    host = FakeHost({**HOST_FILES, **process(700, "vim", ["vim"], start=501), "/c": LOG})
    (only,) = collected(guest("-serial", "file:/c"), host)
    assert (only.outcome, only.data) == (Outcome.ABSENT, b"")


def live(asked: Guest) -> list[Evidence]:
    host, kept = LiveHost(), list[Evidence]()
    begin = host.mono_ns()
    asyncio.run(collect_console(Look(host=host, guest=asked, start_ns=begin, end_ns=begin, keep=kept.append)))
    return kept


SPEAKS = "cli\nmov dx, 0x3f8\nmov al, 'h'\nout dx, al\nmov al, 10\nout dx, al\nagain: hlt\njmp again\n"


@pytest.mark.real
def test_a_real_guest_that_speaks(tmp_path: Path) -> None:
    """One console by a path relative to QEMU's folder, one log beside a pty."""
    argv = ("-serial", "file:own.log", "-chardev", f"pty,id=p,logfile={tmp_path}/pty.log", "-serial", "chardev:p")
    with boot(SPEAKS, Accelerator.TCG, *argv) as tiny:
        until(lambda: live(tiny.guest)[0].data.endswith(b"h\n"), "the guest speaks")
        kept = live(tiny.guest)
    assert [(e.source, e.outcome) for e in kept] == [("own.log", Outcome.OK), (f"{tmp_path}/pty.log", Outcome.OK)]


@pytest.mark.real
def test_what_is_no_regular_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with boot(SPEAKS, Accelerator.TCG, "-serial", "null") as tiny:
        asked = msgspec.structs.replace(tiny.guest, command_line=("q", "-serial", f"file:{tmp_path}/fifo"))
        (only,) = live(asked)
    assert (only.outcome, only.detail) == (Outcome.ABSENT, "no regular file")
