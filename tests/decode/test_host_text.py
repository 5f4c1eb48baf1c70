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
from crazytrain.model.facts.kvm import KvmExits, KvmStatReading, KvmStats
from crazytrain.model.facts.profile_table import ProfileTable
from crazytrain.model.facts.stacks import CpuProfile, CpuSamples
from crazytrain.model.facts.syscalls import SyscallUse
from crazytrain.model.facts.threads import ProcessUse, ThreadActivity, ThreadRole
from crazytrain.model.facts.waits import WaitInstant
from tests.decode.pasted import broken_by_mailer, evidence
from tests.support import ROOT

TEXTS = ROOT / "tests" / "data" / "host_text"
INTEL = """Analyze events for all VMs, all VCPUs:

             VM-EXIT    Samples  Samples%     Time%    Min Time    Max Time         Avg time

      IO_INSTRUCTION       6000    60.00%    10.00%      2.00us     70.00us     10.00us ( +-   0.24% )
                 HLT       4000    40.00%    90.00%      1.00us  15000.00us    200.00us ( +-   8.91% )

Total Samples:10000, Total events handled time:860000.00us.
"""
ROW = "IO_INSTRUCTION       6000    60.00%    10.00%      2.00us     70.00us     10.00us ( +-   0.24% )\n"


def recorded(name: str) -> bytes:
    return (TEXTS / name).read_bytes()


def facts(text: str | bytes) -> list[object]:
    """All facts of a pasted text, by the way that any text goes."""
    parts = split("paste.txt", text.encode() if isinstance(text, str) else text)
    return [fact for part in parts for decode in decoders_of(part) for fact in decode(part)]


def one(text: str | bytes, wanted: type) -> object:
    (found,) = [fact for fact in facts(text) if isinstance(fact, wanted)]
    return found


def exits(text: str | bytes) -> KvmExits:
    found = one(text, KvmExits)
    assert isinstance(found, KvmExits)
    return found


def stats(text: str | bytes) -> KvmStats:
    found = one(text, KvmStats)
    assert isinstance(found, KvmStats)
    return found


def reasons(found: KvmExits) -> dict[str, int]:
    return {count.reason: count.count for count in found.exits}


def shares(found: object) -> dict[str, float]:
    assert isinstance(found, ThreadActivity)
    return {use.comm: round(use.cpu_ratio, 4) for use in found.threads}


def test_a_table_of_exits_without_a_time_has_no_rate() -> None:
    found = exits(INTEL)
    assert (found.window_ns, reasons(found), found.hardware) == (0, {"IO_INSTRUCTION": 6000, "HLT": 4000}, True)
    assert [(time.reason, time.time_ns) for time in found.times] == [
        ("IO_INSTRUCTION", 60_000_000),
        ("HLT", 800_000_000),
    ]
    assert "kvm:kvm_pio" in found.left_out
    assert "kvm:kvm_exit" not in found.left_out
    assert str(found.refs[0]) == "paste.txt:5-8"


def test_the_command_tells_for_how_long_it_was_recorded() -> None:
    assert exits("# perf kvm stat record -p 4711 sleep 10\n" + INTEL).window_ns == 10_000_000_000


def test_screens_of_live_tell_their_own_time() -> None:
    assert exits("15:52:35.709821\n\n" + INTEL).window_ns == 1_000_000_000
    two = exits(f"15:52:35.500000\n\n{INTEL}\n15:52:38.500000\n\n{INTEL}")
    assert (two.window_ns, reasons(two)["HLT"]) == (6_000_000_000, 8000)
    assert exits("# perf kvm stat live -d 5\n15:52:35.709821\n" + INTEL).window_ns == 5_000_000_000


def test_tables_that_a_mailer_broke_and_quoted() -> None:
    broken = "".join(f"> > {line}\n" for line in broken_by_mailer(INTEL, 70).splitlines())
    assert reasons(exits(broken)) == {"IO_INSTRUCTION": 6000, "HLT": 4000}


@pytest.mark.parametrize(
    "reason", ["npf", "vintr", "write_cr0_trap", "DABT_LOW", "WFx", "HVC64", "avic_incomplete_ipi"]
)
def test_reasons_of_amd_and_arm(reason: str) -> None:
    assert reasons(exits(INTEL.replace("IO_INSTRUCTION", reason)))[reason] == 6000


def test_ports_pages_and_registers_of_the_other_tables() -> None:
    head = INTEL[: INTEL.index("      IO_INS")]
    found = exits(head + ROW.replace("IO_INSTRUCTION", "0x70:POUT") + ROW.replace("IO_INSTRUCTION", "0xfee000b0:W"))
    assert [(use.port, use.write, use.count) for use in found.ports] == [(0x70, True, 6000)]
    assert [(use.page, use.write) for use in found.mmio] == [(0xFEE00000, True)]
    assert (found.hardware, found.exits) == (False, ())
    msr = exits(head.replace("VM-EXIT", "MSR Access") + ROW.replace("IO_INSTRUCTION", "0x6e0:W"))
    assert [(use.index, use.name) for use in msr.msrs] == [(0x6E0, "TSC_DEADLINE")]


SCREEN = """ Event                                         Total %Total CurAvg/s
 kvm_entry                                   5198993   23.1   277007
 kvm_exit                                    5198976   23.1   277006
   EPT_VIOLATION                                 200    0.1      100
   HLT                                       1732103    7.7    92289
 kvm_inj_virq                                1731904    7.7    92278
 kvm_ple_window                                   36    0.0        2
 Total                                      22521394         1199967
"""


