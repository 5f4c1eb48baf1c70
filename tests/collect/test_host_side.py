"""Collectors of the host's side on recorded hosts: what is read, what is left alone, and how trouble is told."""

import asyncio
import os
from collections.abc import Mapping

import msgspec
import pytest

from crazytrain.collect.cgroup import collect_cgroup
from crazytrain.collect.host_params import collect_host_params
from crazytrain.collect.kernel_log import TAIL_BYTES, collect_kernel_log
from crazytrain.collect.memory import collect_memory
from crazytrain.collect.qemu_log import collect_qemu_log
from crazytrain.collect.registry import COLLECTORS
from crazytrain.collect.storage import collect_storage
from crazytrain.host.door import Finished, Space
from crazytrain.host.fake import FakeHost
from crazytrain.model.bundle import unpack
from crazytrain.model.evidence import Cost, Evidence, Kind, Outcome
from crazytrain.model.guest import Manager
from tests.collect.making import HOST_FILES, a_guest, look_at, process, stat

RAW_BEHIND_NS = 15_000
ROOT2 = "/sys/fs/cgroup"
SCOPE = f"{ROOT2}/machine.slice/machine-qemu-1-web01.scope"
OWN = {**HOST_FILES, **process(700, "qemu", ["q"], threads={700: "qemu", 701: "CPU 0/KVM"})}
OTHER = process(700, "vim", ["vim"], start=501)
MOUNTINFO2 = b"31 23 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw\n"
GROUPS: dict[str, bytes | OSError] = {
    "/proc/self/mountinfo": b"27 1 254:0 / / rw - ext4 /dev/vda rw\n" + MOUNTINFO2,
    "/proc/700/cgroup": b"0::/machine.slice/machine-qemu-1-web01.scope/libvirt/emulator\n",
    "/proc/700/task/700/cgroup": b"0::/machine.slice/machine-qemu-1-web01.scope/libvirt/emulator\n",
    "/proc/700/task/701/cgroup": b"0::/machine.slice/machine-qemu-1-web01.scope/libvirt/vcpu0\n",
    "/proc/700/task/701/status": b"Name:\tCPU 0/KVM\nCpus_allowed_list:\t2-3\n",
    f"{SCOPE}/libvirt/vcpu0/cpu.max": b"20000 100000\n",
    f"{SCOPE}/cgroup.events": b"populated 1\nfrozen 0\n",
    f"{ROOT2}/cpu.stat": b"usage_usec 5\n",
}
DENIED = PermissionError(13, os.strerror(13))


def said(stdout: bytes = b"", status: int = 0, stderr: bytes = b"") -> Finished:
    return Finished(status=status, stdout=stdout, stderr=stderr, outcome=Outcome.OK, took_ns=1000)


def parts(evidence: Evidence) -> dict[str, bytes]:
    return {part.name: part.data for part in unpack(evidence.data) if part.outcome is Outcome.OK}


def collected(collect: object, files: Mapping[str, bytes | OSError], **known: object) -> list[Evidence]:
    commands = known.pop("commands", {})
    links, spaces = known.pop("links", {}), known.pop("spaces", {})
    assert isinstance(spaces, Mapping)
    light = bool(known.pop("light", False))
    host = FakeHost({**OWN, **files}, links=links, commands=commands)  # type: ignore[arg-type]
    host.spaces.update(spaces)
    host.raw_behind_ns = RAW_BEHIND_NS
    guest = msgspec.structs.replace(a_guest(700), **known)
    look, kept = look_at(host, guest, light=light)
    asyncio.run(collect(look))  # type: ignore[operator]
    assert all(one.cost is Cost.READS for one in kept)
    return kept


def test_they_are_registered_and_bounded() -> None:
    names = {one.name: one for one in COLLECTORS}
    for name in ("host-params", "cgroup", "memory", "storage", "kernel-log", "qemu-log"):
        assert names[name].cost is Cost.READS
        assert names[name].timeout_s <= 10


def test_groups_of_threads_and_their_ancestors() -> None:
    first, last = collected(collect_cgroup, GROUPS)
    assert [(one.id, one.kind, one.outcome) for one in (first, last)] == [
        (f"cgroup.{n}", Kind.CGROUP, Outcome.OK) for n in (0, 1)
    ]
    seen = parts(first)
    assert seen[f"{SCOPE}/libvirt/vcpu0/cpu.max"] == b"20000 100000\n"
    assert seen[f"{SCOPE}/cgroup.events"] == b"populated 1\nfrozen 0\n"
    assert seen["/proc/self/mountinfo"] == MOUNTINFO2
    assert seen["/proc/700/task/701/status"] == b"Cpus_allowed_list:\t2-3\n"


