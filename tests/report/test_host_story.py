"""Sentences about the host's side: trouble is told with its figures, what is as it should be is not."""

import msgspec

from crazytrain.model.evidence import Ref
from crazytrain.model.facts import Facts, HostFacts
from crazytrain.model.facts.clock import ClockChange, ClockDrift
from crazytrain.model.facts.host import HostParameters, KvmParameter
from crazytrain.model.facts.logs import KernelMeaning
from crazytrain.model.facts.storage import BlockedTask, DeviceReading, DeviceUse, GuestStorage, ImageReading
from crazytrain.report.host_story import host_story
from tests.diagnose import cases_host as c
from tests.diagnose import making as m

S = 10**9


def says(*facts: object) -> list[str]:
    lines = list(host_story(Facts(facts)))
    assert all(line.evidence for line in lines)
    return [line.says for line in lines]


def test_nothing_known_is_nothing_told() -> None:
    assert says() == []


def test_a_host_in_order() -> None:
    host = HostFacts(
        clocksource="tsc", vendor="GenuineIntel", tsc_flags=("tsc", "constant_tsc", "nonstop_tsc"), refs=m.REFS
    )
    parameters = HostParameters(kvm=(KvmParameter("kvm", "kvmclock_periodic_sync", "Y"),), ksm=0, refs=m.REFS)
    image = ImageReading(path="/a", fds=(9,), writable=True, free_bytes=50 << 30, total_bytes=99 << 30, answers=True)
    assert (
        says(host, parameters, c.limits(), c.memory(0.0), c.faults(0), storage(image), c.host_log(), c.qemu_log()) == []
    )


def storage(*images: ImageReading, stuck: bool = False) -> GuestStorage:
    use = DeviceUse(
        device=DeviceReading(number="254:0", name="vda"),
        reads_per_s=0.0,
        writes_per_s=0.0,
        read_bytes_per_s=0.0,
        written_bytes_per_s=0.0,
        busy_ratio=0.1,
        in_flight=0,
        stuck=stuck,
    )
    blocked = (BlockedTask(tid=55, comm="nfsd", pid=55, wchan="rpc_wait", since_ns=12 * S),) if stuck else ()
    return GuestStorage(
        window_ns=S, images=images, devices=(use,), blocked=blocked, own_blocked=(), tasks_seen=9, refs=m.REFS
    )


def test_how_the_host_is_set_up() -> None:
    host = HostFacts(
        clocksource="hpet", clocksources=("hpet", "acpi_pm"), vendor="AuthenticAMD", tsc_flags=("tsc",), refs=m.REFS
    )
    parameters = HostParameters(
        kvm=(KvmParameter("kvm_intel", "ept", "N"),),
        lockdown="integrity",
        ksm=1,
        numa_balancing=1,
        nodes=2,
        refs=m.REFS,
    )
    assert says(host, parameters, c.host_cpu(0.25)) == [
        "the host's own clocksource is hpet (there are hpet, acpi_pm)",
        "the host's TSC does not run steadily (constant_tsc or nonstop_tsc is missing)",
        "KVM has no second level of page tables (ept=N)",
        "the host's kernel is locked down (integrity): less can be traced",
        "KSM merges memory on this host",
        "NUMA balancing moves memory between the host's nodes",
        "a hypervisor below took 25 % of the host's CPU time (steal)",
    ]


def test_limits_and_memory() -> None:
    told = says(c.QUOTA, c.memory(0.4, 2 << 30), c.faults(400))
    assert told[0].endswith(
        "may take 0.2 of a CPU; it ran out in 96 % of its periods and was held back 70 % of the time"
    )
    assert told[1:] == [
        "2 GiB of QEMU's memory are swapped out",
        "tasks of the host waited for memory 40 % of the time",
        "QEMU's threads waited for memory from disk 400/s, most CPU 0/KVM (400/s)",
    ]


def test_storage() -> None:
    full = ImageReading(
        path="/t/a.img", fds=(9,), writable=True, fs_type="tmpfs", mount_point="/t", free_bytes=0, answers=True
    )
    silent = ImageReading(path="/n/b.img", fds=(8,), fs_type="nfs4", mount_point="/n", answers=False)
    assert says(storage(full, silent, stuck=True)) == [
        "the file system of /n/b.img (nfs4 on /n) does not answer",
        "/t/a.img: 0 B are left on its file system (tmpfs on /t)",
        "disk vda under its images has requests in flight and completes none",
        "task nfsd (55) of the host is blocked for about 12 s in rpc_wait (state D)",
    ]


def test_logs_are_told_once_a_meaning_and_harmlessly() -> None:
    hostile = (KernelMeaning.HUNG_TASK, "INFO: task \x1b[31mred:11 blocked")
    told = says(c.host_log(c.SPLIT, c.SPLIT, hostile), c.qemu_log(c.ENTRY))
    assert len(told) == 3
    assert told[0].startswith(
        "the host's kernel (split lock, of this guest), within the window, the last of 2: x86/split"
    )
    assert "\x1b" not in "".join(told)
    assert told[2] == "QEMU's log (KVM entry failed): KVM: entry failed, hardware error 0x80000021"
    assert says(c.host_log(c.LOCKUP, ours=False, ago_s=90_000)) == []


def test_the_clock() -> None:
    change = ClockChange(address=0x7000, mono_ns=1, clock_ns=-5, step_ns=-5 * S, host_ns=S, uncertain_ns=1)
    clock = msgspec.structs.replace(
        m.clock(29 * S),
        ahead_ns=-3600 * S,
        tsc_base="runs as the host's",
        changes=(change,),
        drift=ClockDrift(address=0x7000, ppm=100.0, uncertain_ppm=20.0),
        scale_ppm=-1500.0,
    )
    assert says(clock) == [
        "the guest's kvmclock is 60 min 0 s behind its TSC, which runs as the host's; up to some seconds come from starting it",
        "the guest's TSC is -1500 ppm off the host's frequency",
        "the kvmclock stepped by -5 s (page 0x7000)",
        "the kvmclock went +100 ppm against the host's clock, give or take 20",
    ]
    assert Ref("made", 1) in clock.refs
