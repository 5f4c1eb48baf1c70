"""More ways to say what is observed: exits, old systems, virtual hosts, processors that differ, what is only feared."""

import pytest

from crazytrain.model.facts.told import Stance, Topic
from tests.decode.tellings import stances

T, S = Topic, Stance


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("Our NetWare 4 machine keeps its host warm.", T.NO_HALT),
        ("The vCPU burns, and yet it hardly ever leaves guest mode.", T.FEW_EXITS),
        ("Our hypervisor is itself a virtual machine of a cloud.", T.NESTED),
        ("Started on Haswell, it crashed after being migrated to an older Westmere.", T.CPU_DIFFERS),
        ("Restoring it ends in KVM_SET_XSAVE with EINVAL.", T.CPU_DIFFERS),
        ("The card has no MSI and sits on a shared interrupt line.", T.IRQ_LINE),
        ("The handler gets 48,000 interrupts per second from the card.", T.IRQ_STORM),
        ("One core of the machine is at 97 % hi.", T.IRQ_STORM),
        ("Its profile shows kvm_vcpu_on_spin above all.", T.LOCK_HOLDER),
        ("Nearly all exits are for PAUSE.", T.PAUSE_EXITS),
        ("Each turn of the loop does inb(0x3da) once.", T.OTHER_PORT),
        ("KVM_EXIT_MMIO is what QEMU sees, all day.", T.MMIO_EXITS),
        ("It reads IA32_PERF_STATUS over and over.", T.MSR_EXITS),
        ("VMLAUNCH returned an error and it was over.", T.ENTRY_FAILED),
        ("The emulator of KVM cannot decode the opcode there.", T.EMULATION),
        ("We run qemu-system-ppc64 on an old Opteron box of Intel make, on a PC.", T.EMULATED),
        ("SVM is disabled in the BIOS of that box.", T.EMULATED),
        ("Top claims 96 % wa on that host.", T.IOWAIT),
        ("A hook suspended it and nobody woke it.", T.PAUSED_BY),
        ("The only output is what the firmware says of its version.", T.NO_SCREEN),
        ("Libvirt says that resetting the virtual machine is required.", T.NEEDS_RESET),
        ("Its screen shows a Synchronous Exception at some address.", T.FIRMWARE_FAULT),
        ("Both vCPUs sit in native_safe_halt all the while.", T.ALL_HALTED),
        ("It stands at Booting from Floppy and nothing follows.", T.NO_SCREEN),
        ("The guest itself reports 2 % use of its CPUs.", T.GUEST_IDLE),
    ],
)
def test_an_observation_is_known(text: str, topic: Topic) -> None:
    assert (topic, S.SEEN) in stances(text)


@pytest.mark.parametrize(
    "text",
    [
        "He takes these for an error of the disk.",
        "She asks whether that is too much.",
        "All of it runs as expected there.",
        "Nothing is slow in there at all.",
        "The guest is in order otherwise.",
    ],
)
def test_what_is_only_feared_is_nothing_wrong(text: str) -> None:
    assert (T.NOTHING_WRONG, S.SEEN) in stances(text)


def test_a_pause_instruction_is_no_paused_guest() -> None:
    assert T.GUEST_PAUSED not in {topic for topic, _ in stances("Most exits are PAUSE there.")}
    assert (T.GUEST_PAUSED, S.SEEN) in stances("Somebody put it into the paused state.")


def test_what_is_blamed_is_guessed() -> None:
    assert (T.NUMA_BALANCING, S.GUESS) in stances("Somebody takes numa balancing for the cause of it.")


def test_what_is_not_slow_is_not_slow() -> None:
    assert (T.GUEST_SLOW, S.SEEN) not in stances("The guest is not slow by any measure.")
    assert (T.GUEST_SLOW, S.SEEN) in stances("The guest is terribly slow by any measure.")


def test_likeness_to_another_monitor_is_no_nesting() -> None:
    assert (T.NESTED, S.SEEN) not in stances("It was given vmware-like devices by its owner.")
    assert (T.NESTED, S.SEEN) in stances("Its host is a guest of VMware, says the owner.")


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("It reboots as soon as it loads CR3 with its own tables.", T.MODE_SWITCH),
        ("Entering long mode, the machine resets.", T.MODE_SWITCH),
        ("VMIDLE in its CONFIG.SYS keeps it cool.", T.IDLE_POLL),
        ("QEMU sits at 2 % all day.", T.CPU_LITTLE),
        ("The dashboard says 98 % memory for it.", T.MEMORY_SHOWN),
        ("Faults at the same page come for ever.", T.FAULT_EXITS),
        ("It accesses thermal MSRs thousands of times.", T.MSR_EXITS),
        ("Our nodes are made of virtual machines.", T.NESTED),
        ("The box lacks hardware virtualization altogether.", T.EMULATED),
        ("It polls a register at 0xfe8c1040 of the card.", T.MMIO_EXITS),
        ("Its BIOS could not find the boot sector there.", T.NO_BOOT),
        ("The vCPU is stuck in DXE.", T.FIRMWARE),
        ("A locked add goes across a cache line there.", T.SPLIT_LOCK),
        ("The debugger stopped the guest at noon.", T.PAUSED_BY),
    ],
)
def test_more_of_them(text: str, topic: Topic) -> None:
    assert (topic, S.SEEN) in stances(text)


def test_what_is_missed_when_it_is_gone_is_no_cure() -> None:
    assert (T.NO_BOOT, S.GOOD_WITH) not in stances("It stands at the UEFI shell since its disk is gone.")
    assert (T.USB_TABLET, S.CURED) in stances("Without the USB tablet the load is gone.")


def test_who_is_suspected_by_others_is_guessed() -> None:
    assert (T.KSM, S.GUESS) in stances("The owner suspects that KSM does it.")
    assert (T.HLT_EXITS, S.SEEN) in stances("Somebody takes that for load: 98 % of time in HLT.")
