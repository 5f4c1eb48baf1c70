"""Bundles of /proc: whatever bytes they hold, decoding gives facts or nothing, and never zeros for what was not seen."""

import doctest
from collections.abc import Callable, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crazytrain.decode import descriptors, host, identity, proc_text, tasks
from crazytrain.decode.proc_text import decimal, number, stat_line
from crazytrain.model.bundle import Part, pack
from crazytrain.model.evidence import Evidence, Kind, Outcome
from crazytrain.model.facts import DescriptorTable, HostFacts, ProcessFacts, QemuConfig, TaskReading, TaskTable

Decode = Callable[[Evidence], Iterable[object]]
DECODERS: tuple[tuple[Kind, Decode], ...] = (
    (Kind.TASKS, tasks.decode_tasks),
    (Kind.DESCRIPTORS, descriptors.decode_descriptors),
    (Kind.IDENTITY, identity.decode_identity),
    (Kind.HOST, host.decode_host),
)
# Verbatim, from a QEMU 7.2 under Linux 6.18.
VCPU_STAT = (
    b"4036 (CPU 0/KVM) R 1 4027 959 0 -1 138412224 299 0 0 0 6705 83765 0 0 20 0 5 0 42268 441729024 10097"
    b" 18446744073709551615 94243192561664 94243198422101 140729884556304 0 0 0 2147219511 4100 16963 0 0 0 -1 0 0 0 0"
    b" 322 0 94243201534200 94243206738352 94244100857856 140729884559908 140729884560084 140729884560084 1407 0\n"
)
PIT_STAT = (
    b"4037 (kvm-pit/4031) S 2 0 0 0 -1 2129984 0 0 0 0 0 36 0 0 20 0 1 0 42269 0 0 18446744073709551615 0 0 0 0 0 0 0"
    b" 2147483647 0 1 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 0\n"
)
NX_STAT = (
    b"4039 (kvm-nx-lpage-re) S 1 4027 959 0 -1 138428608 0 0 0 0 0 0 0 0 20 0 5 0 42270 441729024 10097"
    b" 18446744073709551615 1 1 1 0 0 0 2147221247 4100 16963 1 0 0 -1 1 0 0 0 0 0 1 1 1 1 1 1 1 0\n"
)


def evidence(kind: Kind, *parts: Part, outcome: Outcome = Outcome.OK) -> Evidence:
    return Evidence(id=f"{kind.value}.0", kind=kind, source="/proc/4031", data=pack(parts), outcome=outcome, mono_ns=5)


def table_of(*parts: Part, outcome: Outcome = Outcome.OK) -> TaskTable:
    (table,) = tasks.decode_tasks(evidence(Kind.TASKS, *parts, outcome=outcome))
    assert isinstance(table, TaskTable)
    return table


def descriptors_of(*parts: Part) -> DescriptorTable:
    (table,) = descriptors.decode_descriptors(evidence(Kind.DESCRIPTORS, *parts))
    assert isinstance(table, DescriptorTable)
    return table


@pytest.mark.parametrize("module", [proc_text, host])
def test_samples_in_docstrings(module: object) -> None:
    assert doctest.testmod(module).failed == 0  # type: ignore[arg-type]


@pytest.mark.parametrize(("kind", "decode"), DECODERS)
@given(data=st.binary(max_size=4000))
def test_any_bytes(kind: Kind, decode: Decode, data: bytes) -> None:
    list(decode(Evidence(id="x", kind=kind, source="x", data=data)))


NAMES = st.sampled_from(
    [
        *(f"/proc/7/task/8/{name}" for name in ("comm", "stat", "schedstat", "status", "mono_ns")),
        *(f"/proc/7/{name}" for name in ("comm", "stat", "status", "cgroup", "limits", "exe", "cmdline")),
        *(
            "/proc/7/fd/3",
            "/proc/7/fd/4",
            "/proc/7/fdinfo/3",
            "/proc/7/net/unix",
            "/proc/7/net/tcp",
            "/proc/7/net/tcp6",
        ),
        *("clk_tck", "/proc/uptime", "/proc/loadavg", "/proc/cpuinfo", "/proc/pressure/cpu"),
        "/sys/devices/system/cpu/online",
    ]
)
PIECES = st.lists(
    st.sampled_from(
        [
            *(
                VCPU_STAT,
                PIT_STAT,
                b"socket:[12]",
                b"anon_inode:kvm-vcpu:",
                b"anon_inode:[eventfd]",
                b"eventfd-count: ",
                b"9",
            ),
            *(
                b"sigmask:\t",
                b"ffff",
                b"tfd: 7 ",
                b"lock:\t1: OFDLCK ADVISORY READ -1 fe:00:1 100 101",
                b" ",
                b"\n",
                b"\0",
                b":",
            ),
            *(b"some avg10=", b"1.", b"0-3,8", b"0100007F:170C ", b"-1 ", b"\xff", b")", b"(", b"0A ", b"00010000 "),
        ]
    )
    | st.binary(max_size=6),
    max_size=14,
).map(b"".join)


