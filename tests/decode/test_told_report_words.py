"""Things as trackers of bugs have them: kernels of guests, their programs, shared folders, processors that are added."""

import pytest

from crazytrain.model.facts.told import Stance, Topic
from tests.decode.tellings import stances

S, T = Stance, Topic


@pytest.mark.parametrize(
    ("text", "topic", "stance"),
    [
        ("It hangs since we upgraded the guest kernel last week.", T.GUEST_KERNEL, S.SEEN),
        ("With an older guest kernel it works fine.", T.GUEST_KERNEL, S.GOOD_WITH),
        ("With a new guest kernel the boot hangs, older kernels are slow as well.", T.GUEST_KERNEL, S.SEEN),
        ("There is high CPU usage in it because of the indexing service.", T.GUEST_PROGRAM_BUSY, S.SEEN),
        ("Inside the guest a process named blender-worker uses it all.", T.GUEST_PROGRAM_BUSY, S.SEEN),
        ("The cpu load of the Inventory Service skyrockets after an hour.", T.GUEST_PROGRAM_BUSY, S.SEEN),
        ("The graph shows memory hovering at around 97 % in the VM.", T.GUEST_SWAP, S.SEEN),
        ("Reading a file on the virtiofs mount hangs for minutes.", T.HUNG_TASK, S.SEEN),
        ("The 9p mount hangs, and ls in it cannot be killed.", T.HUNG_TASK, S.SEEN),
        ("It happens after a vCPU was hot-plugged to the guest.", T.SMP_START, S.SEEN),
        ("The test machine never comes up in one run of fifty.", T.GUEST_HUNG, S.SEEN),
        ("The vm does not boot the real-time kernel.", T.GUEST_KERNEL, S.SEEN),
        ("Older kernels of the image come up.", T.GUEST_KERNEL, S.SEEN),
        ("With the stock kernel the vm works.", T.GUEST_KERNEL, S.GOOD_WITH),
        ("It has no RNG and waits for entropy.", T.ENTROPY, S.SEEN),
        ("The clock interrupt comes way too often.", T.TIMER_RATE, S.SEEN),
        ("Its time slices are very short.", T.TIMER_RATE, S.SEEN),
        ("It hangs while the nouveau driver loads.", T.GUEST_DRIVER, S.SEEN),
        ("Two worker threads are stuck in a mutex of the journal.", T.HUNG_TASK, S.SEEN),
        ("It is so since the new kernel on the nodes.", T.HOST_KERNEL, S.SEEN),
        ("The monitor command hangs for ever.", T.QEMU_HUNG, S.SEEN),
        ("The memory balloon is inflated to half of its size.", T.BALLOON, S.SEEN),
    ],
)
def test_what_is_told(text: str, topic: Topic, stance: Stance) -> None:
    assert (topic, stance) in stances(text)


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("The login works, but any command hangs in that shell.", T.QEMU_HUNG),
        ("We restarted the balloon service inside of Windows.", T.BALLOON),
        ("The BalloonService.exe is at the newest version.", T.BALLOON),
        ("We boot the host into another kernel.", T.GUEST_KERNEL),
        ("A hobby OS of ours hangs in it.", T.NO_HALT),
        ("The guest (SLES 15, libvirt 7.1) hangs at night.", T.QEMU_HUNG),
        ("The backup is stuck in guest-fsfreeze-freeze.", T.HOST_IO),
        ("The copy of it (Debian 12 host, local disks) hangs.", T.HOST_STUCK),
        ("The serial console still responds to the keyboard.", T.CHARDEV),
    ],
)
def test_what_is_not_told(text: str, topic: Topic) -> None:
    assert topic not in {one for one, _ in stances(text)}


def test_kernels_named_after_the_guests_are_the_guests() -> None:
    found = {topic for topic, _ in stances("It needs a patched guest kernel to hang. With older kernels it does not.")}
    assert T.GUEST_KERNEL in found
    assert T.HOST_KERNEL not in found


def test_kernels_of_the_host_stay_its_own() -> None:
    found = {
        topic for topic, _ in stances("We changed the guest kernel in vain. With an older host kernel it is fine.")
    }
    assert T.HOST_KERNEL in found
