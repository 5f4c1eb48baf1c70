"""What pasted tables of CPUs, clocks and interrupts, profiles, the guest's memory and backtraces add to the causes."""

import pytest

from crazytrain.decode.recognise import split
from crazytrain.diagnose.table_signs import table_points
from crazytrain.model.case import Case
from crazytrain.model.facts import ConsoleLog, Facts
from crazytrain.model.facts.logs import KernelLog
from crazytrain.model.facts.services import BalloonUse
from crazytrain.model.report import Report
from crazytrain.pipeline import conclude, read


def facts_of(text: str) -> Facts:
    reading = read(split("paste.txt", text.encode()))
    assert not reading.notes
    return reading.facts


def ratio(cause: str, text: str) -> float:
    product = 1.0
    for point in table_points(cause, facts_of(text)):
        product *= point.ratio
        assert point.refs
    return product


def report_on(text: str) -> Report:
    case = Case(id="", guest=None, window=None, evidence=split("paste.txt", text.encode()))
    return conclude(case)


TOP = """top - 12:00:00 up 1 day,  1:00,  1 user,  load average: 1.00, 1.00, 1.00
Tasks: 100 total,   1 running, 99 sleeping,   0 stopped,   0 zombie
%Cpu(s): {us} us,  1.0 sy,  0.0 ni, {id} id, {wa} wa,  0.0 hi,  0.0 si, {st} st
MiB Mem :   7953.1 total,    200.0 free,   4000.0 used,   3753.1 buff/cache

    PID USER      PR  NI    VIRT    RES    SHR S  %CPU  %MEM     TIME+ COMMAND
   {row}
"""
QEMU = "4711 qemu      20   0 6683072 647416   8336 S  99.0   0.2   0:28.04 qemu-kvm"
OTHER = "  911 root      20   0   83072   7416   8336 S   1.0   0.2   0:28.04 nginx"


def top(row: str, **shares: float) -> str:
    values = {"us": 5.0, "id": 94.0, "wa": 0.0, "st": 0.0} | shares
    return TOP.format(row=row, **{name: f"{value:4.1f}" for name, value in values.items()})


def test_steal_means_another_thing_on_each_side() -> None:
    inside, beside = top(OTHER, st=30.0, id=64.0), top(QEMU, st=30.0, id=64.0)
    assert ratio("cpu-contention", inside) == 3
    assert ratio("nested-starvation", inside) < 2
    assert ratio("cpu-contention", beside) == 1
    assert ratio("nested-starvation", beside) == 6
    assert ratio("cpu-contention", top(OTHER)) < 1
    assert ratio("cpu-contention", top(OTHER, st=60.0, id=34.0)) > 3


def test_a_decimal_comma_and_an_old_top() -> None:
    text = top(OTHER, st=30.0, id=64.0).replace(".0", ",0")
    assert ratio("cpu-contention", text) == 3
    old = "Cpu(s): 34.0%us,  1.0%sy,  0.0%ni, 35.0%id,  0.0%wa,  0.0%hi,  0.0%si, 30.0%st"
    assert ratio("cpu-contention", top(OTHER).replace(top(OTHER).splitlines()[2], old)) == 3


def test_waiting_for_disks_and_plain_work() -> None:
    assert ratio("storage-stall", top(QEMU, wa=60.0, id=34.0)) == 3
    assert ratio("storage-stall", top(QEMU)) == 1
    assert 1 < ratio("guest-user-busy", top(OTHER, us=95.0, id=4.0)) < 2


def test_tables_alone_are_never_near_certain() -> None:
    for text in (top(OTHER, st=30.0, id=64.0), top(QEMU, st=99.0, id=0.0), "current_clocksource: acpi_pm\n"):
        assert report_on(text).verdict.confidence < 0.5


CLOCKS = "/sys/devices/system/clocksource/clocksource0/{}_clocksource:{}\n"


@pytest.mark.parametrize(
    ("current", "available", "least", "most"),
    [
        ("acpi_pm", "kvm-clock acpi_pm", 8, 8),
        ("acpi_pm", "tsc hpet acpi_pm", 3, 3),
        ("kvm-clock", "kvm-clock tsc acpi_pm", 0.05, 0.2),
        ("tsc", "tsc hpet acpi_pm", 0.3, 0.5),
    ],
)
def test_the_clock_source(current: str, available: str, least: float, most: float) -> None:
    text = CLOCKS.format("current", current) + CLOCKS.format("available", available)
    assert least <= ratio("slow-clocksource", text) <= most


