import pytest

from crazytrain.decode import console, kernel_log_patterns
from crazytrain.decode.log_matters import matters

LINES = [
    ("kernel", "Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000009", "kernel panic"),
    ("", "---[ end Kernel panic - not syncing: VFS ]---", "kernel panic"),
    ("kernel", "watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [sh:71]", "soft lockup"),
    ("kernel", "BUG: workqueue lockup - pool cpus=0 node=0 flags=0x0 nice=0 stuck for 33s!", "soft lockup"),
    ("kernel", "NMI watchdog: Watchdog detected hard LOCKUP on cpu 3", "hard lockup"),
    ("kernel", "rcu: INFO: rcu_sched self-detected stall on CPU", "RCU stall"),
    ("kernel", "rcu: rcu_preempt kthread starved for 5252 jiffies!", "RCU stall"),
    (
        "kernel",
        "clocksource: timekeeping watchdog on CPU0: Marking clocksource 'tsc' as unstable because the skew is too large:",
        "TSC unstable",
    ),
    ("kernel", "clocksource: Switched to clocksource acpi_pm", "clocksource"),
    ("kernel", "tsc: Marking TSC unstable due to check_tsc_sync_source failed", "TSC unstable"),
    ("kernel", "hrtimer: interrupt took 21548 ns", "clocksource"),
    ("kernel", "INFO: task jbd2/vda1-8:212 blocked for more than 120 seconds.", "hung task"),
    ("kernel", "Out of memory: Killed process 612 (mysqld) total-vm:1804412kB", "killed for memory"),
    ("kernel", "mysqld invoked oom-killer: gfp_mask=0x1100cca", "out of memory"),
    ("kernel", "Buffer I/O error on dev vda1, logical block 0, lost async page write", "I/O error"),
    (
        "kernel",
        "EXT4-fs error (device vda1): ext4_find_entry:1455: inode #2: comm ls: reading directory lblock 0",
        "I/O error",
    ),
    ("kernel", "EXT4-fs (vda1): Remounting filesystem read-only", "I/O error"),
    ("kernel", "BUG: unable to handle page fault for address: ffffa0", "oops"),
    ("kernel", "general protection fault, probably for non-canonical address", "oops"),
    ("kernel", "kvm [21715]: vcpu1 unhandled rdmsr: 0x611", "KVM"),
    ("kernel", "x86/split lock detection: #AC: CPU 0/KVM/4711 took a split_lock trap at address: 0x7c1b", "split lock"),
    ("kernel", "mce: [Hardware Error]: Machine check events logged", "machine check"),
    ("kernel", "nfs: server nas not responding, still trying", "storage does not answer"),
    ("kernel", "sh[71]: segfault at 0 ip 0000 sp 0000 error 4 in sh", "segfault"),
    ("kernel", "NETDEV WATCHDOG: eth0 (virtio_net): transmit queue 0 timed out", "network"),
    ("kernel", "nf_conntrack: nf_conntrack: table full, dropping packet", "network"),
    ("systemd", "Time has been changed", "clock"),
    ("systemd-journald", "Time jumped backwards, rotating.", "clock"),
    ("chronyd", "System clock was stepped by 3600.1 seconds", "clock"),
    ("systemd", "mysql.service: Failed with result 'oom-kill'.", "out of memory"),
    ("systemd", "mysql.service: Failed with result 'exit-code'.", "service failed"),
    ("dnsmasq-dhcp", "DHCPNAK(virbr0) 192.168.122.3 52:54:00:00:00:01 wrong address", "DHCP refused"),
    ("dhclient", "No DHCPOFFERS received.", "DHCP refused"),
    ("rsyslogd", "file '/var/log/syslog': write error: No space left on device", "no space"),
    ("libvirtd", "internal error: End of file from qemu monitor", "KVM"),
    ("", "No bootable device.", "nothing to boot"),
]


@pytest.mark.parametrize(("program", "message", "meaning"), LINES)
def test_what_matters_is_known(program: str, message: str, meaning: str) -> None:
    assert matters(program, message) == meaning


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("CRON", "(root) CMD (command -v debian-sa1)"),
        ("sshd", "Failed password for invalid user oom from 1.2.3.4 port 22 ssh2"),
        ("dnsmasq-dhcp", "DHCPACK(virbr0) 192.168.122.3 52:54:00:00:00:01 web01"),
        ("kernel", "[UFW BLOCK] IN=eth0 OUT= MAC=52:54 SRC=10.0.0.1"),
        ("myapp", "Kernel panic - not syncing: a program only says so"),
        ("dhclient", "bound to 10.0.0.5 -- renewal in 57 seconds."),
        ("systemd", "Started Session 12 of User root."),
        ("", "usb 1-1: new high-speed USB device number 2"),
    ],
)
def test_what_does_not_matter_may_be_folded(program: str, message: str) -> None:
    assert matters(program, message) == ""


@pytest.mark.parametrize("message", [message for program, message, _ in LINES if program == "kernel"])
def test_hints_leave_out_nothing_that_the_kernels_tables_know(message: str) -> None:
    """What is asked first is only a shortcut."""
    known = kernel_log_patterns.meaning_of(message) or console.meaning_of(message)
    assert known is None or matters("kernel", message) == known.value
