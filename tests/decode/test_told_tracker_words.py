"""Words of those who report to trackers and lists: what they are taken for, and what they are not."""

import pytest

from crazytrain.decode.told import decode_told
from crazytrain.model.evidence import Evidence, Kind
from crazytrain.model.facts.told import Stance, Told, Topic


def told(text: str) -> set[tuple[Topic, Stance]]:
    evidence = Evidence(id="mail", kind=Kind.TOLD, source="mail", data=text.encode())
    return {(one.topic, one.stance) for one in decode_told(evidence) if isinstance(one, Told)}


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("The guest is stuck at SeaBIOS when it starts.", Topic.NO_SCREEN),
        ("Such a boot stays there, but everything in it works fine after that.", Topic.RECOVERS),
        ("The guest freezes for about 20 seconds now and then.", Topic.RECOVERS),
        ("My log is full of rdmsr messages of kvm.", Topic.MSR_LEFT_OUT),
        ("Then qemu locks up and has to be killed.", Topic.QEMU_HUNG),
        ("For this domain virsh destroy waits for ever.", Topic.QEMU_HUNG),
        ("A blkdeviotune limit was set for the disk.", Topic.THROTTLE),
        ("A USB modem is passed through to the guest.", Topic.USB_HOST),
        ("The level line stays asserted after the handler ran.", Topic.IRQ_STORM),
        ("Its kernel has CONFIG_HZ_1000 and no tickless mode.", Topic.APIC_TIMER),
        ("The driver polls the drive's status port without a pause.", Topic.OTHER_PORT),
        ("The timecounter is ACPI-fast in that guest.", Topic.SLOW_CLOCKSOURCE),
        ("In the guest no process takes much of the CPU.", Topic.LOAD_OF_NOBODY),
        ("The host sees an idle guest all day.", Topic.HOST_CALM),
        ("The thin pool of the host was full last night.", Topic.NO_SPACE),
        ("A trace shows the main thread in fdatasync of the image.", Topic.IO_BLOCKS),
        ("The NFS server of the images was rebooted at noon.", Topic.STORAGE_SILENT),
        ("With auto-converge it still went on for hours.", Topic.MIGRATION_LASTS),
    ],
)
def test_what_is_spoken_of(text: str, topic: Topic) -> None:
    assert topic in {one for one, _ in told(text)}


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("My log is full of rdmsr messages of kvm.", Topic.MSR_EXITS),
        ("The guest is throttled by auto-converge meanwhile.", Topic.THROTTLE),
        ("An old serial card is plugged into the host of this guest.", Topic.CHARDEV),
        ("There is no output any more on that terminal of the guest.", Topic.NO_SCREEN),
        ("Nothing was written or read by the guest in that time.", Topic.PEER_STUCK),
        ("Plugging an iSCSI volume freezes the guest for a moment.", Topic.STORAGE_SILENT),
        ("It is an OpenStack instance of the usual size.", Topic.NESTED),
        ("available_clocksource: tsc hpet acpi_pm and others for the guest", Topic.HPET),
    ],
)
def test_what_is_not_meant(text: str, topic: Topic) -> None:
    assert topic not in {one for one, _ in told(text)}


def test_what_ends_the_trouble_and_what_only_works() -> None:
    assert (Topic.HUGE_PAGES, Stance.CURED) in told("Transparent hugepages set to never ends it.")
    assert (Topic.HUGE_PAGES, Stance.SEEN) in told("The guest stalls while khugepaged is at work.")
