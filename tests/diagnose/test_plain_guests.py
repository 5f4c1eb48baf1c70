"""Guests without a monitor, without names of threads, or that stand still: what QEMU's own threads and KVM tell of them."""

import msgspec
import pytest

from crazytrain.model import fdrole
from crazytrain.model.evidence import Outcome
from crazytrain.model.facts import (
    CpuMode,
    Descriptor,
    DescriptorTable,
    KvmExits,
    MsrUse,
    PortUse,
    QemuConfig,
    QemuState,
    ThreadActivity,
    ThreadRole,
    ThreadUse,
)
from crazytrain.model.facts.block import BlockUse, DiskState, DiskStates, DiskUse
from crazytrain.model.facts.devices import VirtQueues, VirtQueueUse
from crazytrain.model.facts.firmware import BarePlace, BareView
from crazytrain.model.facts.kvm import IrqLineUse, VectorUse
from crazytrain.model.facts.loop import ReadyUse
from crazytrain.model.facts.stacks import StackFrame
from crazytrain.model.facts.waits import Waiting, Waits
from crazytrain.model.finding import Verdict
from crazytrain.model.guest import Accelerator
from tests.diagnose import making as m

KVM = QemuConfig(binary="qemu", accelerator=Accelerator.KVM, vcpus=1, refs=m.REFS)
NO_MONITOR = QemuState(monitor=Outcome.ABSENT, refs=m.REFS)
EOI = 0x80B


def wait(function: str = "", seconds: float = 5.0, call: str = "futex", **more: object) -> Waiting:
    frames = (StackFrame(module="qemu", offset=1, symbol=function, certain=True),) if function else ()
    usual = Waiting(
        tid=11,
        comm="qemu",
        label="vCPU 0",
        role=ThreadRole.VCPU,
        state="S",
        call=call,
        at_least_ns=int(seconds * 1e9),
        lasts=True,
        frames=frames,
        refs=m.REFS,
    )
    return msgspec.structs.replace(usual, **more)


def waits(*threads: Waiting) -> Waits:
    return Waits(window_ns=m.WINDOW_NS, instants=4, threads=threads, locks=(), refs=m.REFS)


def state(status: str) -> QemuState:
    return QemuState(monitor=Outcome.OK, status=status, refs=m.REFS)


def bare() -> BareView:
    place = BarePlace(
        vcpu=0,
        samples=40,
        bare_ratio=1.0,
        rom_ratio=0.0,
        low_ratio=1.0,
        halted_ratio=0.0,
        interrupts_off_ratio=0.0,
        jumps_to_itself=True,
    )
    return BareView(vcpus=(place,), refs=m.REFS)


def with_thread(**more: object) -> ThreadActivity:
    usual = m.threads(vcpu=0.02)
    one = ThreadUse(tid=12, comm="qemu-system-x86", role=ThreadRole.OTHER, delay_ratio=0.0)
    return msgspec.structs.replace(usual, threads=(*usual.threads, msgspec.structs.replace(one, **more)))


STOPPED = wait("qemu_wait_io_event")


def test_vcpus_outside_of_kvm_are_stopped_without_a_monitor_that_says_so() -> None:
    assert m.verdict(KVM, NO_MONITOR, m.threads(), waits(STOPPED)) == "paused"
    assert m.found("paused", KVM, NO_MONITOR, m.threads(), waits(STOPPED)).confidence <= 0.8


@pytest.mark.parametrize(
    "near",
    [
        (KVM, waits(wait("kvm_cpu_exec", call="ioctl"))),  # halted inside KVM_RUN
        (msgspec.structs.replace(KVM, vcpus=2), waits(STOPPED)),  # the other one is not known
        (KVM, waits(wait("qemu_mutex_lock_iothread_impl"))),  # waits for the big lock
        (KVM, waits(STOPPED, wait("kvm_cpu_exec", call="ioctl", tid=12))),  # another vCPU runs
        (msgspec.structs.replace(KVM, accelerator=Accelerator.TCG), waits(STOPPED)),  # TCG halts there, too
        (msgspec.structs.replace(KVM, machine_options=("kernel_irqchip=off",)), waits(STOPPED)),
    ],
)
def test_what_only_looks_like_stopped_vcpus_is_not_called_paused(near: tuple[object, ...]) -> None:
    assert m.found("paused", NO_MONITOR, m.threads(), *near).verdict is not Verdict.FOUND


