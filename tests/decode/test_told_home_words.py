"""Words of those who run guests at home or in small shops: what they are taken for, and what they are not."""

import pytest

from crazytrain.model.facts.told import Topic
from tests.decode.tellings import topics


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("qmp command 'guest-ping' failed - got timeout", Topic.GUEST_HUNG),
        ("Its console says something of a possible timer handling issue.", Topic.LOST_INTERRUPT),
        ("The guest's KVM process was killed by the kernel last night.", Topic.HOST_MEMORY),
        ("On that server the guests together have 96 GiB of memory.", Topic.HOST_MEMORY),
        ("My guests go into pause by themselves now and then.", Topic.PAUSES_ITSELF),
        ("I resume the guest and a minute later it is paused again.", Topic.PAUSES_ITSELF),
        ("It stays paused until a manual resume of mine.", Topic.PAUSED_BY),
        ("The tool reports a timeout reading the qmp socket.", Topic.QEMU_HUNG),
        ("While savevm runs the guest shows no picture at all.", Topic.IO_BLOCKS),
        ("After the backup it works again in the guest.", Topic.RECOVERS),
        ("The swap of that machine was full by noon.", Topic.GUEST_SWAP),
        ("An open of the image takes more than 12 seconds in QEMU.", Topic.IO_BLOCKS),
        ("The guest's disk writes dropped to zero at once.", Topic.STORAGE_SILENT),
        ("With an older release of ZFS below it the guest works.", Topic.STORAGE_SILENT),
        ("We run libvirt and its guests in WSL2 for tests.", Topic.NESTED),
        ("Half of the RAM of that server is taken by the ARC.", Topic.HOST_MEMORY),
        ("I saw dockerd at the top of the list in that guest.", Topic.GUEST_PROGRAM_BUSY),
    ],
)
def test_what_is_spoken_of(text: str, topic: Topic) -> None:
    assert topic in topics(text)


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("The guest agent is not running in that guest.", Topic.AGENT),
        ("The console shows the stalls of an old kernel.", Topic.QEMU_HUNG),
        ("NMI backtrace for cpu 3 skipped idling at native_safe_halt of the guest", Topic.GUEST_IDLE),
        ("The guest's clocksource is kvm-clock as with all others.", Topic.KVMCLOCK),
        ("The guest's clocksource is kvm-clock as with all others.", Topic.CLOCKSOURCE),
        ("Its window is frozen and the guest does nothing.", Topic.GUEST_IDLE),
        ("The QEMU process stays alive all that time.", Topic.QEMU_HUNG),
        ("There is nothing in libvirtd and the guest hangs.", Topic.QEMU_HUNG),
        ("The pool below the guest is 54% full.", Topic.NO_SPACE),
        ("All my ssh sessions were lost when the guest hung.", Topic.CLIENT_GONE),
        ("That Windows guest has WSL2 enabled since noon.", Topic.NESTED),
        ("I paused it by hand because of the backup.", Topic.PAUSES_ITSELF),
    ],
)
def test_what_is_not_meant(text: str, topic: Topic) -> None:
    assert topic not in topics(text)


def test_a_pool_that_is_nearly_full_still_counts() -> None:
    assert Topic.NO_SPACE in topics("The thin pool below the guest is 99% full.")
