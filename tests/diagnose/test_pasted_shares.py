"""Tables of ports without a window, registers of one moment, quotas, threads of a host's kernel, stacks that hold the big lock."""

import pytest

from crazytrain.diagnose.pasted_signs import pasted_points
from crazytrain.diagnose.wait_signs import serving
from crazytrain.model.facts import CpuMode, ExitCount, Facts, KvmExits, MsrUse, PortUse, ThreadActivity
from crazytrain.model.facts.kvm import ExitTime
from crazytrain.model.facts.moments import CpuTicksReading
from crazytrain.model.facts.stacks import StackFrame
from crazytrain.model.facts.threads import ThreadRole
from crazytrain.model.facts.throttling import ThrottleCount
from crazytrain.model.facts.top_tasks import BusyTask, HostTasks
from crazytrain.model.facts.vcpu import VcpuSample, VcpuSamples
from crazytrain.model.facts.waits import Waiting, Waits
from tests.diagnose import making as m


def ratio(cause: str, *values: object) -> float:
    product = 1.0
    for point in pasted_points(cause, Facts(values)):
        product *= point.ratio
    return product


def uses(port: int = 0, msr: int = 0, number: int = 50_000, window_ns: int = 0) -> KvmExits:
    return KvmExits(
        window_ns=window_ns,
        exits=(),
        ports=(PortUse(port=port, write=False, count=number),) if port else (),
        msrs=(MsrUse(index=msr, write=True, count=number),) if msr else (),
        hardware=True,
        refs=m.REFS,
    )


@pytest.mark.parametrize(
    ("port", "cause"),
    [
        (0x608, "slow-clocksource"),
        (0x71, "rtc-periodic-storm"),
        (0x43, "pit-hpet-storm"),
        (0x3FD, "pio-poll"),
        (0x1F7, "pio-poll"),
    ],
)
def test_a_port_that_has_nearly_all_accesses(port: int, cause: str) -> None:
    assert ratio(cause, uses(port)) > 5
    others = {"slow-clocksource", "rtc-periodic-storm", "pit-hpet-storm", "pio-poll"} - {cause}
    assert all(ratio(other, uses(port)) <= 1 for other in others)


def test_few_accesses_and_tables_with_a_window_are_left_to_others() -> None:
    assert ratio("pio-poll", uses(0x3FD, number=40)) == 1
    assert ratio("pio-poll", uses(0x3FD, window_ns=10**9)) == 1


def test_registers_of_the_timer_and_others() -> None:
    assert ratio("apic-timer-storm", uses(msr=0x6E0)) > 5
    assert ratio("msr-storm", uses(msr=0x6E0)) < 1
    assert ratio("msr-storm", uses(msr=0x4000_0070)) > 5
    assert ratio("apic-timer-storm", uses(msr=0x4000_0070)) < 1


