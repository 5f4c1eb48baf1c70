"""Samples of a made-up kernel: who, where, how often; what is not believed is left out and said."""

from hypothesis import given, settings
from hypothesis import strategies as st

from crazytrain.inside.memory import Recorded
from crazytrain.inside.registers import parse_registers
from crazytrain.inside.sampling import Sampler, coarse, linear
from crazytrain.model.facts.inside import GuestFrame, InsideProfile, Mode
from tests.inside.made_stacks import DATA, INNER, TASK, TOP, MadeStacks

TEXT = """CPU#{vcpu}
RAX=0000000000000000 RBX=0000000000000000 RCX=0000000000000000 RDX=0000000000000000
RSI=0000000000000000 RDI=0000000000000000 RBP=0000000000000000 RSP={sp:016x}
RIP={ip:016x} RFL=00000246 [---Z-P-] CPL={cpl} II=0 A20=1 SMM=0 HLT={hlt}
CS =0010 0000000000000000 ffffffff 00af9b00 DPL=0 CS64 [-RA]
GS =0000 {gs:016x} 00000000 00000000
GDT=     {gdt:016x} 0000007f
CR0=80050033 CR2=0000000000000000 CR3={cr3:016x} CR4=000006b0
EFER=0000000000000d01
"""
REAL_MODE = """CPU#0
EAX=00000000 EBX=00000000 ECX=00000000 EDX=00000000
ESI=00000000 EDI=00000000 EBP=00000000 ESP=00006f00
EIP=00001234 EFL=00000246 [---Z-P-] CPL=0 II=0 A20=1 SMM=0 HLT=0
CS =f000 000f0000 0000ffff 00009b00
GS =0000 00000000 0000ffff 00009300
CR0=00000010 CR2=00000000 CR3=00000000 CR4=00000000
EFER=0000000000000000
"""


def _text(sp: int, **more: int) -> str:
    known = {"vcpu": 0, "sp": sp + 56, "ip": INNER + 0x20, "cpl": 0, "hlt": 0, "gs": DATA + 0x1000, "gdt": 0, "cr3": 0}
    return TEXT.format(**{**known, **more})


def _made() -> tuple[MadeStacks, int]:
    made = MadeStacks()
    made.cpu()
    made.put(DATA + 0x108, b"\1")
    made.put(DATA + 0x110, b"\1")
    return made, made.in_a_call()


def _sampler(made: MadeStacks) -> Sampler:
    return Sampler(made.kernel(), lambda: (5, 6))


def _profile(sampler: Sampler) -> InsideProfile:
    return sampler.profile(9, 7)


def test_who_is_on_a_cpu_is_counted_by_memory_alone() -> None:
    made, _ = _made()
    sampler = _sampler(made)
    for _ in range(300):
        sampler.look()
    profile = _profile(sampler)
    assert (profile.task_samples, profile.samples, profile.vcpus) == (300, 0, 1)
    (who,) = profile.who
    assert (who.cpu, who.pid, who.tgid, who.comm, who.count) == (0, 42, 41, "made", 300)
    assert (profile.start_ns, profile.end_ns, profile.paused_ns, profile.missing) == (5, 9, 7, ())
    assert _profile(sampler).task_samples == 0


def test_modes_and_places_are_counted() -> None:
    made, sp = _made()
    sampler = _sampler(made)
    for _ in range(3):
        sampler.spot(_text(sp), 100, stopped=False)
    sampler.spot(_text(sp, hlt=1), 100, stopped=True)
    sampler.spot(_text(sp, ip=0x401000, cpl=3), 100, stopped=False)
    profile = _profile(sampler)
    assert profile.samples == 5
    kernel, *others = profile.stacks
    assert (kernel.count, kernel.mode, kernel.pid, kernel.comm, kernel.whole) == (3, Mode.KERNEL, 42, "made", True)
    assert [frame.name for frame in kernel.frames] == ["inner", "middle", "outer", "entry"]
    assert {(one.mode, one.frames[0].address) for one in others} == {(Mode.HALTED, INNER + 0x20), (Mode.USER, 0x401000)}


def test_registers_of_a_while_ago_tell_the_function_and_not_whose_it_was() -> None:
    made, sp = _made()
    sampler = _sampler(made)
    sampler.spot(_text(sp), 3, stopped=False, late=True)
    sampler.spot(_text(sp, ip=0x401000, cpl=3), 4, stopped=False, late=True)
    profile = _profile(sampler)
    assert (profile.samples, profile.start_ns) == (2, 3)
    assert {
        (one.mode, one.pid, one.frames[0].name, one.frames[0].address, len(one.frames)) for one in profile.stacks
    } == {
        (Mode.KERNEL, None, "inner", INNER + 0x20, 1),
        (Mode.USER, None, "", 0x401000, 1),
    }


