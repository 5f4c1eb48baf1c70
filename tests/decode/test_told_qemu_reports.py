"""Words of those who report to the QEMU project: what they are taken for."""

import pytest

from crazytrain.decode.told import decode_told
from crazytrain.model.evidence import Evidence, Kind
from crazytrain.model.facts.told import Stance, Told, Topic
from tests.decode.tellings import topics


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("The guest is stuck including the monitor since noon.", Topic.QEMU_HUNG),
        ("This guest was killable only with -9 after that.", Topic.QEMU_HUNG),
        ("There is no further disk I/O in the guest from then on.", Topic.STORAGE_SILENT),
        ("The guest stops doing any block I/O in the end.", Topic.STORAGE_SILENT),
        ("An hour later the guest's kernel prints RCU or other stalls.", Topic.SOFT_LOCKUP),
        ("The guest's kernel warns of CPU stalls.", Topic.SOFT_LOCKUP),
        ("Processes: each guest process that opens that folder gets stuck.", Topic.HUNG_TASK),
        ("In the guest the programs that read hang from then on.", Topic.HUNG_TASK),
        ("At its end it can make QEMU to lock up for good.", Topic.QEMU_HUNG),
        ("For the guest it stands in pause_all_vcpus for ever.", Topic.QEMU_HUNG),
        ("The agent froze the file systems of the guest.", Topic.FS_FREEZE),
        ("The guest hangs while its file systems are thawed.", Topic.GUEST_HUNG),
        ("The event loop never sleeps and the guest is slow.", Topic.MAIN_FULL),
        ("The guest goes on after hitting a key in its console.", Topic.POKED),
        ("The guest's log says NMI watchdog: BUG: soft lockup", Topic.SOFT_LOCKUP),
        ("The guest stopped, and QEMU spoke of a machine without unrestricted mode support.", Topic.ENTRY_FAILED),
    ],
)
def test_what_is_spoken_of(text: str, topic: Topic) -> None:
    assert topic in topics(text)


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("The guest's log says NMI watchdog: BUG: soft lockup", Topic.HARD_LOCKUP),
        ("The backup freezes the file systems of the guest.", Topic.GUEST_HUNG),
        ("With this QEMU the hang of the guest is 100% reproducible.", Topic.CPU_FULL),
    ],
)
def test_what_is_not_meant(text: str, topic: Topic) -> None:
    assert topic not in topics(text)


def test_an_option_that_is_false_is_off() -> None:
    evidence = Evidence(
        id="mail", kind=Kind.TOLD, source="mail", data=b"For the guest kvm_intel.enable_apicv=false avoids it."
    )
    assert (Topic.APIC_VIRT, Stance.CURED) in {
        (o.topic, o.stance) for o in decode_told(evidence) if isinstance(o, Told)
    }