@pytest.mark.parametrize(("kind", "decode"), DECODERS)
@given(parts=st.lists(st.builds(Part, NAMES, PIECES), max_size=12))
def test_any_content_of_files(kind: Kind, decode: Decode, parts: list[Part]) -> None:
    list(decode(evidence(kind, *parts)))


# --- stat and numbers ---


@pytest.mark.parametrize("name", ["a b", "a) R 1 2 (b", ")", "(", "a\nb", "", "CPU 0/KVM", "\xff"])
def test_a_name_may_hold_anything(name: str) -> None:
    found = stat_line(VCPU_STAT.replace(b"CPU 0/KVM", name.encode()))
    assert found is not None
    assert (found.comm, found.state, found.start_ticks, found.guest_ticks) == (name, "R", 42268, 322)


@given(st.integers(0, len(VCPU_STAT) - 60))
def test_a_stat_line_that_was_cut_is_none(length: int) -> None:
    assert stat_line(VCPU_STAT[:length].rpartition(b" ")[0][:200]) is None


@pytest.mark.parametrize(
    "text", [b"", b"-1", b"1e3", b"0x10", b"9" * 21, b"1 2", "٣".encode(), b"1.2.3", b"nan", b"inf"]
)
def test_what_is_no_number(text: bytes) -> None:
    assert number(text) is None
    assert decimal(text) is None


# --- tasks ---


def test_a_thread_at_one_instant() -> None:
    folder = "/proc/4031/task/4036"
    table = table_of(
        Part("clk_tck", b"250\n"),
        Part("/proc/uptime", b"1000.50 900.00\n"),
        Part(f"{folder}/mono_ns", b"77\n"),
        Part(f"{folder}/comm", b"CPU 0/KVM\n"),
        Part(f"{folder}/stat", VCPU_STAT),
        Part(f"{folder}/schedstat", b"904708425966 4419221419 36379\n"),
        Part(f"{folder}/status", b"Name:\tCPU 0/KVM\nvoluntary_ctxt_switches:\t12\nnonvoluntary_ctxt_switches:\t3\n"),
    )
    assert (table.pid, table.ticks_per_s, table.host_uptime_s, table.mono_ns) == (4031, 250, 1000.5, 5)
    assert table.complete
    assert table.tasks == (
        TaskReading(
            tid=4036,
            comm="CPU 0/KVM",
            state="R",
            user_ticks=6705,
            system_ticks=83765,
            guest_ticks=322,
            start_ticks=42268,
            run_ns=904708425966,
            delay_ns=4419221419,
            voluntary_switches=12,
            involuntary_switches=3,
            mono_ns=77,
        ),
    )


def test_what_was_not_read_is_not_zero() -> None:
    folder = "/proc/4031/task/4036"
    table = table_of(Part(f"{folder}/stat", VCPU_STAT), Part(f"{folder}/schedstat", outcome=Outcome.ABSENT))
    (task,) = table.tasks
    assert (task.run_ns, task.delay_ns, task.voluntary_switches) == (None, None, None)
    assert table.host_uptime_s is None


def test_a_kernel_without_scheduling_figures_writes_zeros() -> None:
    folder = "/proc/4031/task/4036"
    (task,) = table_of(Part(f"{folder}/stat", VCPU_STAT), Part(f"{folder}/schedstat", b"0 0 0\n")).tasks
    assert (task.run_ns, task.delay_ns) == (None, None)


def test_threads_of_the_kernel() -> None:
    table = table_of(
        Part("/proc/4031/task/4039/stat", NX_STAT),
        Part("/proc/4031/task/4036/stat", VCPU_STAT),
        Part("/proc/4037/stat", PIT_STAT),
    )
    assert [(t.tid, t.kernel) for t in table.tasks] == [(4039, True), (4036, False), (4037, True)]


def test_a_process_that_only_calls_itself_like_a_kernel_thread_is_left_out() -> None:
    impostor = PIT_STAT.replace(b"2129984", b"4194304").replace(b"4037", b"666")
    table = table_of(Part("/proc/4031/task/4036/stat", VCPU_STAT), Part("/proc/666/stat", impostor))
    assert [t.tid for t in table.tasks] == [4036]


