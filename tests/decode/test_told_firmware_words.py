"""What is said of firmware that stops, of QEMU that wants a reset, and what only sounds like them."""

import pytest

from crazytrain.decode.told import decode_told
from crazytrain.decode.tool_lines import decode_tool_lines
from crazytrain.model.evidence import Evidence, Kind
from crazytrain.model.facts.told import Stance, Topic
from crazytrain.model.facts.tool_lines import ToolLine, ToolMeaning
from tests.decode.tellings import topics

T = Topic


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("Resuming it says: Resetting the Virtual Machine is required.", T.NEEDS_RESET),
        ("Its state is internal-error, says the monitor.", T.NEEDS_RESET),
        ("The screen shows X64 Exception Type - 0E and nothing more.", T.FIRMWARE_FAULT),
        ("By SeaBIOS the VM hangs at once, by OVMF it boots well.", T.OTHER_FIRMWARE),
        ("With UEFI it never starts while with BIOS it does.", T.OTHER_FIRMWARE),
        ("It ends in an assertion of OVMF right at the start.", T.FIRMWARE_FAULT),
        ("Both processors of it sit in WFI now.", T.ALL_HALTED),
        ("Each time both cores are in native_safe_halt.", T.ALL_HALTED),
        ("Tonight it was paused and resumed over and over.", T.PAUSES_ITSELF),
        ("A machine is paused and resumed repeatedly since noon.", T.GUEST_PAUSED),
        ("Its state flips between paused and running each second.", T.PAUSES_ITSELF),
        ("It stopped for want of it: not enough storage space, we read.", T.NO_SPACE),
        ("The cluster has useEmulation set, as nodes lack it.", T.EMULATED),
        ("Our compute nodes have virt_type = qemu in nova.conf.", T.EMULATED),
        ("We had set its accelerator to none for want of rights.", T.EMULATED),
        ("Somebody disabled acceleration in its template.", T.EMULATED),
        ("On each nightly snapshot with memory the guest is paused.", T.PAUSED_BY),
        ("It is suspended during the backup and goes on later.", T.PAUSED_BY),
    ],
)
def test_what_is_meant(text: str, topic: Topic) -> None:
    assert topic in topics(text)


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("Our own toy kernel in QEMU hangs at once.", T.QEMU_HUNG),
        ("After that snapshot the guest is paused for ever.", T.PAUSED_BY),
        ("The loader was started from the EFI shell by hand.", T.NO_BOOT),
        ("The log ends there while the qemu-kvm process stays.", T.GUEST_PROGRAM),
        ("All its CPUs are in the WFI idle loop now.", T.IDLE_POLL),
        ("At the restart the console stays black for ever.", T.RESETS),
        ("It worked until QEMU went from 4.1.9 to a newer one.", T.HOST_KERNEL),
        ("The installer hangs until the time-out of the script.", T.RECOVERS),
        ("The log is full of warnings of vioscsi since Monday.", T.GUEST_DRIVER),
        ("invalid opcode: 0000 [#1] PREEMPT SMP of that kernel", T.CPU_DIFFERS),
    ],
)
def test_what_is_not_meant(text: str, topic: Topic) -> None:
    assert topic not in topics(text)


def test_what_boots_fast_without_kvm_is_well_so() -> None:
    evidence = Evidence(id="mail", kind=Kind.TOLD, source="mail", data=b"Without KVM the same image boots quickly.")
    assert (T.EMULATED, Stance.GOOD_WITH) in {(one.topic, one.stance) for one in decode_told(evidence)}


def test_what_can_no_longer_be_done_is_not_well() -> None:
    evidence = Evidence(
        id="mail", kind=Kind.TOLD, source="mail", data=b"Under TCG such a machine can no longer be stopped."
    )
    assert (T.EMULATED, Stance.SEEN) in {(one.topic, one.stance) for one in decode_told(evidence)}


def test_an_instruction_that_says_bug_is_no_other_processor() -> None:
    def meanings(text: str) -> list[ToolMeaning]:
        evidence = Evidence(id="log", kind=Kind.TEXT, source="log", data=text.encode())
        return [one.meaning for one in decode_tool_lines(evidence) if isinstance(one, ToolLine)]

    dies = "invalid opcode: 0000 [#1] SMP\nCPU: 0 PID: 1 Comm: init\n"
    assert meanings(dies) == [ToolMeaning.INVALID_OPCODE]
    assert meanings("kernel BUG at mm/slub.c:12!\n" + dies) == []
