"""What reports in trackers show of the guest's side: lines of its log, of programs in it and around it, and how they are told.

The texts are made up; the lines are as the programs print them.
"""

from pathlib import Path

import pytest

from crazytrain.cli.reading import read_all
from crazytrain.model.report import Report

CONFIDENT = 0.8
LOOP = "".join(
    f" qemu-system-x86-4711  [002] ....  {100 + n / 1000:.6f}: kvm_exit: reason EXTERNAL_INTERRUPT rip 0xfffff80012{at} info 0 800000fd\n"
    f" qemu-system-x86-4711  [002] d...  {100 + n / 1000 + 0.0001:.6f}: kvm_entry: vcpu 0\n"
    for n, at in enumerate(["34567a", "345688"] * 6)
)
LINES = """\
guest-clock | A VM is a quarter of an hour behind after the night. | systemd-journald[412]: Time jumped backwards, rotating.
guest-clock | The virtual machine was restored from a checkpoint. | 2024-03-01T06:00:11Z Forward time jump detected!
guest-clock | The mail server in the VM complains. | dovecot: master: Warning: Time moved forwards by 812.4 seconds - adjusting timeouts.
vcpu-cannot-run | The arm64 guest ends at once. | error: kvm run failed Function not implemented
vcpu-cannot-run | The guest ends at once. | error: kvm run failed Invalid argument
emulated | The guest is slow. | warning: TCG doesn't support requested feature: CPUID.01H:ECX.vmx [bit 5]
firmware | The VM does not start its system. | FATAL: No bootable medium found! System halted.
guest-stuck | The guest freezes at times. | [  812.250011] rcu: rcu_sched kthread timer wakeup didn't happen for 5250 jiffies! g6021 f0x0 RCU_GP_WAIT_FQS(5) ->state=0x402
guest-stuck | The Windows VM stalls. | Reset to device, \\Device\\RaidPort0, was issued. (vioscsi)
guest-stuck | The guest hangs at boot. | [    0.301122] spurious APIC interrupt through vector ff on CPU#1, should never happen.
"""
TOLD = """\
guest-busy | guest-user-busy | htop in the VM shows a video transcoder that takes 390% CPU.
guest-busy | guest-kernel-busy | In the VM btrfs-cleaner runs at 100% CPU for hours.
exit-storm | pio-poll | Each byte that the guest prints to its emulated 16550A is a VM exit, so booting takes seconds.
exit-storm | interrupt-storm | The guest hangs in a storm of IOAPIC IRQs as soon as it turns its timer on.
exit-storm | halt-polling | The host's kvm uses 25% sys although all guests are idle; echo 0 > halt_poll_ns makes it go away.
firmware | firmware-hang | The PeiMain module hangs with the default size of memory.
emulated | software-emulation | In the CI runner the VM needs an hour for its boot, there is no /dev/kvm.
guest-stuck | guest-lost-interrupt | Its driver waits for a timer interrupt that never comes; the interrupt count stays the same.
guest-busy | guest-memory-thrash | The guest has 1 GB, uses 3 GB of swap and crawls; its swap disk is read all the time.
guest-stuck | guest-reboot-loop | The guest's kernel prints four lines, then the BIOS comes again, over and over.
guest-clock | kvmclock-jump | Since the guest woke from its hibernation its clock is way delayed.
exit-storm | idle-poll | The kernel of the guest has no 'wait' instruction in its idle function; QEMU takes 100% of a core.
exit-storm | msr-storm | The guest writes 0x400000b1 40000 times per second and QEMU takes 100% CPU.
exit-storm | interrupt-storm | /proc/interrupts of the guest grows by 150000 per second for uhci_hcd on IRQ 11.
firmware | firmware-hang | The VM takes 100 percent CPU; its console says that the guest has not initialized the display.
guest-stuck | guest-lost-interrupt | The guest's virtio network stops now and then; it looks as if an MSI is not delivered.
emulated | nested-starvation | Proxmox runs inside ESXi, and its guests have soft lockups when that is loaded.
"""


def read(tmp_path: Path, *texts: str) -> Report:
    paths = []
    for number, text in enumerate(texts):
        paths.append(tmp_path / f"paste-{number}.txt")
        paths[-1].write_text(text + "\n", encoding="utf-8")
    return read_all(paths)[0]


@pytest.mark.parametrize("row", LINES.splitlines(), ids=lambda row: row.split(" | ")[2][:40])
def test_a_line_that_a_program_prints(tmp_path: Path, row: str) -> None:
    family, told, line = row.split(" | ", 2)
    verdict = read(tmp_path, told, line).verdict
    assert verdict.family == family


@pytest.mark.parametrize("row", TOLD.splitlines(), ids=lambda row: row.split(" | ")[1])
def test_a_report_in_words(tmp_path: Path, row: str) -> None:
    family, cause, told = row.split(" | ", 2)
    verdict = read(tmp_path, told).verdict
    assert (verdict.family, verdict.cause) == (family, cause)
    assert verdict.confidence < CONFIDENT


def test_a_kernel_that_each_interrupt_meets_in_one_small_loop_is_stuck(tmp_path: Path) -> None:
    verdict = read(tmp_path, "The guest hangs.", LOOP).verdict
    assert verdict.family == "guest-stuck"
    assert verdict.confidence < CONFIDENT


def test_a_kernel_that_is_met_in_many_places_is_not_stuck(tmp_path: Path) -> None:
    far = "".join(
        line.replace("0xfffff8001234567a", f"0xfffff8001{n:05x}67a")
        for n, line in enumerate(LOOP.splitlines(keepends=True))
    )
    report = read(tmp_path, "The guest hangs.", far)
    found = next(f for f in report.findings if f.cause == "guest-hard-lockup")
    assert not any("small loop" in point.fact for point in found.because)


def test_options_that_a_guest_was_given_are_no_observations(tmp_path: Path) -> None:
    told = (
        "The server is booted from its installation medium with these options (-cpu host,hv_time,hv_spinlocks=0x2000 and "
        "-rtc base=utc,driftfix=slew) and the guest never gets any further than its logo."
    )
    report = read(tmp_path, told)
    catchup = next(f for f in report.findings if f.cause == "rtc-catchup")
    assert catchup.confidence < 0.15


def test_a_black_screen_after_days_is_no_firmware(tmp_path: Path) -> None:
    told = "The Windows guest runs for days, then it hangs with a black screen and no network."
    assert read(tmp_path, told).verdict.family != "firmware"


def test_a_profile_of_a_program_in_the_guest_shows_the_guests_kernel(tmp_path: Path) -> None:
    rows = "    38.21%  mysqld   [kernel.kallsyms]   [k] native_queued_spin_lock_slowpath"
    verdict = read(tmp_path, "The guest with 48 vCPUs is slow; perf in it shows this:", rows).verdict
    assert (verdict.family, verdict.cause) == ("guest-stuck", "guest-spinlock")
