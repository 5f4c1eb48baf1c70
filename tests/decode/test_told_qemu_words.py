"""Words for QEMU's own side: what they are taken for, and what they are not."""

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
        ("A dommemstat of this guest waits, and so does destroy.", Topic.QEMU_HUNG),
        ("Our agent hangs in a libvirt call for this guest.", Topic.QEMU_HUNG),
        ("The monitoring script of that guest crashed at noon.", Topic.CLIENT_GONE),
        ("There is an orphaned telnet connection to the guest.", Topic.CLIENT_GONE),
        ("The guest writes to hvc0 whose reader was suspended.", Topic.PEER_STUCK),
        ("The guest's kernel prints to COM1 of the machine.", Topic.CHARDEV),
        ("Someone pressed ctrl-s at the terminal of the guest.", Topic.PEER_STUCK),
        ("A bps_max was set for that disk of the guest.", Topic.THROTTLE),
        ("The IO thread of the guest is at work all day.", Topic.IOTHREAD),
        ("The thread polls its queues while the guest sleeps.", Topic.POLL_MAX),
        ("In the guest epoll_wait came back at once, again and again.", Topic.POLL_SPIN),
        ("The guest's list of aio handlers grows by the hour.", Topic.FD_HANDLERS),
        ("It was built without liburing and the guest is fine.", Topic.IO_URING),
        ("For the guest the main loop is inside fsync most of the time.", Topic.MAIN_IN_CALL),
        ("For this guest ftruncate takes twenty seconds at least.", Topic.MAIN_IN_CALL),
        ("The drive of the guest was spun down over night.", Topic.IO_BLOCKS),
        ("The guest stands still until the share is back.", Topic.RECOVERS),
        ("The guest is dead for about 20 seconds each time.", Topic.RECOVERS),
        ("The host's load grows to 55 with no CPU used by guests.", Topic.STORAGE_SILENT),
        ("There was no path to the LUNs of the guest.", Topic.STORAGE_SILENT),
        ("The poll of the guest's process goes on without end.", Topic.DRAIN),
        ("The guest waits for in-flight requests of a disk.", Topic.DRAIN),
        ("The copy-on-write space of the guest's volume was exhausted.", Topic.NO_SPACE),
        ("A webcam is forwarded to the guest by the host.", Topic.USB_HOST),
        ("The guest was shrunk by setmem while it ran.", Topic.BALLOON),
        ("That vhost worker of the guest is busy all day.", Topic.VHOST_FULL),
        ("The guest has a disk of SPDK over vhost-user.", Topic.VHOST_USER),
        ("The guest's QEMU is still under gdb.", Topic.STOPPED),
        ("A RAM snapshot of the guest takes a quarter of an hour.", Topic.MIGRATION_LASTS),
        ("The guest uses the default network of plain QEMU.", Topic.USERNET),
    ],
)
def test_what_is_spoken_of(text: str, topic: Topic) -> None:
    assert topic in {one for one, _ in told(text)}


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("Nothing is readable on any descriptor of the guest.", Topic.PEER_STUCK),
        ("The host takes an LVM snapshot of the guest's volume.", Topic.RESUME),
        ("The guest's vhost-user device is served by OVS.", Topic.VHOST),
        ("There is nothing in the guest journal after that.", Topic.LOAD_OF_NOBODY),
        ("A backup job of the guest is under way on the host.", Topic.HOST_IO),
        ("The NFS share freezes guests when it is slow.", Topic.NETWORK_DEAD),
        ("The hosts got new firmware and the guests hang.", Topic.FIRMWARE),
        ("VNC accepts no connection for this guest.", Topic.NETWORK_DEAD),
    ],
)
def test_what_is_not_meant(text: str, topic: Topic) -> None:
    assert topic not in {one for one, _ in told(text)}


def test_what_is_no_longer_got_is_not_well() -> None:
    said = told("Now the guest no longer gets any time and a thread of QEMU is at 100% CPU.")
    assert (Topic.CPU_FULL, Stance.SEEN) in said
    assert (Topic.AUDIO, Stance.GOOD_WITH) in told("With sound on the guest no longer freezes.")


def test_what_is_replaced_or_taken_away_and_how_it_is_then() -> None:
    assert (Topic.USB_TABLET, Stance.CURED) in told("Replacing the usb-tablet of the guest lowers it to 6%.")
    assert (Topic.DISPLAY, Stance.CURED) in told("The guest takes 4% with -display none.")
    assert (Topic.IO_URING, Stance.CURED) in told("Builds without io_uring behave with the same guest.")


def test_ways_to_name_one_thing_make_no_list() -> None:
    said = told("An old USB scanner is passed through to a guest (QEMU 6.1, EHCI).")
    assert (Topic.USB_HOST, Stance.SEEN) in said
