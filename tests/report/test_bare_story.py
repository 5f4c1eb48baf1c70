from crazytrain.model.evidence import Ref
from crazytrain.model.facts import Facts
from crazytrain.model.facts.firmware import BarePlace, BareView
from crazytrain.model.facts.resets import Resets
from crazytrain.report.bare_story import bare_story

REFS = (Ref("vcpus.0"),)


def place(bare: float, **other: float | bool) -> BarePlace:
    usual = {"rom_ratio": 0.0, "low_ratio": 0.0, "halted_ratio": 0.0, "interrupts_off_ratio": 1.0}
    return BarePlace(vcpu=0, samples=40, bare_ratio=bare, **{**usual, **other})  # type: ignore[arg-type]


def said(*facts: object) -> list[str]:
    lines = list(bare_story(Facts(facts)))
    assert all(line.evidence for line in lines)
    return [line.says for line in lines]


def test_a_vcpu_without_a_system_is_told_with_its_place() -> None:
    view = BareView(vcpus=(place(1.0, rom_ratio=0.95, low_ratio=0.05),), refs=REFS)
    assert said(view) == [
        "vCPU 0 ran without paging in 100 % of 40 samples (95 % in the firmware, 5.0 % below 640 KiB): no operating system"
    ]
    stuck = BareView(vcpus=(place(1.0, low_ratio=1.0, jumps_to_itself=True),), refs=REFS)
    assert said(stuck)[0].endswith("no operating system; the instruction there jumps to itself")


def test_a_system_that_runs_is_not_worth_a_word() -> None:
    assert said(BareView(vcpus=(place(0.02),), refs=REFS)) == []


def test_resets_are_told_with_who_asked() -> None:
    resets = Resets(by_guest=3, by_host=1, untold=0, shortest_ns=800_000_000, refs=(Ref("qmp.0", 2),))
    (told,) = said(resets)
    assert told.endswith("the guest was reset 3 times by itself, 1 time from outside, at least once 800 ms apart")


def test_uefi_is_told() -> None:
    (told,) = said(BareView(vcpus=(place(0.0, uefi_ratio=1.0),), refs=REFS))
    assert told == "vCPU 0 ran below 4 GiB in long mode in 100 % of 40 samples, as UEFI does: no operating system"
