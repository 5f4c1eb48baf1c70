"""What tools of the host print, as recorded from them, and in the forms of other versions and machines."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crazytrain.decode.recognise import split
from crazytrain.decode.registry import Decoder, decoders_of
from crazytrain.derive.pasted import derive_wait_instant
from crazytrain.model.errors import BadInput
from crazytrain.model.evidence import Evidence, Kind
from crazytrain.model.facts import Facts
from crazytrain.model.facts.host import HostParameters
from crazytrain.model.facts.host_tables import ClocksourceText, CpuTable, InterruptTable
from crazytrain.model.facts.profile_table import ProfileTable
from crazytrain.model.facts.stacks import CpuProfile, CpuSamples
from crazytrain.model.facts.syscalls import SyscallUse
from crazytrain.model.facts.threads import ProcessUse, ThreadActivity, ThreadRole
from crazytrain.model.facts.waits import WaitInstant
from tests.decode.host_texts import TEXTS, facts, one, recorded, shares
from tests.decode.pasted import evidence


def test_recorded_calls_by_thread() -> None:
    use = one(recorded("perf-trace-s.txt"), SyscallUse)
    assert isinstance(use, SyscallUse)
    assert (use.window_ns, len(use.calls)) == (None, 7)
    assert [(c.tid, c.call, c.count, c.time_ns) for c in use.calls[:2]] == [
        (26440, "write", 13163, 229222000),
        (26440, "ppoll", 2027, 201652000),
    ]
    assert [(wait.tid, wait.call) for wait in use.waits] == [(26440, "ppoll")]
    asked = one(b"# perf trace -s -p 26440 sleep 2\n" + recorded("perf-trace-s.txt"), SyscallUse)
    assert isinstance(asked, SyscallUse)
    assert asked.window_ns == 2_000_000_000


def test_a_recorded_profile() -> None:
    found = facts(recorded("perf-report.txt"))
    (table,) = [fact for fact in found if isinstance(fact, ProfileTable)]
    (profile,) = [fact for fact in found if isinstance(fact, CpuProfile)]
    first = table.rows[0]
    assert (first.symbol, first.own_ratio, first.where, first.command) == (
        "finish_task_switch.isra.0",
        0.1908,
        "k",
        "qemu-system-x86",
    )
    assert (table.event, table.samples) == ("cpu-clock:pppH", 2000)
    assert table.share("finish_task_switch*") == pytest.approx(0.305)
    assert next((thread.comm, thread.role) for thread in profile.threads) == ("CPU 0/TCG", ThreadRole.VCPU)
    assert all(share.inclusive <= 1 for thread in profile.threads for share in thread.functions)


def test_a_profile_with_call_graph() -> None:
    table = one(recorded("perf-report-g.txt"), ProfileTable)
    assert isinstance(table, ProfileTable)
    assert (table.rows[0].symbol, table.rows[0].with_calls_ratio, table.rows[0].own_ratio) == (
        "entry_SYSCALL_64_after_hwframe",
        0.2703,
        0.0,
    )


def test_perf_top_names_no_command() -> None:
    table = one("   12.34%  [kernel]       [k] vmx_vcpu_run\n    3.21%  qemu-kvm       [.] aio_poll\n", ProfileTable)
    assert isinstance(table, ProfileTable)
    assert [(row.symbol, row.file, row.command) for row in table.rows] == [
        ("vmx_vcpu_run", "[kernel]", ""),
        ("aio_poll", "qemu-kvm", ""),
    ]


def test_recorded_samples_of_perf_script() -> None:
    found = one(recorded("perf-script.txt"), CpuSamples)
    assert isinstance(found, CpuSamples)
    assert found.samples > 5
    assert {stack.comm for stack in found.stacks} == {"CPU 0/TCG", "qemu-system-x86"}


def test_ps_tells_threads() -> None:
    found = one(recorded("ps-eLo.txt"), ThreadActivity)
    assert shares(found) == {"qemu-system-x86": 0.134, "call_rcu": 0.0, "IO mon_iothread": 0.0, "CPU 0/TCG": 0.254}
    assert isinstance(found, ThreadActivity)
    assert [use.role for use in found.threads][::3] == [ThreadRole.MAIN_LOOP, ThreadRole.VCPU]
    assert found.window_ns == 0
    assert facts(recorded("ps-Lp.txt")) == []  # times, no shares: nothing is made of them


ELF = "root     26440     1 {} {}   4 13:58 ?        00:00:0{} /usr/bin/qemu-system-x86_64 -name web01 -m 1G -smp 1\n"


@pytest.mark.parametrize("head", ["", "UID        PID  PPID   LWP  C NLWP STIME TTY          TIME CMD\n"])
def test_ps_elf_tells_threads_and_the_command(head: str) -> None:
    found = facts(head + ELF.format(26440, " 3", 2) + ELF.format(26445, 97, 9))
    (activity,) = [fact for fact in found if isinstance(fact, ThreadActivity)]
    assert [(use.tid, use.role, use.user_ratio) for use in activity.threads] == [
        (26440, ThreadRole.MAIN_LOOP, 0.03),
        (26445, ThreadRole.VCPU, 0.97),
    ]
    assert any(type(fact).__name__ == "QemuConfig" for fact in found)


def test_ps_aux_tells_processes() -> None:
    rows = "USER       PID %CPU %MEM    VSZ   RSS TTY      STAT START   TIME COMMAND\nroot      1  0.2  0.0  47948 16448 ?   Ss   06:23   1:14 init\n"
    found = one(
        rows + "qemu  4711 98,7 3.0 6683072 647416 ? Sl May01 4028:04 /usr/libexec/qemu-kvm -name a -m 1G\n", ProcessUse
    )
    assert isinstance(found, ProcessUse)
    assert (found.pid, found.comm, round(found.cpu_ratio, 3)) == (4711, "qemu-kvm", 0.987)


def test_pidstat_tells_user_system_guest_and_wait() -> None:
    found = one(recorded("pidstat-t.txt"), ThreadActivity)
    assert isinstance(found, ThreadActivity)
    vcpu = found.of(ThreadRole.VCPU)[0]
    assert (vcpu.user_ratio, vcpu.system_ratio, vcpu.guest_ratio, vcpu.delay_ratio) == (0.185, 0.01, 0.0, 0.215)
    assert (found.window_ns, found.samples) == (2_000_000_000, 2)


@pytest.mark.parametrize(
    ("name", "cpus", "idle", "samples"),
    [
        ("mpstat.txt", [-1, 0, 1], 0.0, 1),
        ("sar.txt", [-1, 0, 1], 0.0075, 1),
        ("vmstat.txt", [-1], 0.0, 2),
        ("iostat.txt", [-1], 0.005, 1),
    ],
)
def test_recorded_tables_of_cpus(name: str, cpus: list[int], idle: float, samples: int) -> None:
    table = one(recorded(name), CpuTable)
    assert isinstance(table, CpuTable)
    assert ([row.cpu for row in table.rows], table.tool, table.samples) == (cpus, name.partition(".")[0], samples)
    assert table.whole is not None
    assert table.whole.idle_ratio == idle


def test_interrupts_of_two_snapshots() -> None:
    table = one(recorded("interrupts-2.txt"), InterruptTable)
    assert isinstance(table, InterruptTable)
    assert (table.snapshots, table.cpus, table.guest) == (2, 2, True)
    assert table.rows[0].grown is not None
    assert table.rows[0].grown > 0


@pytest.mark.parametrize(
    ("text", "current", "guest"),
    [
        ("# cat /sys/devices/system/clocksource/clocksource0/current_clocksource\nkvm_clock\n", "kvm-clock", True),
        ("/sys/devices/system/clocksource/clocksource0/current_clocksource:hpet\n", "hpet", None),
        ("tsc\n", "tsc", None),
    ],
)
def test_clocksource(text: str, current: str, guest: bool | None) -> None:
    found = one(text, ClocksourceText)
    assert isinstance(found, ClocksourceText)
    assert (found.current, found.guest) == (current, guest)


PRINTED = """root@pve:~# cat /sys/module/kvm/parameters/halt_poll_ns
200000
root@pve:~# cat /sys/module/kvm_intel/parameters/ept
N
root@pve:~# cat /proc/4711/wchan
futex_wait_queue
/proc/4711/task/4712/wchan:kvm_vcpu_block
kernel.split_lock_mitigate = 1
4713 (CPU 1/KVM) R 1 4711 4711 0 -1 4194624 1 0 0 0 1000 20 0 0 20 0 6 0 100 0 0 18446744073709551615 0 0 0 0 0 0 0 0 0 0 0 0 17 1 0 0 0 0 0
"""


def test_files_that_were_printed() -> None:
    found = facts(PRINTED)
    (settings,) = [fact for fact in found if isinstance(fact, HostParameters)]
    (instant,) = [fact for fact in found if isinstance(fact, WaitInstant)]
    assert (settings.parameter("halt_poll_ns"), settings.is_on("ept"), settings.split_lock_mitigate) == (
        "200000",
        False,
        True,
    )
    assert {wait.tid: (wait.state, wait.wchan) for wait in instant.threads} == {
        4711: ("", "futex_wait_queue"),
        4712: ("", "kvm_vcpu_block"),
        4713: ("R", ""),
    }
    assert instant.partial


def test_pieces_about_threads_are_one_instant() -> None:
    stack = "# cat /proc/4711/stack\n[<0>] futex_wait_queue+0x60/0x90\n[<0>] __x64_sys_futex+0x7c/0x1e0\n"
    found = Facts([*facts(PRINTED), *facts(stack)])
    merged = derive_wait_instant(found)
    assert merged is not None
    assert {wait.tid: len(wait.kernel) for wait in merged.threads} == {4711: 2, 4712: 0, 4713: 0}
    assert derive_wait_instant(Facts(facts(PRINTED))) is None


def test_a_screen_of_htop() -> None:
    head = "  PID USER       PRI  NI  VIRT   RES   SHR S  CPU%\u25bdMEM%   TIME+  Command\n".replace("\u25bd", " ")
    rows = " 4711 qemu        20   0 6683M  647M  8336 S  3.0  0.2  0:12.93 /usr/bin/qemu-system-x86_64\n 4715 qemu        20   0 6683M  647M  8336 R 97.0  0.2  9:28.05 CPU 0/KVM\n"
    found = one(head + rows, ThreadActivity)
    assert shares(found) == {"/usr/bin/qemu-system-x86_64": 0.03, "CPU 0/KVM": 0.97}


def read(decode: Decoder, part: Evidence) -> list[object]:
    """The facts, none where a decoder refuses clearly."""
    try:
        return list(decode(part))
    except BadInput as error:
        return [str(error)]


SAMPLES = sorted(path.name for path in TEXTS.iterdir())
WORDS = st.sampled_from(
    [
        "kvm_exit",
        "reason",
        "HLT",
        "1e9",
        "99.99%",
        "[k]",
        "0x70:POUT",
        "us",
        "-1",
        "9" * 40,
        "CPU",
        "PID",
        "\t",
        "%",
        "",
        "é",
    ]
)


@given(st.sampled_from(SAMPLES), st.lists(st.tuples(st.integers(0, 4000), WORDS), max_size=12))
def test_any_damage_gives_facts_or_a_clear_error(name: str, damage: list[tuple[int, str]]) -> None:
    text = recorded(name)[:6000]
    for at, word in damage:
        text = text[:at] + word.encode() + text[at + len(word) :]
    for part in split("x", text):
        for decode in decoders_of(part):
            assert all(fact is not None for fact in read(decode, part))


@given(st.sampled_from([Kind.PERF_KVM, Kind.KVM_STAT, Kind.KVM_TRACE, Kind.PS, Kind.SYSSTAT, Kind.PERF_REPORT, Kind.INTERRUPTS, Kind.CLOCKSOURCE,
                        Kind.PERF_COUNTS, Kind.TRACE_SUMMARY, Kind.LOG_TEXT, Kind.PRINTED_FILES]), st.binary(max_size=300))  # fmt: skip
def test_any_bytes(kind: Kind, data: bytes) -> None:
    for decode in decoders_of(evidence(kind, data)):
        assert all(fact is not None for fact in read(decode, evidence(kind, data)))


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    "piece", ["[ 1.", "0 ", "kvm_a ", "A" * 50 + " ", "1 [k] ", "1-", "+0x1/0x2 ", "? ", "Average: ", "all 1 "]
)
def test_hostile_lines_take_no_time(piece: str) -> None:
    text = (piece * (200_000 // len(piece)) + "\n").encode()
    for part in split("x", text + text[: 1 << 16]):
        for decode in decoders_of(part):
            assert len(read(decode, part)) < 10_000
