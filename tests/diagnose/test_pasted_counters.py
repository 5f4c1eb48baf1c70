"""KVM's counters without reasons, a device whose line never rests, lines that name a storm, and what they add to the causes."""

import pytest

from crazytrain.decode.recognise import split
from crazytrain.diagnose.pasted_counters import counter_points
from crazytrain.model.case import Case
from crazytrain.model.facts.kvm import KvmStat, KvmStats
from crazytrain.model.report import Report
from crazytrain.pipeline import conclude
from tests.diagnose import making as m


def ratio(cause: str, **per_s: float) -> float:
    stats = KvmStats(
        window_ns=10**9, stats=tuple(KvmStat(name=name, per_s=rate) for name, rate in per_s.items()), refs=m.REFS
    )
    (point, *_) = (*counter_points(cause, [stats]), None)
    return point.ratio if point else 1.0


def report(*texts: str) -> Report:
    pieces = tuple(piece for number, text in enumerate(texts) for piece in split(f"paste-{number}.txt", text.encode()))
    return conclude(Case(id="", guest=None, window=None, evidence=pieces))


@pytest.mark.parametrize(
    ("cause", "event"),
    [
        ("pio-poll", "kvm_pio"),
        ("mmio-poll", "kvm_mmio"),
        ("page-fault-loop", "kvm_page_fault"),
        ("pause-contention", "kvm_ple_window"),
        ("msr-storm", "kvm_msr"),
    ],
)
def test_the_event_that_goes_with_nearly_every_exit(cause: str, event: str) -> None:
    assert ratio(cause, kvm_exit=9000, **{event: 8000}) >= 5
    assert ratio(cause, kvm_exit=90000, **{event: 80000}) > ratio(cause, kvm_exit=9000, **{event: 8000})
    assert ratio(cause, kvm_exit=9000, **{event: 900}) == 1
    assert ratio(cause, kvm_exit=90, **{event: 80}) == 1


def test_a_register_with_as_many_interrupts_is_a_timer() -> None:
    assert ratio("apic-timer-storm", kvm_exit=9000, kvm_msr=8000, kvm_hv_timer_state=8000) > ratio(
        "msr-storm", kvm_exit=9000, kvm_msr=8000, kvm_hv_timer_state=8000
    )


def test_time_that_kvm_polled() -> None:
    assert ratio("halt-polling", exits=900, halt_poll_fail_ns=3e8) > 10
    assert ratio("halt-polling", exits=900, halt_poll_fail_ns=3e6) == 1


INTERRUPTS = "           CPU0\n 10:  {}   IO-APIC  10-fasteoi   uhci_hcd:usb2\nLOC:     1000   Local timer interrupts\n"


def test_a_line_that_never_rests() -> None:
    said = report(INTERRUPTS.format(1_000_000) + "$ sleep 10\n" + INTERRUPTS.format(1_900_000)).verdict
    assert said.cause == "interrupt-storm"
    assert (
        report(INTERRUPTS.format(1_000_000) + "$ sleep 10\n" + INTERRUPTS.format(1_000_900)).verdict.cause
        != "interrupt-storm"
    )


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ('[   61.2] irq 19: nobody cared (try booting with the "irqpoll" option)\n', "interrupt-storm"),
        ("Command line: BOOT_IMAGE=/vmlinuz root=/dev/vda2 idle=poll\n", "idle-poll"),
        ("unhandled exit 80000022\nkvm_run returned -22\n", "vmentry-failure"),
        ("kvm_run: Bad address\nkvm_run returned -14\n", "vfio-memory-fault"),
        (
            "[    7.100000] kvm_amd: kvm [81]: vcpu3, guest rIP: 0x10 unimplemented wrmsr: 0xc0010117 data 0x0\n",
            "misread",
        ),
    ],
)
def test_the_line_names_the_cause(text: str, cause: str) -> None:
    assert report(text).verdict.cause == cause


def test_pages_that_are_read_and_written_are_one() -> None:
    table = "\n".join(
        f"        0xfebc{n:04x}:{way}     {count}    9.00%    9.00%      1.88us    311.20us      4.31us ( +-   0.11% )"
        for n, way, count in ((0x14, "R", 40000), (0x18, "W", 39000), (0x8018, "W", 900))
    )
    head = "         MMIO Access    Samples  Samples%     Time%    Min Time    Max Time         Avg time\n\n"
    assert report(head + table + "\n").verdict.cause == "mmio-poll"


def test_a_note_answers_where_nothing_else_is_wrong() -> None:
    trace = 'read(5, "\\16\\0\\0\\0\\0\\0\\0\\0\\376\\377\\377\\377"..., 128) = 128\nread(5, 0x7ffd1c0e9a10, 128) = -1 EAGAIN (Resource temporarily unavailable)\n'
    assert report(trace * 3, "Somebody takes these lines for a sign of trouble.\n").verdict.cause == "misread"
    assert report("Nothing is wrong, but top claims 99 % wa since io_uring is used.\n").verdict.cause == "misread"


LINES = "(qemu) info irq\nIRQ statistics for ioapic:\n 1: 20\n 4: 12\n10: {}\n"


def test_a_line_of_which_qemu_counts_very_many() -> None:
    assert report(LINES.format(9_000_000) + LINES.format(9_900_000)).verdict.cause == "interrupt-storm"
    assert report(LINES.format(9_000) + LINES.format(9_900)).verdict.cause != "interrupt-storm"


def test_a_triple_fault_that_is_likelier_than_the_loop_is_no_symptom_of_it() -> None:
    trace = " kvm-81 [001] 3.110011: kvm_exit: reason shutdown rip 0x1000 info 0 0\n kvm-81 [001] 3.110013: kvm_userspace_exit: reason KVM_EXIT_SHUTDOWN (8)\n"
    said = report(trace, "It is in a reboot loop since its loader was changed.\n")
    assert said.verdict.cause == "triple-fault"
    assert "guest-reboot-loop" in {finding.cause for finding in said.findings if finding.verdict == "found"}


def test_a_guest_that_is_off_by_a_pasted_status_alone_is_not_surely_healthy() -> None:
    assert report("(qemu) info status\nVM status: paused (shutdown)\n").verdict.confidence <= 0.6


def test_faults_and_next_to_nothing_else() -> None:
    head = "             VM-EXIT    Samples  Samples%     Time%    Min Time    Max Time         Avg time\n\n"
    table = "{}       EPT_VIOLATION    {}    99.00%    99.00%      0.90us     80.12us      1.70us ( +-   0.03% )\n                 HLT       900     0.10%     0.20%      0.80us     40.11us      3.20us ( +-   1.20% )\n"
    many, few = (report(table.format(head, count)).verdict for count in (900_000, 4_000))
    assert many.cause == "page-fault-loop"
    assert many.confidence > 2 * few.confidence


def test_the_oldest_table_of_exits_has_the_mean_alone() -> None:
    head = "              VM-EXIT    Samples  Samples%     Time%         Avg time\n\n"
    table = "   PAUSE_INSTRUCTION     210331    93.10%    90.20%     60.10us ( +-   0.31% )\n                 HLT       1203     0.54%     3.90%    410.20us ( +-   6.10% )\n"
    assert report(head + table).verdict.cause == "pause-contention"


def test_a_state_of_the_fpu_that_is_not_taken() -> None:
    log = "[ 1203.120340] Bad FPU state detected at fpu__restore_sig+0x1d/0x40, reinitializing FPU registers.\n"
    assert report(log, "It was migrated yesterday and dies since.\n").verdict.cause == "cpu-mismatch"
