"""A good and a bad version of the host's kernel, told without much else."""

import pytest

from crazytrain.decode.told import decode_told
from crazytrain.decode.told_kernel_versions import KernelVersions
from crazytrain.model.evidence import Evidence, Kind
from crazytrain.model.facts.told import Stance, Topic

KERNEL = (Topic.HOST_KERNEL, Stance.GOOD_WITH)


def stances(text: str) -> set[tuple[Topic, Stance]]:
    evidence = Evidence(id="mail", kind=Kind.TOLD, source="mail", data=text.encode())
    return {(one.topic, one.stance) for one in decode_told(evidence)}


@pytest.mark.parametrize(
    "text",
    [
        "All guests hang on hosts with kernel 4.18.1 and 4.18.2. It never happened on 4.17.",
        "With kernel 6.9 the VM does not come up; 6.8.12 works fine.",
        "Our guests freeze on kernels 5.3 and 5.4. Going back to 5.2.21 solved it.",
        "The host kernel 6.4-rc2 has it, 6.3 does not appear to be affected.",
    ],
)
def test_a_version_that_is_well(text: str) -> None:
    assert KERNEL in stances(text)


@pytest.mark.parametrize(
    "text",
    [
        "The VM hangs with kernel 5.4 and QEMU 5.2. QEMU 5.1 works fine.",
        "On kernel 6.1 the guests run well for days, and then one hangs.",
        "The host has kernel 6.1 and the guest kernel 5.10 works fine in other clouds.",
        "It hangs with kernel 6.5, and 6.6 did not help.",
        "The host runs kernel 6.1; 3.5 GHz is what the guest boots fine with.",
        "Version 2.4 works fine, the guest hangs.",
    ],
)
def test_no_such_version(text: str) -> None:
    assert KERNEL not in stances(text)


def test_a_series_has_to_be_called_a_kernel_first() -> None:
    versions = KernelVersions()
    assert not versions.well_with("5.17 works well")
    assert not versions.well_with("since kernel 5.18 it hangs")
    assert versions.well_with("5.17 works well")
    assert not versions.well_with("2.4 works well")


def test_what_a_guest_has_is_not_what_was_seen_of_it() -> None:
    told = stances("A Linux guest (q35, OVMF, two disks) loses its network now and then.")
    assert (Topic.FIRMWARE, Stance.LISTED) in told
    assert (Topic.FIRMWARE, Stance.SEEN) in stances("The OVMF of the guest stands still.")


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("Interrupt 11 of the card is injected over and over.", Topic.IRQ_STORM),
        ("The same gsi gets re-injected endlessly.", Topic.IRQ_STORM),
    ],
)
def test_an_interrupt_that_comes_again(text: str, topic: Topic) -> None:
    assert (topic, Stance.SEEN) in stances(text)


@pytest.mark.parametrize(
    "text",
    ["With nested virtualization disabled it runs.", "The machine has no vmx for the guest set."],
)
def test_no_nested_virtualization_is_no_emulation(text: str) -> None:
    assert not any(topic is Topic.EMULATED for topic, _ in stances(text))


def test_a_line_of_a_log_is_no_prose() -> None:
    assert not stances("INFO: task CPU 7/KVM:9911 blocked for more than 362 seconds.\n")