def test_groups_cannot_lead_out_of_the_tree() -> None:
    climbing = {**GROUPS, "/proc/700/cgroup": b"0::/../../etc\n", "/proc/700/task/700/cgroup": b"0::/a/../../etc\n"}
    (first, _) = collected(collect_cgroup, {**climbing, "/proc/700/task/701/cgroup": b"0::/..\n"})
    assert not [name for name in parts(first) if "etc" in name or name.startswith(ROOT2)]


@pytest.mark.parametrize("collect", [collect_cgroup, collect_memory, collect_qemu_log, collect_storage])
def test_another_process_by_the_same_pid(collect: object) -> None:
    (only,) = collected(collect, OTHER)
    assert (only.outcome, only.data) == (Outcome.ABSENT, b"")


@pytest.mark.parametrize("collect", [collect_host_params, collect_kernel_log, collect_qemu_log, collect_storage])
def test_the_sibling_needs_no_second_reading(collect: object) -> None:
    assert collected(collect, {}, light=True) == []


def test_parameters_of_modules_that_are_loaded() -> None:
    files = {"/sys/module/kvm/parameters/halt_poll_ns": b"200000\n", "/proc/cmdline": b"quiet tsc=unstable\n"}
    (only,) = collected(collect_host_params, files)
    seen = parts(only)
    assert seen["/sys/module/kvm/parameters/halt_poll_ns"] == b"200000\n"
    assert "absent" in only.detail


def test_memory_at_both_ends() -> None:
    kept = collected(collect_memory, {"/proc/vmstat": b"pswpin 7\n", "/proc/700/status": b"VmSwap:\t8 kB\n"})
    assert [one.id for one in kept] == ["memory.0", "memory.1"]
    assert parts(kept[1])["/proc/vmstat"] == b"pswpin 7\n"


OPEN: dict[str, bytes | OSError] = {
    "/proc/700/fdinfo/9": b"pos:\t0\nflags:\t0104002\nmnt_id:\t27\n",
    "/proc/700/fdinfo/10": b"pos:\t0\nflags:\t02\nmnt_id:\t24\n",
    "/proc/700/mountinfo": b"27 1 254:1 / /srv rw - ext4 /dev/vda1 rw\n24 1 0:6 / /dev rw - devtmpfs x rw\n99 1 0:9 / /x rw - nfs h:/ rw\n",
    "/sys/dev/block/254:1/dev": b"254:1\n",
    "/sys/dev/block/254:1/stat": b"1 0 8 0 2 0 16 0 0 5 5\n",
    "/sys/class/block/dm-3/dev": b"253:3\n",
    "/sys/class/block/dm-3/slaves/dm-1/dm/name": b"vg-pool-tpool\n",
    "/proc/4711/stat": stat(4711, "kworker/u8:1", state="D"),
    "/proc/4711/wchan": b"nfs_wait",
    "/proc/self/sched": b"se.exec_start      :  9000.000000\n",
}
LINKS = {
    "/proc/700/fd/3": "anon_inode:[eventfd]",
    "/proc/700/fd/4": "/dev/kvm",
    "/proc/700/fd/9": "/srv/a.qcow2",
    "/proc/700/fd/10": "/dev/dm-3",
}


ROOM = Space(f_frsize=4096, f_blocks=9, f_bavail=5, f_bfree=6, f_files=8, f_favail=7, f_ffree=7, f_flag=1024)
ROOMS: dict[str, Space | OSError] = {"/proc/700/fd/9": ROOM, "/proc/700/fd/10": ROOM}


def test_what_is_behind_open_files() -> None:
    first, last = collected(collect_storage, OPEN, links=LINKS, spaces=ROOMS)
    seen = parts(first)
    assert [name for name in seen if name.startswith("statvfs")] == [f"statvfs {path}" for path in ROOMS]
    assert seen["statvfs /proc/700/fd/9"].splitlines()[:3] == [b"f_frsize: 4096", b"f_blocks: 9", b"f_bavail: 5"]
    assert {name for name in seen if "/fd/" in name and not name.startswith("statvfs")} == {
        "/proc/700/fd/9",
        "/proc/700/fd/10",
    }
    assert b"nfs" not in seen["/proc/700/mountinfo"]
    assert seen["/sys/class/block/dm-3/slaves/dm-1/dm/name"] == b"vg-pool-tpool\n"
    assert seen["/proc/4711/wchan"] == b"nfs_wait"
    assert "/sys/dev/block/254:1/stat" in parts(last)


