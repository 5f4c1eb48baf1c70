"""A guest that hangs in early boot, as told and by the end of its log."""

from pathlib import Path

from crazytrain.cli.reading import read_all
from tests.decode.test_early_end import BEGUN


def family(tmp_path: Path, *texts: str) -> str:
    paths = [tmp_path / f"paste-{number}.txt" for number, _ in enumerate(texts)]
    for path, text in zip(paths, texts, strict=True):
        path.write_text(text, encoding="utf-8")
    return read_all(paths)[0].verdict.family


def test_a_guest_that_stops_in_early_boot_is_stuck(tmp_path: Path) -> None:
    assert (
        family(tmp_path, "Now and then the virtual machine hangs. The last lines are these.\n", BEGUN) == "guest-stuck"
    )


def test_the_same_lines_of_a_guest_of_which_nothing_is_told_say_nothing(tmp_path: Path) -> None:
    assert family(tmp_path, BEGUN) == "unknown"


def test_a_crash_dump_of_qemus_iothread_is_the_hosts(tmp_path: Path) -> None:
    dump = """PID: 4242  TASK: ffff9a0000001000  CPU: 3   COMMAND: "IO data0"
 #0 [ffffb00000001c00] __schedule at ffffffff9a0a1111
 #1 [ffffb00000001c80] schedule at ffffffff9a0a1222
 #2 [ffffb00000001ca0] rpc_wait_bit_killable at ffffffffc0a01333 [sunrpc]
 #3 [ffffb00000001cc0] nfs_file_direct_write at ffffffffc0b01444 [nfs]
"""
    assert family(tmp_path, "The guest hangs at its shutdown.\n", dump) == "qemu-blocked"


def test_who_waits_for_random_numbers_is_within_the_guest(tmp_path: Path) -> None:
    stack = """# cat /proc/311/stack
[<0>] wait_for_random_bytes+0x5a/0x70
[<0>] urandom_read_iter+0x21/0x40
[<0>] vfs_read+0x1f9/0x300
"""
    assert family(tmp_path, "The sshd of the guest hangs at its start.\n", stack) == "guest-stuck"