def test_a_guest_that_does_not_wake_for_long_is_not_called_idle() -> None:
    tcg = (NO_MONITOR, m.threads(), msgspec.structs.replace(KVM, accelerator=Accelerator.TCG))
    awake = m.found("healthy-idle", *tcg, waits(wait(seconds=0.05)))
    asleep = m.found("healthy-idle", *tcg, waits(wait("qemu_wait_io_event", seconds=10)))
    assert awake.verdict is Verdict.FOUND
    assert asleep.verdict is not Verdict.FOUND
    two = (*tcg[:2], msgspec.structs.replace(tcg[2], vcpus=2))
    one_of_two = m.found("healthy-idle", *two, waits(wait("qemu_wait_io_event", seconds=10)))
    assert one_of_two.verdict is Verdict.FOUND, "the other one is not known, and may be awake"


def test_a_guest_that_switched_itself_off_does_not_hang() -> None:
    still = (m.threads(), bare(), m.view(places=1, mode=CpuMode.REAL))
    assert m.verdict(state("running"), KVM, m.threads(vcpu=1.0), *still[1:]) == "firmware-hang"
    assert m.verdict(state("shutdown"), KVM, *still) == "paused"
    assert m.found("paused", state("shutdown"), KVM, *still).confidence >= 0.9


def test_with_no_reboot_a_reset_ends_a_guest_as_well() -> None:
    ended = msgspec.structs.replace(KVM, no_reboot=True)
    assert m.found("paused", state("shutdown"), ended, m.threads()).confidence <= 0.6


def test_a_guest_whose_debugger_stopped_it_is_paused() -> None:
    assert m.verdict(state("debug"), KVM, m.threads(), m.view(halted=0.0)) == "paused"


def of_state(letter: str, kernel: str = "S") -> ThreadActivity:
    usual = m.threads()
    own = tuple(msgspec.structs.replace(t, states=(letter,) * 4) for t in usual.threads)
    nx = ThreadUse(tid=13, comm="kvm-nx-lpage-re", role=ThreadRole.KVM_NX, delay_ratio=0.0, states=(kernel,) * 4)
    return msgspec.structs.replace(usual, threads=(*own, nx))


def test_a_process_that_is_stopped_is_seen_without_a_monitor() -> None:
    assert m.verdict(NO_MONITOR, KVM, of_state("T", kernel="T")) == "monitor-hung"
    assert m.verdict(NO_MONITOR, KVM, of_state("S", kernel="T")) == "healthy-idle"


def test_a_thread_that_nobody_knows_and_that_burns_is_no_health() -> None:
    calm = with_thread(user_ratio=0.1)
    burns = with_thread(user_ratio=1.0)
    assert m.found("healthy-idle", calm, NO_MONITOR).verdict is Verdict.FOUND
    assert m.found("healthy-idle", burns, NO_MONITOR).verdict is not Verdict.FOUND


def watched(role: str) -> DescriptorTable:
    vnc = Descriptor(fd=12, target="socket:[1]", kind="socket", role=role)
    return DescriptorTable(descriptors=(vnc,), complete=True, refs=m.REFS)


def test_a_nameless_thread_that_computes_while_somebody_watches_is_the_screens() -> None:
    client = watched(f"{fdrole.VNC}, client connected")
    found = m.found("display-load", with_thread(user_ratio=0.9), client)
    assert found.verdict is Verdict.FOUND
    assert found.confidence <= 0.7
    assert m.found("display-load", with_thread(user_ratio=0.9), watched(fdrole.VNC)).verdict is not Verdict.FOUND


def test_without_a_monitor_who_works_in_turn_may_start_again_and_again() -> None:
    assert m.found("healthy-busy", m.threads(vcpu=0.5), NO_MONITOR).confidence <= 0.6
    assert m.found("healthy-busy", m.threads(vcpu=0.5), NO_MONITOR, m.view(halted=0.5)).confidence > 0.6


# A controller that is polled, and the storage behind it.


def polls(owner: str, port: int = 0x1F7) -> KvmExits:
    use = PortUse(port=port, write=False, count=100_000, owner=owner)
    return KvmExits(window_ns=m.WINDOW_NS, ports=(use,), refs=m.REFS)


