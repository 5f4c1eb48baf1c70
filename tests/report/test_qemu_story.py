"""Sentences about QEMU itself: what is out of the ordinary is told with its figures, what is as it should be is not."""

import msgspec
import pytest

from crazytrain.model.evidence import Outcome, Ref
from crazytrain.model.facts import ArmActivity, ArmView, CpuMode, Facts, KvmExits, PortUse, QemuState
from crazytrain.model.facts import block as b
from crazytrain.model.facts import devices as d
from crazytrain.model.facts import services as s
from crazytrain.report.qemu_story import qemu_story
from tests.diagnose import making as m

REF = Ref("qmp.0", 3)
REFS = (REF,)
S = 10**9


def says(*facts: object) -> list[str]:
    lines = list(qemu_story(Facts(facts)))
    assert all(line.evidence for line in lines)
    return [line.says for line in lines]


def test_nothing_known_is_nothing_told() -> None:
    assert says() == []


def test_a_quiet_guest() -> None:
    quiet = (
        b.BlockUse(window_ns=S, disks=(b.DiskUse(disk="vda"),), refs=REFS),
        s.Migration(mono_ns=1, status="", refs=REFS),
        s.BalloonUse(window_ns=S, actual_bytes=1 << 30, grown_bytes=0, refs=REFS),
        s.Displays(mono_ns=1, displays=(s.Display(kind="VNC", clients=0),), asked=("VNC",), refs=REFS),
        s.RtcReading(mono_ns=1, ahead_s=-0.7, ref=REF),
    )
    assert says(*quiet) == []


def test_the_machine() -> None:
    traits = d.MachineTraits(
        machine="pc-q35-7.2", rtc_lost_ticks="slew", hpet=False, kvmclock=True, features=("hv-stimer",), refs=REFS
    )
    assert says(traits) == [
        "its machine is pc-q35-7.2; lost ticks of the RTC: slew; no HPET; kvmclock is offered; Hyper-V timers are offered"
    ]


def test_disks() -> None:
    use = b.DiskUse(disk="vda", reads_per_s=120, read_bytes_per_s=1 << 20, read_ns=3e6, in_flight=0.36, failed=2)
    state = b.DiskState(disk="vda", file="web\x1b[2J.qcow2", io_status="nospace", throttled=True)
    found = says(b.BlockUse(window_ns=S, disks=(use,), refs=REFS), b.DiskStates(disks=(state,), refs=REFS))
    assert "\x1b" not in "".join(found)
    assert found[0].startswith("disk vda (web")
    assert "120/s reads, 1 MiB/s, 3 ms each; 0.4 under way on average; 2 requests failed; it is throttled" in found[0]
    assert found[1].endswith("is in trouble: nospace")


def test_a_queue_that_is_stuck_comes_first() -> None:
    def queue(number: int, *, stuck: bool, per_s: float) -> d.VirtQueueUse:
        return d.VirtQueueUse(
            device="virtio-blk", queue=number, size=256, taken_per_s=0, used_per_s=per_s, in_use=3, stuck=stuck
        )

    queues = (queue(0, stuck=False, per_s=50.0), queue(1, stuck=True, per_s=0.0))
    assert says(d.VirtQueues(window_ns=S, queues=queues, refs=REFS)) == [
        "virtio-blk queue 1: 3 requests taken and none given back",
        "virtio-blk queue 0: 50/s given back to the guest",
    ]


def test_how_the_owner_of_the_busiest_port_is_known() -> None:
    exits = KvmExits(
        window_ns=S,
        ports=(PortUse(port=0xC120, write=False, count=9, owner="piix3-usb-uhci", owner_known_by="info mtree: uhci"),),
        refs=REFS,
    )
    owners = d.Owners(ports=(), memory=(), complete=True, refs=REFS)
    assert says(exits, owners) == ["port 0xc120 belongs to piix3-usb-uhci (by info mtree: uhci)"]


@pytest.mark.parametrize(
    ("ahead_s", "told"),
    [
        (75.0, "the guest's real-time clock is 75 s ahead of the host's"),
        (-7201.0, "the guest's real-time clock is 2 h 0 min behind the host's; whole hours, so likely a time zone"),
        (86_400.0 * 400, "the guest's real-time clock is 400 days ahead of the host's"),  # no zone is so far away
    ],
)
def test_the_rtc(ahead_s: float, told: str) -> None:
    assert says(s.RtcReading(mono_ns=1, ahead_s=ahead_s, ref=REF)) == [told]


def test_what_is_under_way() -> None:
    assert says(
        s.Displays(mono_ns=1, displays=(s.Display(kind="VNC", clients=2),), asked=("VNC",), refs=REFS),
        s.Migration(mono_ns=1, status="active", operation="Save", remaining_bytes=1 << 20, refs=REFS),
        s.BalloonUse(window_ns=S, actual_bytes=1 << 30, grown_bytes=-(1 << 20), refs=REFS),
        s.Iothreads(iothreads=(s.IothreadSetting(id="io1", tid=9, poll_max_ns=32768),), refs=REFS),
        b.BlockJobs(mono_ns=1, jobs=(b.BlockJob(id="j", kind="mirror", status="running", done=1, total=4),), ref=REF),
    ) == [
        "a block job (mirror) on j is running, 25 % done",
        "iothread io1 (thread 9) polls for up to 32.8 µs before it sleeps",
        "2 clients of VNC are connected",
        "Save is active, 1 MiB to go",
        "1 MiB of memory were taken from the guest; it has 1 GiB now",
    ]


def test_what_libvirt_says_and_its_mark() -> None:
    state = QemuState(monitor=Outcome.OK, status="paused", status_reason="paused (user)", marked=True, refs=REFS)
    reason, mark = says(state)
    assert reason == "libvirt says it is paused (user)"
    assert "custom-monitor" in mark


def test_events_are_the_guests_text_and_harmless() -> None:
    found = says(s.QemuEvent(name="RESET", wall_ns=1, says='{"guest":true,\x1b}', ref=REF))
    assert found[0].startswith('QEMU told of RESET {"guest":true,')
    assert "\x1b" not in found[0]


def test_modes_and_arm() -> None:
    view = m.view()
    two = msgspec.structs.replace(view.vcpus[0], modes=(CpuMode.LONG, CpuMode.SMM))
    arm = ArmActivity(
        vcpu=1,
        samples=10,
        user_ratio=0.4,
        kernel_ratio=0.6,
        above_ratio=0.0,
        interrupts_off_ratio=0.0,
        places=1,
        top_pc=0x1000,
        top_pc_ratio=1.0,
    )
    found = says(msgspec.structs.replace(view, vcpus=(two,)), ArmView(vcpus=(arm,), refs=REFS))
    assert found == [
        "vCPU 0 was also seen in SMM mode",
        "vCPU 1: 40 % user space (EL0), 60 % kernel (EL1) in 10 samples at 1 place, most often at 0x1000 (100 %); whether it was halted QEMU does not tell",
    ]
