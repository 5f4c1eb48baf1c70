"""Bundles and logs of the host's side: samples as kernels and QEMU write them, and any bytes at all."""

import doctest
from collections.abc import Callable, Iterable
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crazytrain.decode.cgroup import decode_cgroup
from crazytrain.decode.host import decode_host
from crazytrain.decode.host_params import decode_host_params
from crazytrain.decode.kernel_log import decode_kernel_log
from crazytrain.decode.kernel_log_patterns import meaning_of, task_of
from crazytrain.decode.memory import decode_faults, decode_memory
from crazytrain.decode.qemu_log import decode_qemu_log
from crazytrain.decode.storage import decode_storage
from crazytrain.model import cgroup_paths, mounts
from crazytrain.model.bundle import Part, pack
from crazytrain.model.cgroup_paths import places
from crazytrain.model.evidence import Evidence, Kind, Outcome
from crazytrain.model.facts import CpuMode, HostFacts
from crazytrain.model.facts.cgroup import CgroupReading
from crazytrain.model.facts.host import CpuTicks, HostParameters
from crazytrain.model.facts.logs import KernelLog, KernelMeaning, QemuLog, QemuMeaning
from crazytrain.model.facts.memory import FaultTable, MemoryReading
from crazytrain.model.facts.storage import StorageReading, is_full

T = TypeVar("T")
Decode = Callable[[Evidence], Iterable[object]]
DECODERS: tuple[Decode, ...] = (
    decode_cgroup,
    decode_host_params,
    decode_memory,
    decode_faults,
    decode_storage,
    decode_kernel_log,
    decode_qemu_log,
)


def bundle(*files: tuple[str, bytes]) -> Evidence:
    data = pack(Part(name, content) for name, content in files)
    return Evidence(id="x.0", kind=Kind.TEXT, source="x", data=data, mono_ns=20 * 10**9, wall_ns=10**18)


def one(wanted: type[T], found: Iterable[object]) -> T:
    (fact,) = found
    assert isinstance(fact, wanted)
    return fact


@pytest.mark.parametrize("decode", DECODERS)
@given(data=st.binary(max_size=400), names=st.lists(st.sampled_from(["dmesg", "/proc/9/task/9/stat", "/a/cpu.stat"])))
def test_any_bytes_give_facts_or_nothing(decode: Decode, data: bytes, names: list[str]) -> None:
    list(decode(Evidence(id="x.0", kind=Kind.TEXT, source="x", data=data)))
    list(decode(bundle(*((name, data) for name in names))))


def test_samples_in_docstrings() -> None:
    assert doctest.testmod(cgroup_paths).failed == 0
    assert doctest.testmod(mounts).failed == 0


V1 = "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
PART = "40 31 0:26 /docker/abc /sys/fs/cgroup rw - cgroup2 cgroup rw\n"


def test_where_groups_are() -> None:
    assert [p.folder for p in places("4:cpu,cpuacct:/m/x\n1:name=systemd:/y\n", V1)] == [
        "/sys/fs/cgroup/cpu,cpuacct/m/x"
    ]
    assert [p.folder for p in places("0::/docker/abc/q\n", PART)] == ["/sys/fs/cgroup/q"]
    assert places("0::/docker/abcd\n", PART) == ()
    (place,) = places("4:cpu:/m/x\n", V1)
    assert list(place.folders())[-1] == "/sys/fs/cgroup/cpu,cpuacct"


