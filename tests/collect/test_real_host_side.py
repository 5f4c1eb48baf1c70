"""The host's side of real guests, beside what other tools say: quotas, freezing, full file systems, blocked tasks, clocks."""

import asyncio
import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import msgspec
import pytest

from crazytrain.collect import cgroup, host_facts, host_params, kernel_log, memory, pvclock, qemu_log, storage, tasks
from crazytrain.collect.look import Collector
from crazytrain.host.door import Space
from crazytrain.host.live import LiveHost
from crazytrain.lab.kvmclock import step_kvm_clock
from crazytrain.model.evidence import Evidence, Outcome
from crazytrain.model.facts import Facts, GuestClock
from crazytrain.model.facts.cgroup import CgroupLimits
from crazytrain.model.facts.host import HostParameters
from crazytrain.model.facts.logs import HostLog, KernelMeaning, QemuLog
from crazytrain.model.facts.memory import FaultRates, MemoryUse
from crazytrain.model.facts.storage import GuestStorage
from crazytrain.model.guest import Accelerator
from crazytrain.pipeline import read
from tests.collect.real import look_at
from tests.support import skip_real
from tests.tiny import CLOCK_PAGE, HALT, KVMCLOCK, Tiny, boot, until

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]
T = TypeVar("T")
SPIN = "cli\nagain: jmp again\n"
GROUPS = Path("/sys/fs/cgroup")


def seen(guest: Tiny, seconds: float, *collectors: Collector) -> tuple[Facts, list[Evidence]]:
    look, kept = look_at(guest.guest, seconds)

    async def all_of_them() -> None:
        await asyncio.gather(*(collector.run(look) for collector in collectors))

    asyncio.run(all_of_them())
    reading = read(kept)
    assert reading.notes == ()
    return reading.facts, kept


def fact(facts: Facts, wanted: type[T]) -> T:
    found = facts.get(wanted)
    assert found is not None
    return found


@contextlib.contextmanager
def own_group(controller: str, file: str) -> Iterator[Path]:
    """A control group of ours, of whichever version this host has the controller in; gone when the block is left."""
    if os.geteuid() != 0:
        skip_real("not root: control groups cannot be made")
    for parent in (GROUPS / controller, GROUPS / "unified", GROUPS):
        path = parent / f"crazytrain-{os.getpid()}"
        with contextlib.suppress(OSError):
            path.mkdir()
            break
    else:
        skip_real(f"no control group can be made below {GROUPS}")
    try:
        if not (path / file).exists():
            skip_real(f"{file} is not in {path}: the controller is not enabled there")
        yield path
    finally:
        until(lambda: not (path / "cgroup.procs").read_text(), "the group is empty")
        path.rmdir()


def put_into(group: Path, pid: int) -> None:
    (group / "cgroup.procs").write_text(str(pid))


def test_a_quota_is_named_with_its_figures() -> None:
    """cpu.stat itself is the oracle."""
    one = (GROUPS / "cpu" / "cpu.shares").exists() or (GROUPS / "cpu" / "cpu.cfs_quota_us").exists()
    with own_group("cpu", "cpu.cfs_quota_us" if one else "cpu.max") as group, boot(SPIN, Accelerator.TCG) as tiny:
        if one:
            (group / "cpu.cfs_period_us").write_text("100000")
            (group / "cpu.cfs_quota_us").write_text("20000")
        else:
            (group / "cpu.max").write_text("20000 100000")
        put_into(group, tiny.process)
        until(lambda: _throttled(group), "it runs out of its quota")
        before = _stat(group)
        facts, kept = seen(tiny, 2.0, cgroup.COLLECTOR, tasks.COLLECTOR)
        after = _stat(group)
        tiny_is_gone = tiny.process
    assert {one.outcome for one in kept if one.id.startswith("cgroup")} == {Outcome.OK}
    limits = fact(facts, CgroupLimits)
    held = limits.throttled
    assert held is not None
    assert (held.path, held.quota_cpus, held.whole) == (str(group), 0.2, True)
    periods, throttled = (after[name] - before[name] for name in ("nr_periods", "nr_throttled"))
    assert held.throttled_periods_ratio == pytest.approx(throttled / periods, abs=0.15)
    assert (held.throttled_ratio or 0) > 0.05
    assert tiny_is_gone > 0


def _stat(group: Path) -> dict[str, int]:
    return {line.split()[0]: int(line.split()[1]) for line in (group / "cpu.stat").read_text().splitlines()}


def _throttled(group: Path) -> bool:
    return _stat(group)["nr_throttled"] > 0


def test_a_frozen_guest() -> None:
    one = (GROUPS / "freezer").is_dir()
    file, freeze, thaw = ("freezer.state", "FROZEN", "THAWED") if one else ("cgroup.freeze", "1", "0")
    with own_group("freezer", file) as group, boot(SPIN, Accelerator.TCG) as tiny:
        put_into(group, tiny.process)
        (group / file).write_text(freeze)
        try:
            state = group / ("freezer.state" if one else "cgroup.events")
            until(lambda: "FROZEN" in state.read_text() or "frozen 1" in state.read_text(), "it is frozen")
            facts, _ = seen(tiny, 0.3, cgroup.COLLECTOR, tasks.COLLECTOR)
        finally:
            (group / file).write_text(thaw)
    frozen = fact(facts, CgroupLimits).frozen
    assert frozen is not None
    assert (frozen.path, frozen.whole) == (str(group), True)


