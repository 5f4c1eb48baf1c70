"""QEMU's words where they are quoted, traced or written by an old program; gdb's and libvirt's where they are shortened."""

import re

import pytest

from crazytrain.decode.backtrace import decode_backtrace
from crazytrain.decode.libvirt_text import decode_libvirt_text
from crazytrain.decode.log_side import side
from crazytrain.decode.qemu_log import decode_qemu_log
from crazytrain.decode.qemu_log_within import within
from crazytrain.decode.recognise import split
from crazytrain.decode.told import decode_told
from crazytrain.model.evidence import Kind
from crazytrain.model.facts.logs import QemuLog, QemuMeaning
from crazytrain.model.facts.qemu import QemuState
from crazytrain.model.facts.stacks import UserStacks
from crazytrain.model.facts.told import Stance, Told, Topic
from tests.decode.pasted import evidence

MATTERS = re.compile("KVM: entry failed|error: failed to set MSR")
QUOTED = r"""engine: {"err":"machine ended: exit status 1: qemu-kvm: warning: some feature\\nqemu-kvm: error: failed to set MSR 0x122 to 0x3"}"""
LISTED = """\
 Id   Name    State
------------------------
 4    db1     paused
 -    spare   shut off
"""
STACK = """\
(gdb) thread 3
[Switching to thread 3 (Thread 0x7f0000001000 (LWP 4711))]
#0  0x00007f0000000aaa in __poll () from /lib/libc.so.6
(gdb) bt
#0  0x00007f0000000aaa in __poll () from /lib/libc.so.6
#1  0x0000560000000bbb in os_host_main_loop_wait
(timeout=-1) at main-loop.c:220
"""


def log(text: str) -> QemuLog:
    return next(one for one in decode_qemu_log(evidence(Kind.QEMU_TEXT, text)) if isinstance(one, QemuLog))


def told(text: str, topic: Topic) -> list[Stance]:
    return [one.stance for one in decode_told(evidence(Kind.TOLD, text)) if one.topic is topic]


def test_quoted_words_are_cut_out_and_of_many_the_telling_ones() -> None:
    assert within(QUOTED, MATTERS).startswith("qemu-kvm: error: failed to set MSR 0x122")
    assert within("nothing of QEMU's here", MATTERS) == "nothing of QEMU's here"


def test_a_quoted_failure_is_recognised_and_read() -> None:
    kinds = {part.kind for part in split("paste.txt", QUOTED.encode())}
    assert Kind.QEMU_TEXT in kinds
    assert log(QUOTED).of(QemuMeaning.CPU_STATE)


@pytest.mark.parametrize(
    ("line", "meaning", "number"),
    [
        ("KVM: entry failed, hardware error 0x80000021", QemuMeaning.ENTRY_FAILED, 0x80000021),
        ("kvm: unhandled exit 80000021", QemuMeaning.ENTRY_FAILED, 0x80000021),
        ("kvm: unhandled exit 3f", QemuMeaning.UNKNOWN_EXIT, 0x3F),
        ("77@1650000000.123456:kvm_run_exit cpu_index 2, reason 8", QemuMeaning.TRIPLE_FAULT, None),
        ("77@1650000000.123456:kvm_run_exit cpu_index 2, reason 9", QemuMeaning.ENTRY_FAILED, None),
        ("77@1650000000.123456:kvm_run_exit cpu_index 2, reason 17", QemuMeaning.INTERNAL_ERROR, None),
        ("VM internal error. Suberror: 1", QemuMeaning.INTERNAL_ERROR, 1),
    ],
)
def test_failures_of_kvm_as_traced_and_as_old_programs_write_them(
    line: str, meaning: QemuMeaning, number: int | None
) -> None:
    (found,) = log(line + "\n").matter
    assert (found.meaning, found.number) == (meaning, number)


def test_an_exit_to_qemu_that_is_no_failure_is_none() -> None:
    assert not log("77@1650000000.123456:kvm_run_exit cpu_index 2, reason 2\n").matter


def test_the_frame_that_gdb_shows_twice_is_one_thread() -> None:
    (stacks,) = [x for x in decode_backtrace(evidence(Kind.BACKTRACE, STACK)) if isinstance(x, UserStacks)]
    (thread,) = stacks.stacks
    assert [frame.name for frame in thread.frames] == ["__poll", "os_host_main_loop_wait"]


@pytest.mark.parametrize(
    ("number", "status"), [("Paused(3):IOError(5)", "io-error"), ("Running(1):Unknown(1)", "running")]
)
def test_numbers_of_libvirts_state(number: str, status: str) -> None:
    line = '{"level":"info","msg":"domain status: ' + number + '"}\n'
    found = decode_libvirt_text(evidence(Kind.LIBVIRT_TEXT, line))
    assert [one.status for one in found if isinstance(one, QemuState)] == [status]


def test_a_list_of_paused_guests_is_as_good_as_told() -> None:
    (found,) = decode_libvirt_text(evidence(Kind.LIBVIRT_TEXT, LISTED))
    assert isinstance(found, Told)
    assert found.topic is Topic.GUEST_PAUSED
    assert Kind.LIBVIRT_TEXT in {part.kind for part in split("paste.txt", LISTED.encode())}