def test_a_good_clock_of_the_host_does_not_hide_the_guests() -> None:
    host = CLOCKS.format("current", "tsc") + CLOCKS.format("available", "tsc hpet acpi_pm")
    guest = CLOCKS.format("current", "acpi_pm") + CLOCKS.format("available", "kvm-clock acpi_pm")
    assert ratio("slow-clocksource", f"host:\n{host}\nthe guest:\n{guest}") >= 3


PROFILE = """# Samples: 4K of event 'cycles'
# Overhead  Command          Shared Object      Symbol
    {share}%  {command}  {file}  [{where}] {symbol}
     1.00%  qemu-system-x86  qemu-system-x86_64  [.] main_loop_wait
"""


@pytest.mark.parametrize(
    ("cause", "symbol", "where", "share"),
    [
        ("halt-polling", "kvm_vcpu_block", "k", "41.00"),
        ("guest-spinlock", "native_queued_spin_lock_slowpath", "g", "60.00"),
        ("display-load", "tight_send_framebuffer_update", ".", "33.00"),
        ("usb-polling", "ehci_work_bh", ".", "20.00"),
        ("usernet-spin", "slirp_pollfds_poll", ".", "40.00"),
        ("software-emulation", "helper_lookup_tb_ptr", ".", "30.00"),
        ("memory-pressure", "isolate_migratepages_block", "k", "50.00"),
    ],
)
def test_profiles(cause: str, symbol: str, where: str, share: str) -> None:
    values = {"command": "qemu-system-x86", "file": "qemu-system-x86_64", "where": where, "symbol": symbol}
    assert ratio(cause, PROFILE.format(share=share, **values)) > 2
    assert ratio(cause, PROFILE.format(share=" 0.40", **values)) == 1
    assert ratio("chardev-spin", PROFILE.format(share=share, **values)) == 1


def interrupts(
    rtc: int, virtio: str = " 24:        100         12   PCI-MSI 524288-edge      virtio0-input.0\n"
) -> str:
    return f"           CPU0       CPU1\n  8:    {rtc}          0   IO-APIC   8-edge      rtc0\n{virtio}LOC:    4021234    3998121   Local timer interrupts\n"


def test_interrupts_of_a_guest_count_more() -> None:
    text = f"1795449614\n{interrupts(0)}\n1795449624\n{interrupts(20_480)}"
    assert ratio("rtc-periodic-storm", text) == 30
    assert 1 < ratio("rtc-periodic-storm", f"1795449614\n{interrupts(0, '')}\n1795449624\n{interrupts(20_480, '')}") < 6
    assert ratio("rtc-periodic-storm", f"1795449614\n{interrupts(0)}\n1795449624\n{interrupts(64)}") < 1
    assert ratio("rtc-periodic-storm", interrupts(0) + interrupts(20_480)) == 1  # in what time is not told


def memory(actual_kib: int, usable_kib: int, swap_kib: int = 0) -> str:
    return f"actual {actual_kib}\nswap_in {swap_kib}\nswap_out 0\nunused 1\navailable {actual_kib}\nusable {usable_kib}\nrss 1\n"


def test_the_balloon_by_dommemstat() -> None:
    first, second = memory(8 << 20, 4 << 20), memory(2 << 20, 10_000, 100_000)
    text = f"$ date +%s\n1795449614\n$ virsh dommemstat web01\n{first}$ date +%s\n1795449624\n$ virsh dommemstat web01\n{second}"
    use = facts_of(text).get(BalloonUse)
    assert use
    assert (use.grown_bytes, use.window_ns) == (-(6 << 30), 10 * 10**9)
    assert report_on(text).findings[0].cause in {"balloon-deflate", "guest-memory-thrash"}
    assert ratio("guest-memory-thrash", text) == 32
    untimed = f"$ virsh dommemstat web01\n{first}$ virsh dommemstat web01\n{second}"
    assert facts_of(untimed).get(BalloonUse) is None
    assert ratio("balloon-deflate", untimed) == 5
    assert ratio("balloon-deflate", f"$ virsh dommemstat web01\n{first}\n$ virsh dommemstat web01\n{first}") < 1
    assert ratio("balloon-deflate", first) == 1


