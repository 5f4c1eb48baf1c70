"""Threads are read at several instants; one that ends, a pid that is given anew and a denied file are told as such."""

import asyncio
import itertools
import os

import pytest

from crazytrain.collect.overview import overview_readings
from crazytrain.collect.tasks import THREAD_LIMIT, collect_tasks, instants, kernel_threads
from crazytrain.host.fake import FakeHost
from crazytrain.model.bundle import unpack
from crazytrain.model.evidence import Kind, Outcome
from tests.collect.making import DENIED, HOST_FILES, ChangingHost, a_guest, look_at, process, stat

GONE = FileNotFoundError(2, os.strerror(2))
QEMU = process(700, "qemu-system-x86", ["q"], threads={700: "qemu-system-x86", 705: "CPU 0/KVM"})
KERNEL_THREAD = {
    "/proc/711/comm": b"kvm-pit/700\n",
    "/proc/711/stat": stat(711, "kvm-pit/700", flags=0x200000),
    "/proc/711/schedstat": b"5 0 1\n",
}


@pytest.mark.parametrize(("seconds", "count"), [(0, 3), (1, 3), (2, 5), (5, 11), (10, 21), (600, 21)])
def test_instants(seconds: int, count: int) -> None:
    moments = instants(7, 7 + seconds * 10**9)
    assert len(moments) == count
    assert (moments[0], moments[-1]) == (7, 7 + seconds * 10**9)


def test_every_instant_is_kept_as_soon_as_it_was_read() -> None:
    look, kept = look_at(FakeHost({**HOST_FILES, **QEMU, **KERNEL_THREAD}), a_guest(700))
    asyncio.run(collect_tasks(look))
    assert [e.id for e in kept] == ["tasks.0", "tasks.1", "tasks.2", "tasks.3", "tasks.4"]
    assert {e.outcome for e in kept} == {Outcome.OK}
    assert {e.kind for e in kept} == {Kind.TASKS}
    apart = [(b.mono_ns - a.mono_ns) / 1e9 for a, b in itertools.pairwise(kept)]
    assert apart == pytest.approx([0.5] * 4, rel=0.01)


def test_a_bundle_holds_each_file_of_each_thread_and_of_kernel_threads() -> None:
    look, kept = look_at(FakeHost({**HOST_FILES, **QEMU, **KERNEL_THREAD}), a_guest(700))
    asyncio.run(collect_tasks(look))
    parts = {p.name: p.data for p in unpack(kept[1].data)}
    assert parts["clk_tck"] == b"100\n"
    assert parts["/proc/700/task/705/comm"] == b"CPU 0/KVM\n"
    assert parts["/proc/700/task/705/schedstat"] == b"1000 10 1\n"
    assert parts["/proc/711/stat"] == KERNEL_THREAD["/proc/711/stat"]
    assert "/proc/700/task/705/status" not in parts


def test_context_switches_are_read_at_both_ends_only() -> None:
    files = {**HOST_FILES, **QEMU, "/proc/700/task/705/status": b"voluntary_ctxt_switches:\t7\n"}
    look, kept = look_at(FakeHost(files), a_guest(700))
    asyncio.run(collect_tasks(look))
    assert [b"voluntary" in e.data for e in kept] == [True, False, False, False, True]


def test_a_process_that_ends_in_the_middle_ends_the_series() -> None:
    changes = [(900_000_000, f"/proc/700/{name}", GONE) for name in ("stat", "task/700/stat")]
    look, kept = look_at(ChangingHost({**HOST_FILES, **QEMU}, changes), a_guest(700))
    asyncio.run(collect_tasks(look))
    assert [e.outcome for e in kept] == [Outcome.OK, Outcome.OK, Outcome.ABSENT]
    assert kept[-1].detail == "the process has ended"


def test_a_pid_that_was_given_anew_is_never_read_as_the_guest() -> None:
    changes = [(400_000_000, "/proc/700/stat", stat(700, "qemu-system-x86", start=900))]
    look, kept = look_at(ChangingHost({**HOST_FILES, **QEMU}, changes), a_guest(700, start=500))
    asyncio.run(collect_tasks(look))
    assert [e.outcome for e in kept] == [Outcome.OK, Outcome.ABSENT]
    assert kept[-1].detail == "pid 700 is another process now"
    assert kept[-1].data == b""


def test_a_folder_that_is_denied_is_an_outcome() -> None:
    class Denying(FakeHost):
        def names(self, path: str) -> tuple[str, ...]:
            if path.startswith("/proc/700/"):
                raise DENIED
            return super().names(path)

    look, kept = look_at(Denying({**HOST_FILES, **QEMU}), a_guest(700))
    asyncio.run(collect_tasks(look))
    assert {e.outcome for e in kept} == {Outcome.DENIED}


def test_threads_are_bounded_and_that_is_told() -> None:
    many = {700: "qemu-system-x86", **{800 + n: "worker" for n in range(THREAD_LIMIT + 5)}}
    files = {**HOST_FILES, **process(700, "qemu-system-x86", ["q"], threads=many)}
    look, kept = look_at(FakeHost(files), a_guest(700), seconds=0)
    asyncio.run(collect_tasks(look))
    assert {e.outcome for e in kept} == {Outcome.TRUNCATED}
    assert kept[0].detail.startswith(f"{THREAD_LIMIT} of {THREAD_LIMIT + 6} threads")


def test_a_thread_that_vanishes_while_it_is_read_spoils_nothing() -> None:
    files = {**HOST_FILES, **QEMU, "/proc/700/task/705/stat": ProcessLookupError(3, "No such process")}
    look, kept = look_at(FakeHost(files), a_guest(700), seconds=0)
    asyncio.run(collect_tasks(look))
    assert kept[0].outcome is Outcome.OK
    assert "/proc/700/task/705/stat: absent" in kept[0].detail


def test_kernel_threads_by_the_process_they_work_for() -> None:
    names = {5: "kvm-pit/700", 6: "vhost-700", 7: "kvm-nx-lpage-recovery-701", 8: "kvm-nx-lpage-re", 9: "vhost-700x"}
    host = FakeHost({f"/proc/{pid}/comm": f"{name}\n".encode() for pid, name in names.items()})
    assert asyncio.run(kernel_threads(host)) == {700: (5, 6), 701: (7,)}


def test_the_overview_reads_all_guests_twice() -> None:
    other = process(900, "qemu-kvm", ["q"], start=600)
    host = FakeHost({**HOST_FILES, **QEMU, **KERNEL_THREAD, **other})
    rows = asyncio.run(overview_readings(host, (a_guest(700), a_guest(900, 600)), 0.5))
    assert [(guest.pid, [e.id for e in seen]) for guest, seen in rows] == [
        (700, ["tasks.0", "tasks.1"]),
        (900, ["tasks.0", "tasks.1"]),
    ]
    assert b"/proc/711/stat" in rows[0][1][0].data
    assert b"/proc/711/stat" not in rows[1][1][0].data


def test_the_overview_keeps_one_reading_of_a_guest_whose_pid_was_given_anew() -> None:
    changes = [(300_000_000, "/proc/700/stat", stat(700, "bash", start=900))]
    host = ChangingHost({**HOST_FILES, **QEMU}, changes)
    ((_, seen),) = asyncio.run(overview_readings(host, (a_guest(700),), 0.5))
    assert [e.id for e in seen] == ["tasks.0"]
