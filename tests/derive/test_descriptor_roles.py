"""What QEMU uses each descriptor for; what nothing tells stays unknown."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from crazytrain.decode.command_line import config_of
from crazytrain.derive.descriptor_roles import derive_descriptor_roles
from crazytrain.model import fdrole
from crazytrain.model.evidence import Ref
from crazytrain.model.facts import (
    CallUse,
    Coverage,
    Descriptor,
    DescriptorTable,
    ErrorCount,
    Facts,
    QemuConfig,
    SignalRead,
    SyscallUse,
    ThreadActivity,
    ThreadRole,
    ThreadUse,
    TraceStory,
)
from crazytrain.model.fdkind import kind_of, vcpu_index

MAIN, VCPU, IOTHREAD, WORKER = 700, 705, 704, 709
THREADS = ThreadActivity(
    window_ns=10**9,
    samples=2,
    refs=(),
    threads=(
        ThreadUse(tid=MAIN, comm="qemu", role=ThreadRole.MAIN_LOOP),
        ThreadUse(tid=VCPU, comm="CPU 0/KVM", role=ThreadRole.VCPU, vcpu=0),
        ThreadUse(tid=IOTHREAD, comm="IO a", role=ThreadRole.IOTHREAD),
        ThreadUse(tid=WORKER, comm="worker", role=ThreadRole.WORKER),
    ),
)
KVM = ("/dev/kvm", "anon_inode:kvm-vm", "anon_inode:kvm-vcpu:0")


def fd(number: int, target: str, **known: object) -> Descriptor:
    base = Descriptor(fd=number, target=target, kind=kind_of(target), vcpu=vcpu_index(target))
    return msgspec.structs.replace(base, **known)


def eventfd(number: int, object_id: int | None = None) -> Descriptor:
    return fd(number, "anon_inode:[eventfd]", object_id=number if object_id is None else object_id)


def kvm(first: int) -> tuple[Descriptor, ...]:
    return tuple(fd(first + n, target) for n, target in enumerate(KVM))


def table(*descriptors: Descriptor, complete: bool = True, source: str = "descriptors.0") -> DescriptorTable:
    return DescriptorTable(descriptors=descriptors, complete=complete, refs=(Ref(source),))


def calls(*used: tuple[int | None, str, int], coverage: Coverage = Coverage.ALL_THREADS) -> SyscallUse:
    uses = tuple(CallUse(tid=tid, call=call, fd=number, count=100) for tid, call, number in used)
    return SyscallUse(method="bpf", coverage=coverage, window_ns=10**9, calls=uses)


def roles(*facts: object) -> dict[int, str]:
    found = derive_descriptor_roles(Facts(facts))
    assert found is not None
    return {d.fd: d.role for d in found.descriptors}


def test_without_a_table_there_are_no_roles() -> None:
    assert derive_descriptor_roles(Facts()) is None


# --- by the link ---


def test_the_kernels_own_names() -> None:
    assert roles(
        table(
            *kvm(11),
            fd(20, "/dev/net/tun", name="vnet0"),
            fd(21, "/dev/vhost-net"),
            fd(22, "/dev/vfio/12"),
            fd(23, "/memfd:pc.ram (deleted)"),
            fd(24, "anon_inode:[timerfd]"),
            fd(25, "anon_inode:[signalfd]", signals=(7, 14, 29)),
        )
    ) == {
        11: "KVM",
        12: fdrole.VIRTUAL_MACHINE,
        13: "vCPU 0",
        20: "tap vnet0",
        21: "vhost-net",
        22: fdrole.PASSED_THROUGH,
        23: fdrole.RAM,
        24: "",
        25: fdrole.MAIN_LOOP_SIGNALS,
    }


def test_old_kernels_do_not_say_which_vcpu() -> None:
    old = (fd(14, "anon_inode:kvm-vcpu"), fd(15, "anon_inode:kvm-vcpu"))
    assert roles(table(*old)) == {14: "vCPU 0", 15: "vCPU 1"}
    assert roles(table(*old, complete=False)) == {14: "a vCPU", 15: "a vCPU"}


def test_names_of_signals() -> None:
    found = derive_descriptor_roles(Facts([table(fd(5, "anon_inode:[signalfd]", signals=(7, 14, 64)))]))
    assert found is not None
    assert found.descriptors[0].why.endswith("SIGBUS, SIGALRM, signal 64")


# --- by the command line ---


def test_places_of_a_plain_command_line() -> None:
    config = config_of(
        [
            *(
                "qemu-system-x86_64",
                "-qmp",
                "unix:/run/q.sock,server=on,wait=off",
                "-monitor",
                "tcp:127.0.0.1:4444,server",
            ),
            *("-serial", "file:console.log", "-vnc", "0.0.0.0:5", "-drive", "file=images/web01.qcow2,if=virtio"),
            *(
                "-chardev",
                "socket,path=/run/qga.sock,server=on,id=qga0",
                "-netdev",
                "tap,id=net0,fd=30,vhost=on,vhostfd=31",
            ),
        ]
    )
    assert roles(
        table(
            fd(3, "socket:[1]", name="/run/q.sock", listening=True),
            fd(4, "socket:[2]", name="/run/q.sock", listening=False),
            fd(5, "socket:[3]", name="tcp:127.0.0.1:4444", listening=True),
            fd(6, "/var/lib/x/console.log"),
            fd(7, "socket:[4]", name="tcp:0.0.0.0:5905", listening=False),
            fd(8, "/srv/images/web01.qcow2"),
            fd(9, "socket:[5]", name="/run/qga.sock", listening=True),
            fd(12, "/srv/images/base.qcow2", locked=True),
            fd(13, "socket:[6]"),
            fd(14, "socket:[7]", name="/run/other.sock", listening=True),
            fd(30, "/dev/net/tun"),
            fd(31, "/dev/vhost-net"),
        ),
        config,
    ) == {
        3: "QMP monitor",
        4: "QMP monitor, client connected",
        5: "HMP monitor",
        6: "console",
        7: "VNC, client connected",
        8: "disk image web01.qcow2",
        9: fdrole.AGENT,
        12: "disk image base.qcow2",
        13: "",
        14: "",
        30: "tap net0",
        31: "vhost-net",
    }


def test_a_monitor_that_libvirt_handed_over_by_number_and_its_client() -> None:
    config = config_of(
        ["q", "-chardev", "socket,id=charmonitor,fd=28,server=on,wait=off", "-mon", "chardev=charmonitor,mode=control"]
    )
    path = "/var/lib/libvirt/qemu/domain-1-web01/monitor.sock"
    sockets = (fd(28, "socket:[1]", name=path, listening=True), fd(30, "socket:[2]", name=path, listening=False))
    assert roles(table(*sockets), config) == {28: "QMP monitor", 30: "QMP monitor, client connected"}
    assert roles(table(*sockets)) == {28: "QMP monitor", 30: "QMP monitor, client connected"}  # by the path alone


def test_a_pty_is_the_console_where_nothing_else_is_a_pty() -> None:
    pty = table(fd(13, "/dev/ptmx", name="/dev/pts/4"))
    assert roles(pty, config_of(["q", "-serial", "pty"])) == {13: "console on /dev/pts/4"}
    assert roles(pty, config_of(["q", "-serial", "pty", "-monitor", "pty"])) == {13: "character device on /dev/pts/4"}


def test_standard_streams() -> None:
    found = roles(table(fd(0, "/dev/null"), fd(1, "/tmp/log"), fd(2, "pipe:[3]"), fd(10, "/dev/null")))
    assert found == {0: "standard input", 1: "standard output", 2: "standard error", 10: ""}


def test_what_a_pasted_listing_said_is_kept_where_nothing_better_is_known() -> None:
    assert roles(table(fd(19, "/dev/net/tun", role="tap", why="its name"), source="fd.txt")) == {19: "tap"}


# --- by what threads do ---


def test_a_counter_that_threads_write_and_the_main_loop_reads_wakes_it() -> None:
    used = calls((MAIN, "read", 14), (WORKER, "write", 14), (VCPU, "write", 14))
    assert roles(table(*kvm(11), eventfd(14)), THREADS, used)[14] == fdrole.MAIN_LOOP_WAKEUP


def test_a_counter_that_nobody_writes_is_kicked_by_kvm() -> None:
    used = calls((MAIN, "read", 20), (IOTHREAD, "read", 21))
    found = roles(table(*kvm(11), eventfd(20), eventfd(21)), THREADS, used)
    assert (found[20], found[21]) == (fdrole.KICK, fdrole.KICK)


def test_a_kick_is_not_told_from_the_end_of_kernel_disk_io() -> None:
    used = calls((MAIN, "read", 20), (MAIN, "io_submit", 7))
    assert roles(table(*kvm(11), eventfd(20)), THREADS, used)[20] == fdrole.KERNEL_NOTICE


def test_nobody_writes_is_not_said_of_a_trace_of_some_threads() -> None:
    used = calls((MAIN, "read", 20), coverage=Coverage.SOME_THREADS)
    assert roles(table(*kvm(11), eventfd(20)), THREADS, used)[20] == ""


def test_a_counter_that_nobody_reads_interrupts_the_guest() -> None:
    used = calls((IOTHREAD, "write", 20))
    assert roles(table(*kvm(11), eventfd(20)), THREADS, used)[20] == fdrole.INTERRUPT
    tcg = QemuConfig(binary="q")
    assert roles(table(eventfd(20)), THREADS, used, tcg)[20] == ""


def test_an_iothreads_wake_up() -> None:
    used = calls((IOTHREAD, "read", 20), (MAIN, "write", 20))
    assert roles(table(*kvm(11), eventfd(20)), THREADS, used)[20] == fdrole.IOTHREAD_WAKEUP


def test_under_tcg_a_vcpu_thread_kicks() -> None:
    signals = fd(5, "anon_inode:[signalfd]")
    used = calls((VCPU, "write", 20), (MAIN, "read", 20), (VCPU, "write", 6), (MAIN, "read", 6))
    found = roles(table(signals, eventfd(6), eventfd(20)), THREADS, used, QemuConfig(binary="q"))
    assert (found[6], found[20]) == (fdrole.MAIN_LOOP_WAKEUP, fdrole.EMULATED_KICK)


def test_an_idle_wake_up_is_told_by_its_neighbour() -> None:
    found = roles(table(fd(5, "anon_inode:[signalfd]"), eventfd(4), eventfd(7), eventfd(20)))
    assert (found[4], found[7], found[20]) == (fdrole.MAIN_LOOP_WAKEUP, fdrole.MAIN_LOOP_WAKEUP, "")


def test_neighbours_in_a_listing_that_was_cut_tell_nothing() -> None:
    assert roles(table(fd(5, "anon_inode:[signalfd]"), eventfd(4), complete=False))[4] == ""


def test_two_descriptors_of_one_object_are_one() -> None:
    used = calls((MAIN, "read", 20), (WORKER, "write", 31))
    found = roles(table(*kvm(11), eventfd(20, 9), eventfd(31, 9), eventfd(32, 10)), THREADS, used)
    assert (found[20], found[31], found[32]) == (fdrole.MAIN_LOOP_WAKEUP, fdrole.MAIN_LOOP_WAKEUP, "")


def test_calls_that_failed_are_no_reads() -> None:
    drained = CallUse(tid=MAIN, call="read", fd=20, count=5, errors=(ErrorCount("EAGAIN", 5),))
    used = SyscallUse(method="bpf", coverage=Coverage.ALL_THREADS, window_ns=1, calls=(drained,))
    assert roles(table(*kvm(11), eventfd(20)), THREADS, used)[20] == ""


def test_rings_and_sets_by_who_waits_on_them() -> None:
    used = calls((MAIN, "epoll_wait", 20), (IOTHREAD, "io_uring_enter", 21))
    descriptors = (fd(20, "anon_inode:[eventpoll]"), fd(21, "anon_inode:[io_uring]"), fd(22, "anon_inode:[io_uring]"))
    found = roles(table(*descriptors), THREADS, used)
    assert found == {20: "event loop of the main loop", 21: "event loop or disk I/O of an iothread", 22: ""}


# --- the case of 2012: one thread, no numbers of objects, two descriptors of one eventfd ---

LISTING_2012 = table(
    fd(7, "anon_inode:[eventfd]"),
    fd(8, "anon_inode:[eventfd]"),
    fd(10, "anon_inode:[signalfd]"),
    fd(14, "anon_inode:kvm-vcpu"),
    fd(17, "anon_inode:[signalfd]"),
    complete=False,
    source="fd.txt",
)
STORY_2012 = TraceStory(signals=(SignalRead(fd=17, number=14, code=-2, ref=Ref("strace.txt", 10)),))


def test_a_pair_that_the_main_loop_writes_and_reads_is_its_wake_up() -> None:
    used = calls((None, "write", 8), (None, "read", 7), (None, "read", 17), coverage=Coverage.ONE_THREAD)
    found = derive_descriptor_roles(Facts([LISTING_2012, used, STORY_2012]))
    assert found is not None
    known = {d.fd: d for d in found.descriptors}
    assert known[7].role == known[8].role == fdrole.MAIN_LOOP_WAKEUP
    assert "one object held twice" in known[7].why
    assert (known[17].role, known[17].why) == (fdrole.MAIN_LOOP_SIGNALS, "SIGALRM was read from it")
    assert known[14].role == "a vCPU"


def test_without_a_signal_the_thread_of_a_trace_is_not_known() -> None:
    used = calls((None, "write", 8), (None, "read", 7), coverage=Coverage.ONE_THREAD)
    alone = table(fd(7, "anon_inode:[eventfd]"), fd(8, "anon_inode:[eventfd]"), complete=False, source="fd.txt")
    assert roles(alone, used) == {7: "", 8: ""}


# --- two readings ---


def test_what_was_opened_and_closed_in_the_window_is_told() -> None:
    before = table(fd(3, "/dev/kvm"), fd(4, "/old.img"), fd(5, "/a"))
    after = table(fd(3, "/dev/kvm"), fd(5, "/b"), fd(6, "/new.img"), source="descriptors.1")
    found = derive_descriptor_roles(Facts([before, after]))
    assert found is not None
    assert {d.fd: d.detail for d in found.descriptors} == {
        3: "",
        4: "closed in the window",
        5: "was /a at the window's start",
        6: "opened in the window",
    }


def test_two_pasted_listings_are_not_mixed() -> None:
    tables = (table(fd(3, "/dev/kvm"), source="a.txt"), table(fd(4, "/dev/null"), source="b.txt"))
    assert list(roles(*tables)) == [4]


TARGETS = st.sampled_from(
    [
        *(*KVM, "anon_inode:kvm-vcpu", "anon_inode:[eventfd]", "anon_inode:[signalfd]", "anon_inode:[eventpoll]"),
        *("/dev/ptmx", "socket:[1]", "/dev/net/tun", "/a.img", "/memfd:x", "", "anon_inode:[io_uring]"),
    ]
)
DESCRIPTORS = st.builds(
    lambda number, target, object_id, name, listening: fd(
        number, target, object_id=object_id, name=name, listening=listening
    ),
    st.integers(0, 12),
    TARGETS,
    st.none() | st.integers(0, 3),
    st.sampled_from(["", "/a", "tcp:0.0.0.0:1", "/dev/pts/1"]) | st.text(max_size=6),
    st.none() | st.booleans(),
)
CALLS = st.builds(
    CallUse,
    tid=st.sampled_from([None, MAIN, VCPU, IOTHREAD, WORKER, 1]),
    call=st.sampled_from(["read", "write", "io_submit", "epoll_wait", "io_uring_enter", "ioctl"]),
    fd=st.none() | st.integers(0, 12),
    count=st.integers(1, 9),
)


@given(
    st.lists(DESCRIPTORS, max_size=10, unique_by=lambda d: d.fd),
    st.lists(CALLS, max_size=10),
    st.sampled_from(Coverage),
    st.lists(st.text(alphabet="afduxnpi:=,/0-9 ", max_size=12), max_size=4),
    st.booleans(),
)
def test_any_facts_give_roles_or_none(
    descriptors: list[Descriptor], used: list[CallUse], coverage: Coverage, words: list[str], complete: bool
) -> None:
    config = QemuConfig(
        binary="q",
        monitors=tuple(words),
        consoles=tuple(words),
        chardevs=tuple(words),
        nics=tuple(words),
        displays=tuple(words),
        images=tuple(words),
    )
    use = SyscallUse(method="bpf", coverage=coverage, window_ns=1, calls=tuple(used))
    found = derive_descriptor_roles(Facts([table(*descriptors, complete=complete), use, config, THREADS]))
    assert found is not None
    assert [d.fd for d in found.descriptors] == [d.fd for d in descriptors]
    assert all(bool(d.why) >= bool(d.role) for d in found.descriptors)