IDE = polls("IDE first channel status")
WORKER = wait(
    call="pwrite64", state="D", role=ThreadRole.WORKER, tid=14, label="worker", wchan="percpu_rwsem_wait", on="vda"
)
BURNS = (m.threads(vcpu=1.0), m.view(places=6, mode=CpuMode.REAL))


def test_polling_a_disk_whose_storage_does_not_answer_is_waiting_for_it() -> None:
    assert m.verdict(*BURNS, IDE, waits(WORKER)) == "storage-stall"
    says = [point.says for point in m.found("storage-stall", *BURNS, IDE, waits(WORKER)).because]
    assert any("frozen" in point for point in says)


def test_polling_something_else_beside_it_is_polling() -> None:
    serial = polls("COM1 line status", 0x3FD)
    assert m.found("pio-poll", *BURNS, serial, waits(WORKER)).confidence >= 0.8
    assert m.verdict(*BURNS, IDE, waits()) == "pio-poll"


@pytest.mark.parametrize(
    ("image", "ended_per_s", "first"),
    [
        ("nbd+unix:///x?socket=/run/x.nbd", 0.0, "storage-stall"),
        ("nbd+unix:///x?socket=/run/x.nbd", 40.0, "pio-poll"),
        ('json:{"driver":"raw","file":{"driver":"rbd","pool":"x"}}', 0.0, "storage-stall"),
        ("/var/lib/nbd.img", 0.0, "pio-poll"),
    ],
)
def test_an_image_on_a_server_has_no_worker_that_hangs(image: str, ended_per_s: float, first: str) -> None:
    disks = DiskStates(disks=(DiskState(disk="ide0", file=image),), refs=m.REFS)
    block = BlockUse(window_ns=m.WINDOW_NS, disks=(DiskUse(disk="ide0", reads_per_s=ended_per_s),), refs=m.REFS)
    assert m.verdict(*BURNS, IDE, waits(), disks, block) == first


def kept(requests: int) -> VirtQueues:
    use = VirtQueueUse(
        device="virtio-blk", queue=0, size=256, taken_per_s=0.0, used_per_s=0.0, in_use=requests, stuck=requests > 0
    )
    return VirtQueues(window_ns=m.WINDOW_NS, queues=(use,), refs=m.REFS)


@pytest.mark.parametrize(
    ("image", "requests", "least", "most"),
    [("nbd://server/x", 1, 0.6, 0.8), ("/dev/vg/x", 1, 0.3, 0.5), ("nbd://server/x", 0, 0.0, 0.02)],
)
def test_requests_that_a_virtqueue_keeps(image: str, requests: int, least: float, most: float) -> None:
    disks = DiskStates(disks=(DiskState(disk="d1", file=image),), refs=m.REFS)
    block = BlockUse(window_ns=m.WINDOW_NS, disks=(DiskUse(disk="d1"),), refs=m.REFS)
    assert least <= m.found("storage-stall", waits(), disks, block, kept(requests)).confidence <= most


def test_a_frozen_thread_is_not_at_its_disk() -> None:
    frozen = msgspec.structs.replace(WORKER, wchan="__refrigerator")
    assert m.found("storage-stall", waits(frozen)).verdict is not Verdict.FOUND


# Timers.


def ticking(per_s: float, *, line_per_s: float = 0.0) -> KvmExits:
    count, raised = int(per_s * 5), int(line_per_s * 5)
    return KvmExits(
        window_ns=m.WINDOW_NS,
        msrs=(MsrUse(index=EOI, write=True, count=count, name="x2APIC EOI"),),
        accepted=(VectorUse(0x50, count),),
        irq_lines=(IrqLineUse(gsi=11, raised=raised, lowered=raised),) if raised else (),
        refs=m.REFS,
    )


def test_a_periodic_timer_of_the_apic_is_seen_by_what_it_brings() -> None:
    rests = (m.threads(vcpu=0.1), m.view(halted=0.9))
    assert m.verdict(*rests, ticking(4000.0)) == "apic-timer-storm"
    assert m.verdict(*rests, ticking(1000.0)) == "healthy-busy"


def test_interrupts_of_a_device_are_no_timers_and_their_ends_no_storm_of_registers() -> None:
    rests = (m.threads(vcpu=0.1), m.view(halted=0.9))
    assert m.found("apic-timer-storm", *rests, ticking(4000.0, line_per_s=4000.0)).verdict is not Verdict.FOUND
    assert m.found("msr-storm", *rests, ticking(4000.0, line_per_s=4000.0)).verdict is not Verdict.FOUND