def test_the_balloon_by_the_monitor() -> None:
    text = "(qemu) info balloon\nballoon: actual={}\n"
    use = facts_of(f"16:00:00\n{text.format(4096)}16:00:10\n{text.format(1024)}").get(BalloonUse)
    assert use
    assert use.grown_bytes == -(3 << 30)


FRAME = "#{}  0x000055d1c0c0d1b4 in {} (s=0x55d1c2a0f5a0) at ../chardev/char.c:120\n"


def backtrace(*symbols: str) -> str:
    frames = "".join(FRAME.format(number, symbol) for number, symbol in enumerate((*symbols, "qemu_main_loop", "main")))
    return f"Thread 1 (Thread 0x7f0e2b9d5e00 (LWP 4711)):\n{frames}"


@pytest.mark.parametrize(
    "symbols",
    [
        (
            "__GI___clock_nanosleep",
            "__GI___nanosleep",
            "g_usleep",
            "qemu_chr_write_buffer",
            "qemu_chr_write",
            "monitor_flush",
        ),
        ("poll", "send_all", "unix_write", "fd_chr_write", "qemu_chr_fe_write"),
        ("__libc_write", "qio_channel_file_writev", "io_channel_send_full", "fd_chr_write", "qemu_chr_write_buffer"),
    ],
)
def test_a_write_that_is_tried_again_and_again(symbols: tuple[str, ...]) -> None:
    verdict = report_on(backtrace(*symbols)).verdict
    assert verdict.cause == "chardev-spin"
    assert 0.5 <= verdict.confidence < 0.8
    twice = report_on(f"{backtrace(*symbols)}\n\nonce more:\n{backtrace(*symbols)}").verdict
    assert verdict.confidence <= twice.confidence < 0.8


def test_a_loop_that_waits_elsewhere_is_not_in_a_write() -> None:
    waits = ("ppoll", "qemu_poll_ns", "os_host_main_loop_wait", "main_loop_wait")
    assert ratio("chardev-spin", backtrace(*waits)) == 1
    computes = ("memcpy", "qemu_chr_write_log", "qemu_chr_write")
    assert ratio("chardev-spin", backtrace(*computes)) == 1


HOST = "[592420.654337] kvm [21715]: vcpu1 unhandled rdmsr: 0x611\n[592421.000000] INFO: task worker:4712 blocked for more than 120 seconds.\n"
GUEST = "[   12.300000] Hypervisor detected: KVM\n[  100.300000] watchdog: BUG: soft lockup - CPU#0 stuck for 22s! [swapper/0:0]\n"
LATER = "[  500.300000] kvm-clock: cpu 0, msr 0, secondary cpu clock\n[  520.300000] Kernel panic - not syncing: Fatal exception\n"


@pytest.mark.parametrize(
    "text",
    [
        f"{HOST}{GUEST}{LATER}",
        f"the guest:\n{GUEST}\nand later:\n{LATER}\nthe host's dmesg:\n{HOST}",
        f"the guest:\n{GUEST}\nthe host's dmesg:\n{HOST}\nthe guest, later:\n{LATER}",
    ],
)
def test_logs_of_both_sides_all_count_and_are_kept_apart(text: str) -> None:
    facts = facts_of(text)
    console, kernel = facts.get(ConsoleLog), facts.get(KernelLog)
    assert console
    assert kernel
    assert [line.meaning.value for line in console.matter] == ["soft lockup", "kernel panic"]
    assert {line.meaning.value for line in kernel.matter} == {"KVM", "hung task"}


def test_a_log_of_several_boots_is_one() -> None:
    boots = (
        HOST
        + "[    0.000000] Linux version 6.1.0\n[   20.000000] INFO: task worker:4712 blocked for more than 120 seconds.\n"
    )
    facts = facts_of(boots)
    kernel = facts.get(KernelLog)
    assert kernel
    assert len(kernel.matter) == 3
    assert facts.get(ConsoleLog) is None