def test_a_file_system_that_is_gone_costs_only_its_own_answer() -> None:
    first, _ = collected(collect_storage, OPEN, links=LINKS, spaces={**ROOMS, "/proc/700/fd/9": TimeoutError()})
    ends = {part.name: part.outcome for part in unpack(first.data)}
    assert ends["statvfs /proc/700/fd/9"] is Outcome.TIMED_OUT
    assert ends["statvfs /proc/700/fd/10"] is Outcome.OK


LINE = b"<4>[   12.345678] kvm: something\n"


def kernel_log(**commands: Finished) -> Evidence:
    (only,) = collected(collect_kernel_log, {}, commands=commands)
    assert only.id == "kernel-log.0"
    return only


def test_the_kernels_log() -> None:
    seen = parts(kernel_log(dmesg=said(LINE)))
    clocks = dict(line.split(b": ") for line in seen.pop("clocks").splitlines())
    assert int(clocks[b"CLOCK_MONOTONIC"]) - int(clocks[b"CLOCK_MONOTONIC_RAW"]) == RAW_BEHIND_NS
    assert seen == {"dmesg": LINE}
    long = LINE * (TAIL_BYTES // len(LINE) + 9)
    kept = parts(kernel_log(dmesg=said(long)))["dmesg"]
    assert len(kept) <= TAIL_BYTES
    assert kept.startswith(b"<4>[")


def test_a_log_that_may_not_be_read() -> None:
    refused = said(status=1, stderr=b"dmesg: read kernel buffer failed: Operation not permitted\n")
    journal = kernel_log(dmesg=refused, journalctl=said(LINE))
    assert (journal.source, parts(journal)["journalctl --dmesg"]) == ("journalctl --dmesg", LINE)
    denied = kernel_log(dmesg=refused, journalctl=said())
    assert (denied.outcome, denied.data) == (Outcome.DENIED, b"")
    assert "Operation not permitted" in denied.detail
    assert kernel_log().outcome is Outcome.NO_TOOL


def qemu_logs(
    files: Mapping[str, bytes | OSError], *argv: str, links: Mapping[str, str] | None = None, **known: object
) -> list[tuple[str, str, Outcome, bytes]]:
    kept = collected(collect_qemu_log, files, links=links or {}, command_line=("q", *argv), **known)
    return [(one.id, one.source, one.outcome, one.data) for one in kept]


def test_where_qemu_writes() -> None:
    assert qemu_logs({}) == [("qemu-log.0", "/proc/700/fd/2", Outcome.ABSENT, b"")]
    to_file = qemu_logs({"/proc/700/fd/2": b"x"}, links={"/proc/700/fd/2": "/var/q.log"})
    assert to_file == [("qemu-log.0", "/var/q.log", Outcome.OK, b"x")]
    assert qemu_logs({"/d.log": b"y"}, "-D", "/d.log") == [("qemu-log.0", "/d.log", Outcome.OK, b"y")]
    assert qemu_logs({"/d.log": DENIED}, "-D", "/d.log")[0][2] is Outcome.DENIED
    for elsewhere in ("pipe:[7]", "/dev/null", "/dev/pts/1"):
        assert qemu_logs({}, links={"/proc/700/fd/2": elsewhere})[0][2] is Outcome.ABSENT


def test_what_libvirt_keeps() -> None:
    daemon = b"1: info : web01 is up\n2: error : other guest\n3: error : web01: monitor hangs\n"
    files = {"/var/log/libvirt/qemu/web01.log": b"z", "/var/log/libvirt/libvirtd.log": daemon}
    first, second = qemu_logs(files, manager=Manager.LIBVIRT, name="web01")
    assert first == ("qemu-log.0", "/var/log/libvirt/qemu/web01.log", Outcome.OK, b"z")
    assert second[0] == "qemu-log.libvirt"
    assert b"other guest" not in second[3]
    assert second[3].count(b"web01") == 2
    climbing = qemu_logs({"/etc/x.log": b"no"}, manager=Manager.LIBVIRT, name="../../../../etc/x")
    assert climbing[0][2] is Outcome.ABSENT
