"""Exits of KVM as perf, kvm_stat and traces print them."""

import pytest

from crazytrain.model.facts.kvm import KvmStatReading
from tests.decode.host_texts import exits, facts, reasons, recorded, stats
from tests.decode.pasted import broken_by_mailer

INTEL = """Analyze events for all VMs, all VCPUs:

             VM-EXIT    Samples  Samples%     Time%    Min Time    Max Time         Avg time

      IO_INSTRUCTION       6000    60.00%    10.00%      2.00us     70.00us     10.00us ( +-   0.24% )
                 HLT       4000    40.00%    90.00%      1.00us  15000.00us    200.00us ( +-   8.91% )

Total Samples:10000, Total events handled time:860000.00us.
"""
ROW = "IO_INSTRUCTION       6000    60.00%    10.00%      2.00us     70.00us     10.00us ( +-   0.24% )\n"


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


def test_an_event_that_trace_cmd_could_not_read() -> None:
    line = " qemu-kvm-9 [001] {}.000000: kvm_exit: [FAILED TO PARSE] exit_reason=30 guest_rip=0xc01185ed isa=1 info1=0 info2=0\n"
    found = exits(line.format(1) + line.format(3))
    assert (reasons(found), found.window_ns, found.places[0].address) == (
        {"IO_INSTRUCTION": 2},
        2_000_000_000,
        0xC01185ED,
    )


def test_the_log_of_kvm_stat() -> None:
    text = "kvm_exit  kvm_entry kvm_msr   kvm_pio\n      900       901       100         7\n     1000      1001       120         8\n"
    assert (stats(text).per_s("kvm_exit"), stats(text).per_s("kvm_pio")) == (1000, 8)


def test_counted_events() -> None:
    text = recorded("perf-stat-I.txt")
    assert stats(text).per_s("kvm_pio") == pytest.approx(60883 / 1.201453990)
    assert [(count.reason, count.count) for count in exits(text).userspace] == [("any reason", 58467)]
    end = "      12,345      kvm:kvm_exit    #  6.1 K/sec\n           0      kvm:kvm_pio\n\n       2.000000000 seconds time elapsed\n"
    assert stats(end).per_s("exits") == 6172.5
    assert "kvm:kvm_pio" not in exits(end).left_out  # it was counted: there was none
