"""KVM's statistics as another process holds them open: real ones, and hosts that have none or say no."""

import asyncio
import errno
import json
import os
import struct
import sys
from pathlib import Path

import msgspec
import pytest

from crazytrain.collect.kvm_stats_fd import COLLECTOR, collect_kvm_stats
from crazytrain.decode.kvm_stats import counters, decode_kvm_stats
from crazytrain.derive.kvm_stats import derive_kvm_stats
from crazytrain.host import LiveHost
from crazytrain.host.fake import FakeHost
from crazytrain.lab.machine import kvm_trouble
from crazytrain.model.evidence import Cost, Evidence, Kind, Outcome
from crazytrain.model.facts import Facts, KvmStatReading
from crazytrain.model.guest import Accelerator, ProcessId
from tests.collect import making
from tests.collect.real import guest_of, line_of, look_at, need, running
from tests.support import skip_real

PID = 4711
TARGETS = {f"/proc/{PID}/fd/3": "anon_inode:kvm-vm", f"/proc/{PID}/fd/20": "anon_inode:kvm-vcpu-stats:0"}
DENIED = PermissionError(errno.EPERM, os.strerror(errno.EPERM))


def statistics(exits: int) -> bytes:
    """One counter, as the kernel lays it out."""
    name = b"exits".ljust(8, b"\0")
    descriptor = struct.pack("=IhHII", 0, 0, 1, 0, 0) + name
    return (
        struct.pack("=IIIIII", 0, 8, 1, 24, 32, 56) + b"kvm-1".ljust(8, b"\0") + descriptor + struct.pack("=Q", exits)
    )


def host_with(links: dict[str, str], content: bytes | OSError = b"") -> FakeHost:
    files = making.process(PID, "qemu-system-x86", ("qemu",)) | {f"/proc/{PID}/fd/20": content}
    files["/proc/sys/kernel/random/boot_id"] = making.BOOT.encode()
    return FakeHost(files, links=links)


def collected(host: FakeHost, accelerator: Accelerator = Accelerator.KVM) -> list[Evidence]:
    guest = msgspec.structs.replace(making.a_guest(PID), accelerator=accelerator)
    look, kept = making.look_at(host, guest)
    asyncio.run(collect_kvm_stats(look))
    return kept


def test_two_readings_give_rates() -> None:
    host = host_with(TARGETS, statistics(5))
    kept = collected(host)
    assert [one.id for one in kept] == ["kvm-stats.0", "kvm-stats.1"]
    assert {(one.outcome, one.kind, one.cost) for one in kept} == {(Outcome.OK, Kind.KVM_STATS, Cost.READS)}
    assert COLLECTOR.cost is Cost.READS
    rates = derive_kvm_stats(Facts(fact for one in kept for fact in decode_kvm_stats(one)))
    assert rates is not None
    assert rates.per_s("exits") == 0.0


@pytest.mark.parametrize(
    ("accelerator", "said"), [(Accelerator.KVM, "from version 8 on"), (Accelerator.TCG, "does not run on KVM")]
)
def test_a_qemu_that_holds_none_is_told_once(accelerator: Accelerator, said: str) -> None:
    (evidence,) = collected(host_with({f"/proc/{PID}/fd/3": "anon_inode:kvm-vm"}), accelerator)
    assert evidence.outcome is Outcome.ABSENT
    assert said in evidence.detail


def test_a_refusal_is_told() -> None:
    (evidence,) = collected(host_with(TARGETS, DENIED))
    assert (evidence.outcome, evidence.usable) == (Outcome.DENIED, False)


def test_a_pid_that_is_another_process_now_is_not_read() -> None:
    host = host_with(TARGETS, statistics(5))
    look, kept = making.look_at(host, making.a_guest(PID, start=499))
    asyncio.run(collect_kvm_stats(look))
    assert [one.outcome for one in kept] == [Outcome.ABSENT]


@pytest.mark.real
def test_real_statistics_of_another_process_are_read_exactly() -> None:
    need()
    if trouble := kvm_trouble():
        skip_real(trouble)
    with running(sys.executable, str(Path(__file__).with_name("kvm_holder.py"))) as holder:
        told = json.loads(line_of(holder))
        if not told:
            skip_real("this kernel keeps no statistics of KVM")
        look, kept = look_at(guest_of(holder.pid), 0.3)
        asyncio.run(collect_kvm_stats(look))
        assert holder.poll() is None
    assert [one.outcome for one in kept] == [Outcome.OK, Outcome.OK], kept[0].detail
    (reading,) = decode_kvm_stats(kept[0])
    assert isinstance(reading, KvmStatReading)
    assert reading.vcpus == 2
    own = {one.name: one.value for one in counters(bytes.fromhex(told["first"]))}
    ours = {one.name: one.value for one in reading.counters}
    assert len(own) > 20
    assert {name: ours[name] for name in own} == {name: 2 * value for name, value in own.items()}  # both vCPUs are new
    assert any(name.startswith("vm.") for name in ours)
    assert {"exits", "halt_exits", "insn_emulation"} <= set(own)


@pytest.mark.real
def test_another_process_of_the_same_pid_is_never_read() -> None:
    need()
    with running(sys.executable, "-c", "import os; os.read(0, 1)") as child:
        real = guest_of(child.pid).process
        other = ProcessId(pid=real.pid, start_ticks=real.start_ticks - 1)
        with pytest.raises(ProcessLookupError):
            LiveHost().read_opened(other, 0, 0, 10)
        with pytest.raises(OSError, match="file descriptor"):
            LiveHost().read_opened(real, 999, 0, 10)