def test_groups_of_version_2() -> None:
    folder = "/sys/fs/cgroup/m.scope"
    seen = one(
        CgroupReading,
        decode_cgroup(
            bundle(
                (f"{folder}/cpu.max", b"150000 100000\n"),
                (f"{folder}/cpu.stat", b"usage_usec 9\nnr_periods 40\nnr_throttled 3\nthrottled_usec 250000\n"),
                (f"{folder}/cgroup.events", b"populated 1\nfrozen 1\n"),
                (f"{folder}/memory.max", b"max\n"),
                (f"{folder}/memory.high", b"1048576\n"),
                (f"{folder}/memory.events", b"low 0\nhigh 12\nmax 1\noom 0\noom_kill 0\n"),
                (f"{folder}/memory.pressure", b"some avg10=0.00 avg60=0.00 avg300=0.00 total=1500\n"),
                (f"{folder}/cpuset.cpus.effective", b"0-3,8\n"),
            )
        ),
    )
    (group,) = seen.groups
    assert (group.version, group.quota_cpus, group.unlimited_cpu) == (2, 1.5, False)
    assert (group.periods, group.throttled_periods, group.throttled_ns) == (40, 3, 250_000_000)
    assert (group.frozen, group.cpus, group.memory_stalled_ns) == (True, 5, 1_500_000)
    assert (group.memory_max_bytes, group.memory_high_bytes, group.memory_high_events) == (None, 1 << 20, 12)


def test_groups_of_version_1() -> None:
    folder = "/sys/fs/cgroup/cpu/m"
    seen = one(
        CgroupReading,
        decode_cgroup(
            bundle(
                (f"{folder}/cpu.cfs_quota_us", b"-1\n"),
                (f"{folder}/cpu.cfs_period_us", b"100000\n"),
                (f"{folder}/cpu.stat", b"nr_periods 0\nnr_throttled 0\nthrottled_time 7\n"),
                ("/sys/fs/cgroup/memory/m/memory.limit_in_bytes", b"9223372036854771712\n"),
                ("/sys/fs/cgroup/freezer/m/freezer.state", b"FROZEN\n"),
            )
        ),
    )
    cpu, memory, freezer = seen.groups
    assert (cpu.version, cpu.quota_cpus, cpu.unlimited_cpu, cpu.throttled_ns) == (1, None, True, 7)
    assert memory.memory_max_bytes is None
    assert freezer.frozen is True


def test_parameters() -> None:
    seen = one(
        HostParameters,
        decode_host_params(
            bundle(
                ("/sys/module/kvm/parameters/halt_poll_ns", b"200000\n"),
                ("/sys/module/kvm_intel/parameters/ept", b"N\n"),
                ("/sys/kernel/security/lockdown", b"none [integrity] confidentiality\n"),
                ("/sys/kernel/mm/transparent_hugepage/enabled", b"always [madvise] never\n"),
                ("/proc/sys/kernel/split_lock_mitigate", b"0\n"),
                ("/proc/cmdline", b"root=UUID=1 quiet tsc=unstable idle=poll -- idle=init\n"),
            )
        ),
    )
    assert (seen.parameter("halt_poll_ns"), seen.is_on("ept"), seen.is_on("halt_poll_ns")) == ("200000", False, None)
    assert (seen.lockdown, seen.transparent_huge_pages, seen.split_lock_mitigate) == ("integrity", "madvise", False)
    assert seen.words == ("tsc=unstable", "idle=poll")
    assert (seen.numa_balancing, seen.ksm) == (None, None)


def test_the_hosts_cpus_and_tsc() -> None:
    seen = one(
        HostFacts,
        decode_host(
            bundle(
                ("/proc/stat", b"cpu  10 1 5 70 6 2 3 4 0 0"),
                (
                    "/proc/cpuinfo",
                    b"vendor_id\t: GenuineIntel\nmicrocode\t: 0x1\nflags\t\t: fpu tsc constant_tsc hypervisor\n",
                ),
            )
        ),
    )
    assert seen.ticks == CpuTicks(busy=21, idle=70, iowait=6, steal=4)
    assert (seen.tsc_flags, seen.microcode, seen.hypervisor) == (("tsc", "constant_tsc"), "0x1", True)