def test_memory_beside_ps_and_free() -> None:
    with boot(HALT, Accelerator.TCG) as tiny:
        facts, _ = seen(tiny, 0.5, memory.COLLECTOR, tasks.COLLECTOR)
        words = ["ps", "-o", "rss=,maj_flt=", "-p", str(tiny.process)]
        rss_kib, faults = map(int, subprocess.run(words, check=True, capture_output=True, text=True).stdout.split())
    use = fact(facts, MemoryUse)
    assert use.last.resident_bytes == pytest.approx(rss_kib * 1024, rel=0.05)
    assert use.last.major_faults == faults
    free = subprocess.run(["free", "-b"], check=True, capture_output=True, text=True).stdout.splitlines()[1].split()
    assert use.last.host_total_bytes == int(free[1])
    assert use.last.host_available_bytes == pytest.approx(int(free[6]), rel=0.05)
    assert fact(facts, FaultRates).per_s < 50


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MiB."""
    if os.geteuid() != 0:
        skip_real("not root: nothing can be mounted")
    path = tmp_path / "small fs"
    path.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4M", "tmpfs", str(path)], check=False, capture_output=True
    )
    if mounted.returncode:
        skip_real(f"mount: {mounted.stderr.decode().strip()}")
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)


def test_storage_beside_df_and_findmnt(small: Path) -> None:
    image = small / "a.img"
    with image.open("wb") as file:
        file.truncate(8 << 20)
        file.write(b"x" * (512 << 10))
    with boot(HALT, Accelerator.TCG, "-drive", f"file={image},format=raw,if=virtio") as tiny:
        until(lambda: _is_open_to_write(tiny.process, image), "QEMU has the image open to write")
        facts, kept = seen(tiny, 0.3, storage.COLLECTOR, tasks.COLLECTOR)
        (own,) = (one for one in fact(facts, GuestStorage).images if one.path == str(image))
        assert (own.writable, own.fs_type, own.mount_point, own.answers) == (True, "tmpfs", str(small), True)
        assert _df(small, "avail", "iavail") == [own.free_bytes, own.free_inodes]
        assert fact(facts, GuestStorage).full == ()
        (small / "filler").write_bytes(b"x" * (3 << 20))
        again, _ = seen(tiny, 0.1, storage.COLLECTOR)
        assert [one.path for one in fact(again, GuestStorage).full] == [str(image)]
        sector = next(one for one in fact(facts, GuestStorage).images if one.path.endswith("sector.bin"))
        where = subprocess.run(
            ["findmnt", "-n", "-o", "FSTYPE,TARGET,MAJ:MIN", "-T", sector.path],
            check=True,
            capture_output=True,
            text=True,
        ).stdout.split()
        assert where[:2] == [sector.fs_type, sector.mount_point]
        if sector.device:
            assert where[2] == sector.device
    assert all(one.outcome is Outcome.OK for one in kept)


def _is_open_to_write(pid: int, path: Path) -> bool:
    """QEMU opens images to read at first."""
    links = [link for link in Path(f"/proc/{pid}/fd").iterdir() if os.path.realpath(link) == str(path)]
    infos = [Path(f"/proc/{pid}/fdinfo/{link.name}").read_text() for link in links]
    return any(int(info.split()[3], 8) & 3 for info in infos)


def _df(path: Path, *columns: str) -> list[int]:
    told = subprocess.run(["df", "-B1", f"--output={','.join(columns)}", str(path)], check=True, capture_output=True)
    return [int(word) for word in told.stdout.splitlines()[1].split()]


class WithoutAnAnswer(LiveHost):
    def space(self, path: str) -> Space:
        if "/fd/" in path:
            time.sleep(30)
        return super().space(path)


def test_a_file_system_that_never_answers_does_not_hold_us_up() -> None:
    with boot(HALT, Accelerator.TCG) as tiny:
        look, kept = look_at(tiny.guest, 0.2)
        began = time.monotonic()
        asyncio.run(storage.collect_storage(msgspec.structs.replace(look, host=WithoutAnAnswer())))
        assert time.monotonic() - began < 5
    assert "timed out" in kept[0].detail
    assert read(kept).facts.get(GuestStorage) is not None


def _vfork_program(folder: Path) -> Path:
    """A program whose parent waits in vfork() for a child that sleeps: a task in state D that can be ended."""
    if shutil.which("nasm") is None:
        skip_real("nasm is not installed")
    code = (
        "bits 64\norg 0x400000\n"
        'db 0x7f,"ELF",2,1,1,0\ntimes 8 db 0\ndw 2,62\ndd 1\ndq start,64,0\ndd 0\ndw 64,56,1,0,0,0\n'
        "dd 1,5\ndq 0,0x400000,0x400000,end-0x400000,end-0x400000,4096\n"
        "start: mov eax,58\nsyscall\ntest eax,eax\njnz parent\nmov eax,34\nsyscall\nparent: mov eax,60\nxor edi,edi\nsyscall\nend:\n"
    )
    (folder / "d.asm").write_text(code)
    program = folder / "waits-in-d"
    subprocess.run(["nasm", "-f", "bin", "-o", str(program), str(folder / "d.asm")], check=True)
    program.chmod(0o755)
    return program


def test_a_task_of_the_host_that_stays_blocked(tmp_path: Path) -> None:
    with boot(HALT, Accelerator.TCG) as tiny:
        blocked = subprocess.Popen([str(_vfork_program(tmp_path))], start_new_session=True)
        try:
            state = Path(f"/proc/{blocked.pid}/stat")
            until(lambda: ") D " in state.read_text(), "it waits")
            child = int(Path(f"/proc/{blocked.pid}/task/{blocked.pid}/children").read_text().split()[0])
            time.sleep(0.3)
            facts, _ = seen(tiny, 0.5, storage.COLLECTOR, tasks.COLLECTOR)
        finally:
            blocked.kill()
            with contextlib.suppress(UnboundLocalError, ProcessLookupError):
                os.kill(child, 9)
            blocked.wait()
    found = fact(facts, GuestStorage)
    (task,) = (one for one in found.blocked if one.tid == blocked.pid)
    assert task.comm == "waits-in-d"
    assert task.since_ns is None or task.since_ns > 0
    assert found.own_blocked == ()


def test_the_kernels_log_and_its_clock() -> None:
    if os.geteuid() != 0:
        skip_real("not root: nothing can be written into the kernel's log")
    word = f"crazytrain test {os.getpid()}"
    with boot(HALT, Accelerator.TCG) as tiny:
        Path("/dev/kmsg").write_text(f"<4>INFO: task {word}:{tiny.process} blocked for more than 1 seconds.\n")
        facts, (only, *_) = seen(tiny, 0.2, kernel_log.COLLECTOR, tasks.COLLECTOR)
    log = next(one for one in (only, *_) if one.id == "kernel-log.0")
    assert log.outcome in (Outcome.OK, Outcome.DENIED), log.detail
    assert word.encode() in log.data
    lines = fact(facts, HostLog).of(KernelMeaning.HUNG_TASK)
    assert not [one for one in lines if word in one.line.text], "a program wrote it, not the kernel"


def test_how_the_host_is_set_up() -> None:
    with boot(HALT, Accelerator.TCG) as tiny:
        facts, kept = seen(tiny, 0.1, host_params.COLLECTOR, host_facts.COLLECTOR, qemu_log.COLLECTOR)
    found = fact(facts, HostParameters)
    for one in found.kvm[:5]:
        assert Path(f"/sys/module/{one.module}/parameters/{one.name}").read_text().strip() == one.value
    assert found.version.startswith("Linux version")
    assert facts.get(QemuLog) is None  # its standard error goes to /dev/null
    assert [one.outcome for one in kept if one.id == "qemu-log.0"] == [Outcome.ABSENT]


@pytest.mark.parametrize("step_s", [-50, 7200])
def test_a_clock_that_is_stepped_while_it_is_watched(step_s: int) -> None:
    """KVM rewrites the page when the vCPU comes back to it, so the step is seen to the microsecond, by the page's own TSC."""
    with boot(KVMCLOCK.replace("hlt", "nop"), Accelerator.KVM) as tiny:
        until(lambda: CLOCK_PAGE in _addresses(tiny), "the guest has set up its clock")
        look, kept = look_at(tiny.guest, 3.0)

        async def step() -> None:
            await LiveHost().sleep_until(look.start_ns + 10**9)
            await asyncio.to_thread(step_kvm_clock, tiny.process, step_s * 10**9)

        async def both() -> None:
            await asyncio.gather(pvclock.collect_pvclock(look), step())

        asyncio.run(both())
        clock = fact(read(kept).facts, GuestClock)
    own = [change for change in clock.changes if change.address == CLOCK_PAGE]
    assert sum(change.step_ns for change in own) == pytest.approx(step_s * 10**9, abs=50_000_000)


def _addresses(tiny: Tiny) -> list[int]:
    look, kept = look_at(tiny.guest, 0.0)
    asyncio.run(pvclock.collect_pvclock(look))
    clock = read(kept).facts.get(GuestClock)
    return [page.address for page in clock.pages] if clock else []


def test_what_it_all_costs() -> None:
    """All of these collectors together, in CPU time of this process and of the commands that it ran."""
    collectors = (cgroup, host_facts, host_params, kernel_log, memory, qemu_log, storage)
    with boot(HALT, Accelerator.TCG) as tiny:
        begin = LiveHost().cpu_ns()
        look, _ = look_at(tiny.guest, 0.5)

        async def all_of_them() -> None:
            await asyncio.gather(*(module.COLLECTOR.run(look) for module in collectors))

        asyncio.run(all_of_them())
        used_ns = LiveHost().cpu_ns() - begin
    assert used_ns < 150_000_000