def test_an_hpet_is_counted_though_the_pit_is_in_the_kernel() -> None:
    pit = ThreadUse(tid=12, comm="kvm-pit/10", role=ThreadRole.KVM_PIT, switches_per_s=0.0, delay_ratio=0.0)
    usual = m.threads(vcpu=0.05, loop=0.1)
    threads = msgspec.structs.replace(usual, threads=(*usual.threads, pit))
    uncounted = msgspec.structs.replace(m.irqs(irq0=5000.0), uncounted=(0,))
    assert m.verdict(threads, uncounted) == "pit-hpet-storm"
    assert m.verdict(threads, msgspec.structs.replace(m.irqs(), uncounted=(0,))) != "pit-hpet-storm"


@pytest.mark.parametrize("irq", ["irq0", "irq8"])
def test_a_virtual_clock_that_leaps_makes_no_storm(irq: str) -> None:
    leaps = QemuConfig(binary="qemu", accelerator=Accelerator.TCG, clock_jumps=True, refs=m.REFS)
    slug = "pit-hpet-storm" if irq == "irq0" else "rtc-periodic-storm"
    seen = (m.irqs(**{irq: 5000.0}), m.threads(vcpu=0.4, loop=0.8))
    assert m.found(slug, *seen).verdict is Verdict.FOUND
    assert m.found(slug, *seen, leaps).verdict is not Verdict.FOUND


def test_firmware_at_work_is_no_kernel() -> None:
    busy = (m.threads(vcpu=1.0), m.view(places=30, mode=CpuMode.REAL))
    assert m.found("guest-kernel-busy", *busy).confidence >= 0.9
    assert m.found("guest-kernel-busy", *busy, bare()).verdict is not Verdict.FOUND


def test_a_flood_of_packets_is_seen_without_a_monitor() -> None:
    socket = ReadyUse(fd=10, label="fd 10 (socket)", kind="socket", events=("POLLIN",), turns=50_000, taken=50_000)
    turning = m.loops(10_000.0)
    loop = msgspec.structs.replace(turning.loops[0], ready=(socket,), ready_turns=50_000)
    loops = msgspec.structs.replace(turning, loops=(loop,))
    net = msgspec.structs.replace(KVM, nics=("socket,id=n,udp=127.0.0.1:1",))
    assert m.verdict(loops, net, m.threads(vcpu=0.1, loop=0.3)) == "guest-io-heavy"
    user = msgspec.structs.replace(KVM, nics=("user,id=n",))
    assert m.verdict(loops, user, m.threads(vcpu=0.1, loop=0.3)) != "guest-io-heavy"


def test_who_prints_without_end_polls_two_ports_of_one_device() -> None:
    half = tuple(
        PortUse(port=port, write=port == 0x3F8, count=25_000, owner=owner)
        for port, owner in ((0x3F8, "COM1"), (0x3FD, "COM1 line status"), (0x20, "PIC, first"))
    )
    both = KvmExits(window_ns=m.WINDOW_NS, ports=half, refs=m.REFS)
    apart = KvmExits(
        window_ns=m.WINDOW_NS,
        ports=(half[0], *(PortUse(port=p, write=False, count=24_000) for p in (0x20, 0x60))),
        refs=m.REFS,
    )
    assert m.found("pio-poll", m.threads(vcpu=1.0), both).verdict is Verdict.FOUND
    assert m.found("pio-poll", m.threads(vcpu=1.0), apart).verdict is not Verdict.FOUND


def test_a_guest_that_told_qemu_of_its_panic() -> None:
    assert m.verdict(state("guest-panicked"), m.threads(), m.view(halted=1.0)) == "guest-panic-spin"


def test_a_monitor_that_serves_another_client_does_not_hang() -> None:
    busy = QemuState(monitor=Outcome.TIMED_OUT, monitor_busy=True, refs=m.REFS)
    hangs = QemuState(monitor=Outcome.TIMED_OUT, refs=m.REFS)
    assert m.found("monitor-hung", busy, m.threads()).verdict is not Verdict.FOUND
    assert m.found("monitor-hung", hangs, m.threads()).verdict is Verdict.FOUND
