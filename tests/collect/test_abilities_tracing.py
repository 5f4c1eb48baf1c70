"""What doctor says of counting in the kernel: tracefs, tracepoints, lockdown, bpftrace, strace."""

from collections.abc import Sequence

import pytest

from crazytrain.model.ability import State
from crazytrain.model.evidence import Outcome
from tests.collect.worlds import CAPABILITIES, NO, PART, YES, DenyingNames, World, done, user


def test_tracefs_that_is_not_mounted() -> None:
    world = World().without("/sys/kernel/tracing").having({"/proc/self/mountinfo": b""})
    state, found, remedy = world.row("tracefs")
    assert (state, "mounts it for itself" in found) == (PART, True)
    assert remedy.startswith("mount -t tracefs tracefs /sys/kernel/tracing")
    assert world.row("tracepoints")[0] is PART
    assert world.row("BPF programs")[0] is PART


def test_tracefs_elsewhere_and_not_at_all() -> None:
    debugfs = b"42 23 0:13 / /sys/kernel/debug/tracing rw - tracefs tracefs rw\n"
    world = World().without("/sys/kernel/tracing")
    world.having({"/proc/self/mountinfo": debugfs, "/sys/kernel/debug/tracing/events/sched/enable": b"0"})
    assert world.row("tracefs") == (YES, "/sys/kernel/debug/tracing", "")
    none = World().without("/sys/kernel/tracing")
    none.having({"/proc/self/mountinfo": b"", "/proc/filesystems": b"nodev\tproc\n"})
    assert none.row("tracefs")[:2] == (NO, "this kernel has none")


def test_missing_tracepoints_name_their_remedy() -> None:
    state, found, remedy = World().without("/sys/kernel/tracing/events/kvm").row("tracepoints")
    assert (state, found, remedy) == (PART, "no kvm", "modprobe kvm_intel || modprobe kvm_amd")
    state, found, remedy = World().without("/sys/kernel/tracing/events/raw").row("tracepoints")
    assert (state, found) == (PART, "no raw_syscalls")
    assert "CONFIG_FTRACE_SYSCALLS" in remedy


def test_a_locked_kernel_says_why_and_what_lifts_it() -> None:
    locked: dict[str, bytes | OSError] = {"/sys/kernel/security/lockdown": b"none integrity [confidentiality]\n"}
    rows = DenyingNames.into(World().having(locked), "/sys/kernel/tracing/events").rows()
    for name in ("kernel lockdown", "BPF programs", "tracefs"):
        assert rows[name].state is NO, name
        assert "update-grub" in rows[name].remedy, name
        assert "mokutil --disable-validation" in rows[name].remedy, name
    assert "confidentiality" in rows["BPF programs"].found


def test_secure_boot_leaves_counting_but_shuts_debugfs() -> None:
    rows = World().having({"/sys/kernel/security/lockdown": b"none [integrity] confidentiality\n"}).rows()
    assert rows["kernel lockdown"].state is PART
    assert "debugfs" in rows["kernel lockdown"].found
    assert rows["BPF programs"].state is YES


def test_lockdown_that_is_not_told_is_not_none() -> None:
    world = World().without("/sys/kernel/security")
    assert world.row("kernel lockdown") == (YES, "this kernel has none", "")
    state, found, remedy = world.having({"/proc/self/mountinfo": b""}).row("kernel lockdown")
    assert (state, found) == (PART, "not known: securityfs is not mounted")
    assert remedy == "mount -t securityfs securityfs /sys/kernel/security"


def test_a_missing_bpftrace_is_one_command_away() -> None:
    assert World().without("bpftrace").row("bpftrace") == (NO, "not installed", "apt-get install bpftrace")
    assert World().without("bpftrace").row("BPF programs")[0] is PART


def test_a_trial_that_is_refused_or_late() -> None:
    remark = b"ERROR: Unknown error -1: couldn't set RLIMIT_MEMLOCK for bpftrace.\n"
    refused = done(status=1, stderr=remark + b"ERROR: Error attaching probe\n" + remark)
    assert World().running(bpftrace=refused).row("BPF programs")[:2] == (
        *(NO, "a trial program was refused: ERROR: Error attaching probe"),
    )
    by_user = done(status=1, stderr=b"ERROR: bpftrace currently only supports running as the root user.\n")
    service = World().running(bpftrace=by_user).having({"/proc/self/status": b"Uid:\t990\t990\t990\t990\n"})
    state, found, remedy = service.row("BPF programs")
    assert (state, found) == (NO, "this bpftrace wants user 0, whatever capabilities user 990 has")
    assert "packaging/crazytrain-why@.service" in remedy
    late = done(status=None, outcome=Outcome.TIMED_OUT)
    assert World().running(bpftrace=late).row("BPF programs")[0] is PART
    assert World().running(bpftrace=late).row("bpftrace")[0] is PART


@pytest.mark.parametrize(
    ("scope", "capabilities", "state"),
    [
        (b"0", (), PART),
        (b"1", (), NO),
        (b"2", (), NO),
        (b"3", (), NO),
        (b"1", CAPABILITIES, YES),
        (b"2", CAPABILITIES, YES),
        (b"3", CAPABILITIES, NO),
    ],
)
def test_who_may_attach(scope: bytes, capabilities: Sequence[str], state: State) -> None:
    world = World(capabilities=capabilities).having({"/proc/sys/kernel/yama/ptrace_scope": scope + b"\n"})
    found = world.row("strace")
    assert found[0] is state
    assert ("reboot" in found[2]) is (scope == b"3")


def test_no_trial_program_is_loaded_where_rights_are_missing() -> None:
    world = user()
    world.rows()
    assert [argv for argv in world.host.ran if argv[0] == "bpftrace"] == [("bpftrace", "--version")]