def test_of_a_list_where_most_guests_run_nothing_is_said() -> None:
    text = LISTED + " 5    db2     running\n 6    db3     running\n"
    assert not list(decode_libvirt_text(evidence(Kind.LIBVIRT_TEXT, text)))


@pytest.mark.parametrize("task", ["zvol/24", "zvol_tq-1", "drbd_r_disk0", "nfsd", "qemu-kvm"])
def test_tasks_that_serve_guests_are_the_hosts(task: str) -> None:
    assert side([f"INFO: task {task}:77 blocked for more than 120 seconds."]) == (True, True)


def test_what_log_lines_in_json_say_is_read() -> None:
    line = '{"level":"warn","msg":"The guest was paused by virsh and nobody has resumed it yet","pos":"x.go:1"}\n'
    assert Stance.SEEN in told(line, Topic.PAUSED_BY)


def test_a_storage_daemon_that_complains_of_slow_requests() -> None:
    line = "Jul 12 17:00:00 box3 mystore-osd[248]: [OSD 4] Slow op from client 3: write id=1\n"
    assert told(line, Topic.STORAGE_SILENT) == [Stance.SEEN]


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("The pod's CPU limit is reached and it is throttled all the time.", Topic.CPU_QUOTA),
        ("After the host was upgraded to kernel 6.1 the guests freeze; the older kernel is fine.", Topic.HOST_KERNEL),
        ("The machine stays at the TianoCore logo.", Topic.NO_SCREEN),
        ("The screen says booting from hard disk and it hangs.", Topic.FIRMWARE),
        ("It ran in a second level guest.", Topic.NESTED),
        ("We see that virsh dump of this guest does not complete.", Topic.QEMU_HUNG),
        ("The migration is endless, its memory is copied again and again.", Topic.MIGRATION_LASTS),
        ("Some guests have been swapped out although there is memory.", Topic.HOST_MEMORY),
    ],
)
def test_what_people_say(text: str, topic: Topic) -> None:
    assert told(text, topic)


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("The service told us that an internal error occurred with code 400.", Topic.EMULATION),
        ("We set overcommitGuestOverhead to true for this guest.", Topic.OVERCOMMIT),
        ("The guests panic due to a hung task time-out now and then.", Topic.PANIC),
        ("On the hypervisor after the panic nothing was found at all.", Topic.HOST_STUCK),
    ],
)
def test_what_people_do_not_say(text: str, topic: Topic) -> None:
    assert not told(text, topic)


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("The iSCSI session dropped and multipath says that all paths failed.", Topic.STORAGE_SILENT),
        ("The process has the wchan nfs_wait_bit_killable all the time.", Topic.STORAGE_SILENT),
        ("A dying disk made every write take 20 seconds in the end.", Topic.STORAGE_SILENT),
        ("The directory of the images is at 100% full on this host.", Topic.NO_SPACE),
        ("We moved the guest from a Broadwell host to an Ice Lake host.", Topic.CPU_DIFFERS),
        ("It says that the guest CPU doesn't match specification: missing features.", Topic.CPU_DIFFERS),
        ("Their engine ended with KVM_EXIT_FAIL_ENTRY in a guest.", Topic.ENTRY_FAILED),
        ("The guest never gets past the BIOS on this new host.", Topic.NO_SCREEN),
        ("The UEFI shell appears instead of the installed system.", Topic.NO_BOOT),
        ("There are 60 guests on 8 cores and all of them are slow.", Topic.OVERCOMMIT),
        ("The domain has vcpu_quota set far too low for its load.", Topic.CPU_QUOTA),
        ("Longhorn degrades a volume of this guest every night.", Topic.STORAGE_SILENT),
        ("The guest stops and we see an unknown storage error there.", Topic.IO_ERROR),
        ("The export has hit its quota and nobody can write any more.", Topic.NO_SPACE),
        ("It ends at a grub rescue prompt since the disk was moved.", Topic.NO_BOOT),
        ("Since last week the host runs linux 6.8 and guests crash.", Topic.HOST_KERNEL),
        ("The hosts are themselves virtual machines of another provider.", Topic.NESTED),
        ("In the trace kvm_exit says SHUTDOWN at the very end.", Topic.TRIPLE_FAULT),
        ("The guest stays in prelaunch until somebody does something.", Topic.PAUSED_BY),
        ("Somebody froze the cgroup of this guest and forgot it.", Topic.CGROUP_FROZEN),
        ("The host's log is full of ignored rdmsr messages of this guest.", Topic.MSR_LEFT_OUT),
        ("They say that KVM acceleration can NOT be used on it.", Topic.EMULATED),
    ],
)
def test_what_people_say_of_the_host(text: str, topic: Topic) -> None:
    assert told(text, topic)


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("Every time fstrim runs there, the guest freezes for a while.", Topic.TIME_JUMP),
        ("At the time of the freeze all cores of the host are busy.", Topic.TIME_JUMP),
        ("The node that runs it doesn't get disconnected from the others.", Topic.CLIENT_GONE),
        ("The log is full of unhandled rdmsr lines since yesterday.", Topic.MSR_EXITS),
    ],
)
def test_words_that_only_look_alike(text: str, topic: Topic) -> None:
    assert not told(text, topic)