def test_memory() -> None:
    seen = one(
        MemoryReading,
        decode_memory(
            bundle(
                ("/proc/7/status", b"Name:\tqemu\nVmRSS:\t  100 kB\nVmSwap:\t  8 kB\n"),
                ("/proc/7/ksm_stat", b"ksm_rmap_items 0\nksm_merging_pages 12\n"),
                ("/proc/vmstat", b"nr_free_pages 1\npswpin 5\nallocstall_normal 2\n"),
                ("/proc/meminfo", b"MemTotal:  2048 kB\nMemAvailable:  1024 kB\n"),
                ("/proc/pressure/memory", b"some avg10=0.00 avg60=0.00 avg300=0.00 total=7\nfull avg10=0 total=3\n"),
            )
        ),
    )
    assert (seen.resident_bytes, seen.swapped_bytes, seen.merged_pages) == (102400, 8192, 12)
    assert dict(seen.counters) == {"pswpin": 5, "allocstall_normal": 2}
    assert (seen.memory_some_ns, seen.memory_full_ns, seen.io_some_ns) == (7000, 3000, None)
    assert (seen.host_available_bytes, seen.host_swap_total_bytes) == (1 << 20, None)


FAULTY = b"8 (CPU 0/KVM) S 1 1 1 0 -1 0 5 0 77 0 " + b"0 " * 40 + b"0\n"


def test_faults_of_threads() -> None:
    seen = one(FaultTable, decode_faults(bundle(("/proc/7/task/8/stat", FAULTY), ("/proc/9/stat", FAULTY))))
    assert [(thread.tid, thread.major_faults) for thread in seen.threads] == [(8, 77)]


def storage(*more: tuple[str, bytes]) -> StorageReading:
    return one(
        StorageReading,
        decode_storage(
            bundle(
                ("/proc/7/fd/9", b"/srv/my disk.qcow2"),
                ("/proc/7/fdinfo/9", b"pos:\t0\nflags:\t0104002\nmnt_id:\t27\n"),
                ("/proc/7/fd/10", b"/dev/dm-3"),
                ("/proc/7/fdinfo/10", b"flags:\t00\nmnt_id:\t24\n"),
                (
                    "/proc/7/mountinfo",
                    b"27 1 0:40 / /srv/my\\040vms rw shared:1 - nfs4 nas:/x ro,hard\n24 1 0:6 / /dev rw - devtmpfs d rw\n",
                ),
                ("statvfs /proc/7/fd/9", b"f_frsize: 4096\nf_blocks: 1000\nf_bavail: 100\nf_files: 10\nf_favail: 0\n"),
                ("/sys/class/block/dm-3/dev", b"253:3\n"),
                ("/sys/class/block/dm-3/stat", b"10 0 80 0 20 0 160 0 1 55 60 0 0 0 0 0 0\n"),
                ("/sys/class/block/dm-3/inflight", b"       1        2\n"),
                ("/sys/class/block/dm-3/slaves/dm-1/dm/name", b"vg-pool-tpool\n"),
                ("/proc/self/sched", b"se.exec_start                                :      9000.500000\n"),
                ("/proc/55/stat", b"55 (nfsd) D 1 1 1 0 -1 0 5 0 0 0 " + b"0 " * 40 + b"0\n"),
                ("/proc/55/sched", b"se.exec_start                                :      4000.000000\n"),
                ("/proc/55/wchan", b"rpc_wait_bit_killable"),
                ("/proc/55/stack", b"[<0>] rpc_wait_bit_killable+0x24/0xa0\n[<0>] nfs_wait+0x1/0x2\n"),
                *more,
            )
        ),
    )


def test_what_is_behind_an_image() -> None:
    image, device = storage().images
    assert (image.path, image.fds, image.writable, image.network) == ("/srv/my disk.qcow2", (9,), True, True)
    assert (image.mount_point, image.fs_type, image.source, image.mounted_read_only) == (
        "/srv/my vms",
        "nfs4",
        "nas:/x",
        True,
    )
    assert (image.total_bytes, image.free_bytes, image.free_inodes, image.answers) == (4096000, 409600, 0, True)
    assert is_full(image)
    assert (device.path, device.device, device.writable, device.free_bytes) == ("/dev/dm-3", "253:3", False, None)


