"""How things of the guest's side are said: denied, cured by a change, listed, blamed; and lines of the guest's own log."""

import pytest

from crazytrain.model.facts.told import Stance, Topic
from tests.decode.tellings import stances

S, T = Stance, Topic


@pytest.mark.parametrize(
    ("text", "topic", "stance"),
    [
        ("There are no soft lockups in the guest's log.", T.SOFT_LOCKUP, S.ABSENT),
        ("The guest's log has soft lockups all over it.", T.SOFT_LOCKUP, S.SEEN),
        ("We removed the USB tablet. Now it only takes 2% CPU.", T.USB_TABLET, S.CURED),
        ("Without the USB tablet the guest takes just 3% of a core.", T.USB_TABLET, S.CURED),
        ("The USB tablet causes high CPU load when idle.", T.USB_TABLET, S.CURED),
        ("We removed the USB tablet. The guest has been running for a day.", T.USB_TABLET, S.ABSENT),
        ("Each time the lock holder was preempted by the host.", T.LOCK_HOLDER, S.SEEN),
        ("The host's CPU is idle all the time.", T.HOST_CALM, S.SEEN),
    ],
)
def test_how_it_is_said(text: str, topic: Topic, stance: Stance) -> None:
    assert (topic, stance) in stances(text)


def test_a_small_load_left_is_not_the_load_complained_of() -> None:
    assert T.CPU_SOME not in {topic for topic, _ in stances("After the change it takes just 4% CPU on the host.")}


def test_what_all_of_a_list_names_is_listed_only() -> None:
    found = stances("The guest has usb tablet, virtio balloon, guest agent, virtio-blk, vnc display.")
    assert {stance for _, stance in found} == {S.LISTED}


def test_a_panic_of_the_host_is_none_of_the_guest() -> None:
    assert T.PANIC not in {topic for topic, _ in stances("Last night the host had a kernel panic and rebooted.")}


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("Inside the guest kswapd0 takes 100% CPU.", T.GUEST_KTHREAD),
        ("It is under memory pressure inside the VM all day.", T.GUEST_SWAP),
        ("On the host kswapd0 is busy and it swaps.", T.HOST_MEMORY),
        ("The kernel hangs at Calibrating delay loop and nothing follows.", T.LOST_INTERRUPT),
        ("The timer interrupt is never delivered to it.", T.LOST_INTERRUPT),
        ("Each gettimeofday is a context switch and a call of the hypervisor.", T.SLOW_CLOCKSOURCE),
    ],
)
def test_things_of_the_guest(text: str, topic: Topic) -> None:
    assert (topic, S.SEEN) in stances(text)


def test_a_switch_into_the_kernel_is_no_change_of_kernels() -> None:
    assert T.HOST_KERNEL not in {
        topic for topic, _ in stances("Each call is a context switch into the kernel, which is slow.")
    }
    assert (T.HOST_KERNEL, S.SEEN) in stances("After we changed to an other kernel the guests were slow.")


@pytest.mark.parametrize(
    "text",
    [
        "I am on Windows 11 with that tool.",
        "The host runs Windows 10 and it is fast.",
        "On VMware 17 on Windows it works.",
    ],
)
def test_windows_of_the_host_is_not_the_guests(text: str) -> None:
    assert T.WINDOWS not in {topic for topic, _ in stances(text)}
    assert (T.WINDOWS, S.SEEN) in stances("The guest has a Windows 10 in it, nothing else.")


def test_a_restored_snapshot_is_no_job_on_a_disk() -> None:
    assert T.BLOCK_JOB not in {
        topic for topic, _ in stances("It hangs on interrupts after snapshot/restore of the machine.")
    }