def test_an_old_flag_alone_makes_no_kernel_thread() -> None:
    worker = NX_STAT.replace(b"kvm-nx-lpage-re", b"worker")
    assert not table_of(Part("/proc/4031/task/4039/stat", worker)).tasks[0].kernel


def test_a_bundle_without_a_readable_thread_gives_nothing() -> None:
    parts = (Part("clk_tck", b"100\n"), Part("/proc/4031/task/4036/stat", outcome=Outcome.ABSENT))
    assert list(tasks.decode_tasks(evidence(Kind.TASKS, *parts))) == []


def test_a_cut_list_of_threads_is_told() -> None:
    part = Part("/proc/4031/task/4036/stat", VCPU_STAT)
    assert not table_of(part, outcome=Outcome.TRUNCATED).complete


# --- descriptors ---


def test_descriptors_with_all_that_fdinfo_adds() -> None:
    table = descriptors_of(
        Part("/proc/1/fd/10", b"/dev/ptmx"),
        Part("/proc/1/fd/3", b"socket:[6799]"),
        Part("/proc/1/fd/4", b"anon_inode:[eventfd]"),
        Part("/proc/1/fd/5", b"anon_inode:[signalfd]"),
        Part("/proc/1/fd/6", b"anon_inode:[eventpoll]"),
        Part("/proc/1/fd/7", b"/dev/net/tun"),
        Part("/proc/1/fd/8", b"/var/lib/disk one.img (deleted)"),
        Part("/proc/1/fd/9", b"anon_inode:kvm-vcpu:3"),
        Part("/proc/1/fdinfo/4", b"pos:\t0\nflags:\t02004002\neventfd-count:               28\neventfd-id: 10\n"),
        Part("/proc/1/fdinfo/5", b"pos:\t0\nsigmask:\t0000000010002040\n"),
        Part(
            "/proc/1/fdinfo/6",
            b"tfd:        4 events:       19 data: 4  pos:0 ino:1 sdev:d\ntfd:  7 events: 1 data: 7\n",
        ),
        Part("/proc/1/fdinfo/7", b"pos:\t0\niff:\tvnet0\n"),
        Part("/proc/1/fdinfo/8", b"pos:\t0\nlock:\t1: OFDLCK ADVISORY  READ -1 fe:00:2148676 100 101\n"),
        Part("/proc/1/fdinfo/10", b"tty-index:\t4\n"),
        Part("/proc/1/net/unix", b"Num\n0084f0f23e: 00000002 00000000 00010000 0001 01  6799 /run/a b.sock\n"),
    )
    known = {d.fd: d for d in table.descriptors}
    assert list(known) == sorted(known)
    assert (known[3].name, known[3].listening) == ("/run/a b.sock", True)
    assert (known[4].count, known[4].object_id, known[4].detail) == (0x28, 10, "count 40")
    assert known[5].signals == (7, 14, 29)
    assert known[6].watches == (4, 7)
    assert known[7].name == "vnet0"
    assert known[8].locked
    assert (known[8].target, known[8].kind) == ("/var/lib/disk one.img (deleted)", "file")
    assert (known[9].kind, known[9].vcpu) == ("kvm-vcpu", 3)
    assert known[10].name == "/dev/pts/4"
    assert table.complete


def test_addresses_of_tcp_sockets() -> None:
    table = descriptors_of(
        Part("/proc/1/fd/3", b"socket:[11]"),
        Part("/proc/1/fd/4", b"socket:[12]"),
        Part("/proc/1/fd/5", b"socket:[13]"),
        Part("/proc/1/net/tcp", b"h\n 0: 0100007F:170C 00000000:0000 0A 0:0 00:0 0 0 0 11 1 0\n"),
        Part("/proc/1/net/tcp6", b"h\n 0: 00000000000000000000000001000000:1F90 0:0 01 0:0 00:0 0 0 0 12 1\n"),
    )
    assert [(d.name, d.listening) for d in table.descriptors] == [
        ("tcp:127.0.0.1:5900", True),
        ("tcp:[0000:0000:0000:0000:0000:0000:0000:0001]:8080", False),
        ("", None),
    ]


def test_each_descriptor_cites_its_own_line() -> None:
    parts = (Part("/proc/1/fd/3", b"/dev/kvm"), Part("/proc/1/fd/4", b"anon_inode:kvm-vm"))
    seen = evidence(Kind.DESCRIPTORS, *parts)
    (table,) = descriptors.decode_descriptors(seen)
    assert isinstance(table, DescriptorTable)
    lines = seen.data.decode().splitlines()
    cited = [d.refs[0].line for d in table.descriptors]
    assert [lines[(line or 0) - 1] for line in cited] == ["/dev/kvm", "anon_inode:kvm-vm"]