def test_devices_and_blocked_tasks() -> None:
    seen = storage()
    (device,) = seen.devices
    assert (device.reads, device.read_bytes, device.writes, device.written_bytes, device.busy_ms) == (
        10,
        40960,
        20,
        81920,
        55,
    )
    assert (device.reads_in_flight, device.writes_in_flight, device.thin_pool) == (1, 2, "vg-pool-tpool")
    (task,) = seen.blocked
    assert (task.tid, task.comm, task.wchan, task.since_ns) == (55, "nfsd", "rpc_wait_bit_killable", 5_000_500_000)
    assert task.stack == ("rpc_wait_bit_killable", "nfs_wait")


def test_a_file_system_that_does_not_answer() -> None:
    hung = pack(
        (
            Part("/proc/7/fd/9", b"/srv/a"),
            Part("/proc/7/fdinfo/9", b"flags:\t02\nmnt_id:\t27\n"),
            Part("statvfs /proc/7/fd/9", outcome=Outcome.TIMED_OUT),
        )
    )
    (image,) = one(StorageReading, decode_storage(Evidence(id="s", kind=Kind.STORAGE, source="s", data=hung))).images
    assert (image.answers, image.free_bytes, is_full(image)) == (False, None, False)


KERNEL = b"""<6>[    0.294161] clocksource: Switched to clocksource tsc
<4>[   12.000000][ T4711] x86/split lock detection: #AC: CPU 0/KVM/4711 took a split_lock trap at address: 0x7c1b
<6>[   13.000000] usb 1-1: new device
user  :warn  : [   13.500000] watchdog: BUG: soft lockup - CPU#1 stuck for 22s! [nor this:1]
<12>[   14.000000] watchdog: BUG: soft lockup - CPU#1 stuck for 22s! [not true:1]
kern  :err   : [   15.500000] INFO: task qemu-kvm:4700 blocked for more than 120 seconds.
no stamp at all
"""


def test_the_kernels_log() -> None:
    clocks = b"CLOCK_MONOTONIC: 20000000000\nCLOCK_MONOTONIC_RAW: 19000000000\n"
    seen = one(KernelLog, decode_kernel_log(bundle(("clocks", clocks), ("dmesg", KERNEL))))
    assert [(line.meaning, line.pid) for line in seen.matter] == [
        (KernelMeaning.CLOCKSOURCE, None),
        (KernelMeaning.SPLIT_LOCK, 4711),
        (KernelMeaning.HUNG_TASK, 4700),
    ]
    split = seen.matter[1]
    assert (split.mono_ns, split.wall_ns, split.comm) == (12 * 10**9, 10**18 - 8 * 10**9, "CPU 0/KVM")
    assert (seen.corrected_ns, seen.lines) == (10**9, 6)
    assert split.ref.line == 6  # behind the header and the clocks


@pytest.mark.parametrize(
    ("text", "meaning", "pid"),
    [
        ("kvm [4711]: ignored rdmsr: 0x611", KernelMeaning.KVM, 4711),
        ("kvm: requested 99733 ns i8254 timer period limited to 200000 ns", KernelMeaning.TIMER_LIMITED, None),
        ("watchdog: BUG: soft lockup - CPU#1 stuck for 22s! [CPU 0/KVM:31]", KernelMeaning.SOFT_LOCKUP, 31),
        ("rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:", KernelMeaning.RCU_STALL, None),
        ("Out of memory: Killed process 812 (qemu-system-x86) total-vm:1kB", KernelMeaning.OOM_KILL, 812),
        ("mce: [Hardware Error]: Machine check events logged", KernelMeaning.MACHINE_CHECK, None),
        ("EDAC MC0: 1 CE memory read error on CPU_SrcID#0", KernelMeaning.MEMORY_ERROR, None),
        ("I/O error, dev sda, sector 8 op 0x0:(READ)", KernelMeaning.IO_ERROR, None),
        ("nfs: server nas not responding, still trying", KernelMeaning.STORAGE_SILENT, None),
        (
            "device-mapper: thin: 253:2: switching pool to out-of-data-space (queue IO) mode",
            KernelMeaning.NO_SPACE,
            None,
        ),
        ("tsc: Marking TSC unstable due to clocksource watchdog", KernelMeaning.TSC, None),
        ("kvm: SMP vm created on host with unstable TSC; guest TSC will not be reliable", KernelMeaning.KVM_TSC, None),
        (" apic_timer_fn+0x31/0x60 [kvm]".strip(), KernelMeaning.TRACE, None),
        ("usb 1-1: new high-speed USB device", None, None),
    ],
)
def test_lines_of_the_kernel(text: str, meaning: KernelMeaning | None, pid: int | None) -> None:
    assert (meaning_of(text), task_of(text)[0]) == (meaning, pid)