def test_a_task_that_came_after_the_registers_is_not_blamed() -> None:
    made, _ = _made()
    sampler = _sampler(made)
    sampler.spot(_text(TOP + 0x1_0000), 100, stopped=False)
    (one,) = _profile(sampler).stacks
    assert (one.pid, one.comm, [frame.name for frame in one.frames]) == (None, "", ["inner"])


def test_the_cpu_is_the_kernels_own_number() -> None:
    made, sp = _made()
    gdt = DATA + 0x3000
    made.put(gdt + 15 * 8, b"\0\0")
    sampler = _sampler(made)
    sampler.spot(_text(sp, vcpu=3, gs=0x7F00, gdt=gdt), 100, stopped=False)
    (one,) = _profile(sampler).stacks
    assert (one.cpu, one.pid) == (0, 42)
    sampler.spot(_text(sp, vcpu=3, gs=0x7F00), 100, stopped=False)
    profile = _profile(sampler)
    assert (profile.stacks[0].cpu, profile.stacks[0].pid) == (3, None)
    assert "which CPU" in profile.missing[0].why


def test_firmware_has_a_linear_address_and_no_name() -> None:
    made, _ = _made()
    sampler = _sampler(made)
    sampler.spot(REAL_MODE, 100, stopped=False)
    (one,) = _profile(sampler).stacks
    assert (one.mode, one.pid, one.frames) == (Mode.KERNEL, None, (GuestFrame("", 0, 0xF1234),))
    assert linear(parse_registers(REAL_MODE)[0]) == 0xF1234


def test_a_kernel_that_goes_away_gives_no_more_names() -> None:
    made, sp = _made()
    kernel = made.kernel()
    sampler = Sampler(kernel, lambda: (5, 6))
    sampler.spot(_text(sp), 100, stopped=False)
    assert isinstance(kernel.memory, Recorded)
    page = (DATA - TOP) // 4096
    kernel.memory._pages[page] = b"\0" * 4096
    sampler.spot(_text(sp), 100, stopped=False)
    sampler.look()
    profile = _profile(sampler)
    assert sorted((one.frames[0].name, one.pid) for one in profile.stacks) == [("", None), ("inner", 42)]
    assert "rebooted" in profile.missing[0].why
    assert profile.who == ()


def test_a_task_that_cannot_be_is_not_counted() -> None:
    made, _ = _made()
    made.put(TASK + 0x50, b"\xff\xff\xff\x7f")
    sampler = _sampler(made)
    sampler.look()
    profile = _profile(sampler)
    assert profile.who == ()
    assert "not believed" in profile.missing[0].why


def test_many_places_are_bounded_and_told() -> None:
    made, sp = _made()
    sampler = _sampler(made)
    for number in range(5000):
        sampler.spot(_text(sp, ip=0x40_0000 + 0x1000 * number + 5, cpl=3), 100, stopped=False)
    profile = _profile(sampler)
    assert len(profile.stacks) == 4096
    assert "904 looks" in profile.missing[-1].why
    assert sum(one.count for one in profile.stacks) + 904 == 5000


def test_a_coarse_place_is_a_function_or_a_page() -> None:
    inner, user = GuestFrame("inner", 0x20, INNER + 0x20), GuestFrame("", 0, 0x401234)
    assert coarse((0, Mode.KERNEL, 1, "a", (inner, user), True))[4] == (GuestFrame("inner", 0, INNER), user)
    assert coarse((0, Mode.USER, 1, "a", (user,), False))[4] == (GuestFrame("", 0, 0x401000),)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=300), st.binary(min_size=64, max_size=2000), st.integers(0, 2**64 - 1))
def test_whatever_is_printed_or_lies_there_does_no_harm(text: str, noise: bytes, wild: int) -> None:
    made, sp = _made()
    made.put(DATA + 0x100, noise)
    sampler = _sampler(made)
    sampler.look()
    sampler.spot(text, 1, stopped=False)
    sampler.spot(_text(sp, ip=wild, gs=wild, gdt=wild, cr3=wild, cpl=wild % 4), 1, stopped=True)
    assert _profile(sampler).samples <= 2