# --- identity and host ---


def test_a_process_and_its_command_line() -> None:
    facts = list(
        identity.decode_identity(
            evidence(
                Kind.IDENTITY,
                Part("/proc/4036/stat", VCPU_STAT),
                Part(
                    "/proc/4036/status",
                    b"Name:\tx\nUid:\t107\t107\t107\t107\nVmRSS:\t  40444 kB\nVmSwap:\t 8 kB\nTracerPid:\t0\n",
                ),
                Part("/proc/4036/comm", b"qemu-system-x86\n"),
                Part("/proc/4036/exe", b"/usr/bin/qemu-system-x86_64 (deleted)"),
                Part("/proc/4036/cgroup", b"0::/machine.slice\n"),
                Part("/proc/4036/limits", b"Limit\nMax open files            1024                 4096   files\n"),
                Part("/proc/uptime", b"1000.00 1.00\n"),
                Part("clk_tck", b"100\n"),
                Part("/proc/4036/cmdline", b"qemu-system-x86_64\0-name\0a,,b\0-smp\x002\0"),
            )
        )
    )
    process, config = facts
    assert isinstance(process, ProcessFacts)
    assert (process.pid, process.start_ticks, process.comm, process.uid) == (4036, 42268, "qemu-system-x86", 107)
    assert process.uptime_s == pytest.approx(577.32)
    assert (process.program, process.replaced) == ("/usr/bin/qemu-system-x86_64", True)
    assert (process.resident_bytes, process.swapped_bytes, process.traced_by) == (40444 << 10, 8 << 10, None)
    assert (process.cgroups, process.open_files_limit) == (("0::/machine.slice",), 1024)
    assert isinstance(config, QemuConfig)
    assert (config.name, config.vcpus) == ("a,b", 2)


def test_a_process_of_which_little_may_be_read() -> None:
    parts = (Part("/proc/4036/stat", VCPU_STAT), Part("/proc/4036/exe", outcome=Outcome.DENIED))
    (process,) = identity.decode_identity(evidence(Kind.IDENTITY, *parts))
    assert isinstance(process, ProcessFacts)
    assert (process.program, process.uid, process.uptime_s, process.swapped_bytes) == ("", None, None, None)


def test_an_empty_command_line_is_no_configuration() -> None:
    assert list(identity.decode_identity(evidence(Kind.IDENTITY, Part("/proc/1/cmdline", b"")))) == []


def host_of(*parts: Part) -> HostFacts:
    (found,) = host.decode_host(evidence(Kind.HOST, *parts))
    assert isinstance(found, HostFacts)
    return found


def test_a_host() -> None:
    clocks = "/sys/devices/system/clocksource/clocksource0/"
    found = host_of(
        Part("/proc/sys/kernel/osrelease", b"6.1.0-56-amd64\n"),
        Part("/proc/loadavg", b"1.42 1.40 0.89 3/100 23531\n"),
        Part("/proc/uptime", b"3329.15 6000.0\n"),
        Part("/proc/pressure/cpu", b"some avg10=26.58 avg60=2.29 avg300=3.31 total=1\nfull avg10=0.00 avg60=0.00\n"),
        Part("/proc/pressure/memory", outcome=Outcome.ABSENT),
        Part(f"{clocks}current_clocksource", b"tsc\n"),
        Part(f"{clocks}available_clocksource", b"tsc hpet acpi_pm \n"),
        Part("/proc/cpuinfo", b"model name\t: Intel(R) Xeon(R)\nflags\t\t: fpu hypervisor sse\n"),
        Part("/sys/devices/system/cpu/online", b"0-3,8\n"),
        Part("/sys/class/dmi/id/product_name", b"KVM\n"),
    )
    assert (found.kernel, found.cpus, found.clocksource) == ("6.1.0-56-amd64", 5, "tsc")
    assert found.clocksources == ("tsc", "hpet", "acpi_pm")
    assert (found.load_1min, found.uptime_s, found.pressure_cpu_avg10) == (1.42, 3329.15, 26.58)
    assert found.pressure_memory_avg10 is None
    assert (found.hypervisor, found.cpu_model, found.product) == (True, "Intel(R) Xeon(R)", "KVM")


def test_a_host_of_which_nothing_is_known() -> None:
    found = host_of()
    assert (found.hypervisor, found.cpus, found.load_1min, found.kernel) == (None, None, None, "")
    assert host_of(Part("/proc/cpuinfo", b"flags\t: fpu\n")).hypervisor is False