DUMP = b"""EAX=0000aa55 EBX=00000000 ECX=00000000 EDX=00000080
ESI=00000000 EDI=00000000 EBP=00000000 ESP=00006f04
EIP=00007c02 EFL=00000002 [-------] CPL=0 II=0 A20=1 SMM=0 HLT=0
CS =0000 00000000 0000ffff 00009b00
CR0=00000010 CR2=00000000 CR3=00000000 CR4=00000000
EFER=0000000000000000
Code=00 00 <f4> eb fd
"""
RUNS = b"""2026-11-22 09:00:00.000+0000: starting up libvirt version: 9.0.0
error: kvm run failed Bad address
2026-11-22 10:00:00.000+0000: shutting down, reason=destroyed
2026-11-23 09:00:00.000+0000: starting up libvirt version: 9.0.0
char device redirected to /dev/pts/1 (label charserial0)
2026-11-23T09:01:00.123456Z qemu-system-x86_64: warning: host doesn't support requested feature: CPUID.07H:EBX.hle [bit 4]
KVM: entry failed, hardware error 0x80000021
"""


def qemu(data: bytes) -> QemuLog:
    return one(QemuLog, decode_qemu_log(Evidence(id="qemu-log.0", kind=Kind.QEMU_LOG, source="x", data=data)))


def test_only_the_last_run_counts() -> None:
    seen = qemu(RUNS + DUMP)
    assert [(line.meaning, line.number, line.ref.line) for line in seen.matter] == [
        (QemuMeaning.STARTED, None, 4),
        (QemuMeaning.CPU_FEATURE, None, 6),
        (QemuMeaning.ENTRY_FAILED, 0x80000021, 7),
    ]
    assert seen.whole
    assert seen.dump is not None
    assert (seen.dump.mode, seen.dump.address, seen.code) == (CpuMode.REAL, 0x7C02, "00 00 <f4> eb fd")


@pytest.mark.parametrize(
    ("line", "meaning", "number"),
    [
        (b"KVM internal error. Suberror: 3", QemuMeaning.INTERNAL_ERROR, 3),
        (b"error: kvm run failed Bad address", QemuMeaning.BAD_ADDRESS, None),
        (b"error: kvm run failed Function not implemented", QemuMeaning.RUN_FAILED, None),
        (b"KVM: unknown exit, hardware reason 31", QemuMeaning.UNKNOWN_EXIT, 0x31),
        (b"error: failed to set MSR 0x38d to 0x0", QemuMeaning.CPU_STATE, None),
        (
            b"qemu-system-x86_64: -device vfio-pci,host=01:00.0: VFIO_MAP_DMA failed: Cannot allocate memory",
            QemuMeaning.NO_MEMORY,
            None,
        ),
        (b"qemu-system-x86_64: vfio_dma_map(0x1) = -22", QemuMeaning.VFIO, None),
        (b"block I/O error in device 'drive0': No space left on device (28)", QemuMeaning.NO_SPACE, None),
        (b"qemu-system-x86_64: load of migration failed: Invalid argument", QemuMeaning.MIGRATION, None),
        (b"qemu-system-x86_64: terminating on signal 15 from pid 1", QemuMeaning.SHUT_DOWN, None),
        (b"qemu-system-x86_64: warning: something new", QemuMeaning.WARNING, None),
    ],
)
def test_lines_of_qemu(line: bytes, meaning: QemuMeaning, number: int | None) -> None:
    seen = qemu(line + b"\n")
    assert [(found.meaning, found.number) for found in seen.matter] == [(meaning, number)]
    assert not seen.whole