def exits(halted_ns: int, samples: int) -> KvmExits:
    """A table in which the rest is long, and so many other exits stand beside it."""
    return KvmExits(
        window_ns=0,
        exits=(ExitCount(reason="MSR_WRITE", count=samples), ExitCount(reason="HLT", count=100)),
        times=(
            ExitTime(reason="HLT", tid=0, samples=100, mean_ns=1, time_ns=halted_ns),
            ExitTime(reason="MSR_WRITE", tid=0, samples=samples, mean_ns=1, time_ns=halted_ns // 50),
        ),
        hardware=True,
        refs=m.REFS,
    )


def test_a_guest_that_rests_and_leaves_all_the_time_does_not_rest() -> None:
    calm, busy = exits(10**10, 2_000), exits(10**10, 900_000)
    assert ratio("msr-storm", calm) < 1 < ratio("msr-storm", busy)
    assert ratio("misread", calm) > 1 == ratio("misread", busy)


def cpu(number: int, *, halted: bool, interrupts: bool, mode: CpuMode = CpuMode.LONG) -> VcpuSample:
    return VcpuSample(
        mono_ns=0,
        vcpu=number,
        ip=0x1000,
        cs_base=0,
        cpl=0,
        halted=halted,
        interrupts_enabled=interrupts,
        mode=mode,
        cr3=0,
        dx=0,
    )


def looks(*samples: VcpuSample) -> VcpuSamples:
    return VcpuSamples(samples=samples, refs=m.REFS)


def test_every_cpu_halted_with_interrupts_off() -> None:
    dead = looks(cpu(0, halted=True, interrupts=False), cpu(1, halted=True, interrupts=False))
    one = looks(cpu(0, halted=True, interrupts=True), cpu(1, halted=True, interrupts=False))
    idle = looks(cpu(0, halted=True, interrupts=True), cpu(1, halted=True, interrupts=True))
    assert ratio("guest-halted-dead", dead) > 20
    assert ratio("guest-halted-dead", one) == 1
    assert ratio("guest-halted-dead", idle) < 1
    assert ratio("guest-halted-dead", looks(cpu(0, halted=False, interrupts=False))) == 1


def test_system_management_mode_is_the_firmwares() -> None:
    assert ratio("firmware-hang", looks(cpu(0, halted=False, interrupts=False, mode=CpuMode.SMM))) > 1
    assert ratio("firmware-hang", looks(cpu(0, halted=False, interrupts=False))) == 1


def test_live_looks_are_left_to_the_causes() -> None:
    threads = ThreadActivity(window_ns=10**9, threads=(), samples=2, refs=m.REFS)
    dead = looks(cpu(0, halted=True, interrupts=False))
    assert ratio("guest-halted-dead", dead, threads) == 1


def test_a_quota_that_is_used_up() -> None:
    often = ThrottleCount(periods=1000, throttled=900, ref=m.REFS[0])
    never = ThrottleCount(periods=1000, throttled=1, ref=m.REFS[0])
    assert ratio("cpu-contention", often) > 10
    assert ratio("cpu-contention", never) < 1
    assert ratio("memory-pressure", often) == 1


def test_more_stolen_than_any_machine_has_lived() -> None:
    def ticks(stolen: int) -> CpuTicksReading:
        return CpuTicksReading(
            mono_ns=0, cpus=((-1, (9, 0, 9, 9, 0, 0, 0, stolen, 0, 0)),), interrupts=None, switches=None, ref=m.REFS[0]
        )

    assert ratio("steal-time-overflow", ticks(1 << 50)) > 100
    assert ratio("steal-time-overflow", ticks(10**9)) == 1
    assert ratio("cpu-contention", ticks(1 << 50)) == 1


def test_threads_of_the_hosts_kernel_that_look_for_memory() -> None:
    def screen(comm: str) -> HostTasks:
        return HostTasks(tasks=(BusyTask(comm=comm, cpu_ratio=0.97, kernel=True),), refs=m.REFS)

    assert ratio("memory-pressure", screen("kcompactd0")) > 2
    assert ratio("pit-hpet-storm", screen("kvm-pit/4711")) > 2
    assert ratio("memory-pressure", screen("kworker/0:1")) == 1


def wait(role: ThreadRole, *functions: str) -> Waits:
    frames = tuple(StackFrame(module="", offset=0, symbol=name) for name in functions)
    one = Waiting(tid=7, comm="", label="x", role=role, state="", call="ioctl", frames=frames, picked=True, refs=m.REFS)
    return Waits(window_ns=0, instants=1, threads=(one,), locks=(), refs=m.REFS, partial=True)


def test_who_serves_others_by_the_functions_of_a_printed_stack() -> None:
    device = wait(ThreadRole.OTHER, "ioctl", "usb_host_handle_reset", "memory_region_write_accessor")
    ends = wait(ThreadRole.MIGRATION, "ppoll", "aio_poll", "bdrv_drain_all_begin", "migration_completion")
    sends = wait(ThreadRole.MIGRATION, "sendmsg", "qio_channel_socket_writev", "ram_save_iterate")
    assert serving(device)
    assert serving(ends)
    assert not serving(sends)