def test_kvm_stat_tells_rates() -> None:
    found = stats(SCREEN)
    assert (found.per_s("exits"), found.per_s("irq_injections"), found.per_s("kvm_ple_window")) == (277006, 92278, 2)
    assert reasons(exits(SCREEN)) == {"HLT": 92289, "EPT_VIOLATION": 100}
    assert exits(SCREEN).window_ns == 1_000_000_000


def test_kvm_stat_once_and_of_old() -> None:
    once = (
        "kvm_exit                                      1000       250\nkvm_exit(HLT)                  800       200\n"
    )
    assert reasons(exits(once)) == {"HLT": 200}
    old = " kvm statistics\n\n exits          30000     1500\n halt_exits      9000      300\n io_exits          20        0\n"
    assert (stats(old).per_s("halt_exits"), stats(old).per_s("io_exits")) == (300, 0)
    assert reasons(exits(old)) == {"any reason": 1500}


def test_totals_alone_are_no_rates() -> None:
    text = "/sys/kernel/debug/kvm/exits:30000\n/sys/kernel/debug/kvm/halt_exits:9000\n"
    (found,) = facts(text)
    assert isinstance(found, KvmStatReading)
    assert [(counter.name, counter.value) for counter in found.counters] == [("exits", 30000), ("halt_exits", 9000)]


def test_a_recorded_trace_of_ftrace() -> None:
    found = exits(recorded("ftrace-kvm.txt"))
    assert [(count.reason, count.count, count.tid) for count in found.userspace] == [("IO", 9, 32700)]
    assert found.window_ns == 1_618_000
    assert "kvm:kvm_userspace_exit" not in found.left_out
    assert "kvm:kvm_pio" in found.left_out


TRACE = """ CPU 0/KVM-32700 [000] 100.000000: kvm_entry: vcpu 0
 CPU 0/KVM-32700 [000] 100.000100: kvm_exit: reason IO_INSTRUCTION rip 0xfffff80002c6d3a4 info 710008 0
 CPU 0/KVM-32700 [000] 100.000110: kvm_pio: pio_read at 0x71 size 1 count 1 val 0x26
 CPU 0/KVM-32700 [000] 100.000120: kvm_entry: vcpu 0, rip 0xfffff80002c6d3a5
 CPU 0/KVM 32700 [000] 100.000200: kvm:kvm_exit: vcpu 0 reason MSR_WRITE rip 0x10 info1 0x0 info2 0x0
 CPU 0/KVM-32700 (32690) [000] d..1 100.000210: kvm_msr: msr_write 6e0 = 0x1234
 CPU 0/KVM-32700 [000] 100.000220: kvm_inj_virq: irq 209
 CPU 0/KVM-32700 [000] 100.000230: kvm_inj_virq: IRQ 0xd1
 CPU 0/KVM-32700 [000] 100.000240: kvm_set_irq: gsi 8 level 1 source 0
 CPU 0/KVM-32700 [000] 100.000250: kvm_mmio: mmio unsatisfied-read len 4 gpa 0xfed000f0 val 0x0
 CPU 0/KVM-32700 [000] 100.000260: kvm_mmio: mmio read len 4 gpa 0xfed000f0 val 0x5
 CPU 0/KVM-32700 [000] 100.000270: kvm_page_fault: vcpu 0 rip 0x10 address 0x00000000fed00123 error_code 0x181
 CPU 0/KVM-32700 [000] 100.000280: kvm_vcpu_wakeup: poll time 1000 ns, polling valid
 CPU 0/KVM-32700 [000] 100.000290: kvm_hypercall: nr 0xb a0 0x1 a1 0x2 a2 0x3 a3 0x4
 CPU 0/KVM-32700 [000] 101.000000: kvm_userspace_exit: reason KVM_EXIT_IO (2)
"""


def test_every_event_of_a_trace() -> None:
    found = exits(TRACE)
    assert found.window_ns == 1_000_000_000
    assert reasons(found) == {"IO_INSTRUCTION": 1, "MSR_WRITE": 1}
    assert [(use.port, use.write) for use in found.ports] == [(0x71, False)]
    assert [(use.index, use.name) for use in found.msrs] == [(0x6E0, "TSC_DEADLINE")]
    assert [(use.vector, use.count) for use in found.vectors] == [(0xD1, 2)]
    assert [(use.page, use.count) for use in found.mmio] == [(0xFED00000, 1)]
    assert [(use.page, use.count) for use in found.faults] == [(0xFED00000, 1)]
    assert [(use.gsi, use.raised) for use in found.irq_lines] == [(8, 1)]
    assert [(halt.polled, halt.polled_ns) for halt in found.halts] == [(1, 1000)]
    assert [(time.reason, time.mean_ns) for time in found.times] == [("IO_INSTRUCTION", 20_000)]
    assert [(call.number, call.name) for call in found.hypercalls] == [(11, "SCHED_YIELD")]
    assert [place.address for place in found.places] == [0xFFFFF80002C6D3A4, 0x10]


def test_a_line_of_arm() -> None:
    found = exits(" CPU 0/KVM-9 [000] 1.000000: kvm_exit: TRAP: HSR_EC: 0x0024 (DABT_LOW), PC: 0xffff0000\n")
    assert (reasons(found), found.window_ns) == ({"DABT_LOW": 1}, 0)


def test_counted_events() -> None:
    text = recorded("perf-stat-I.txt")
    assert stats(text).per_s("kvm_pio") == pytest.approx(60883 / 1.201453990)
    assert [(count.reason, count.count) for count in exits(text).userspace] == [("any reason", 58467)]
    end = "      12,345      kvm:kvm_exit    #  6.1 K/sec\n           0      kvm:kvm_pio\n\n       2.000000000 seconds time elapsed\n"
    assert stats(end).per_s("exits") == 6172.5
    assert "kvm:kvm_pio" not in exits(end).left_out  # it was counted: there was none


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
