"""Stacks by ORC, of all four kinds of table; and whatever a guest may put there instead."""

import struct

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crazytrain.inside.code import code_of
from crazytrain.inside.orc import FIRST, RENUMBERED, WITH_KINDS, WITH_SIGNAL, Base, Dialect, Kind, Pages, kernel_table
from crazytrain.inside.registers import CpuRegisters
from crazytrain.inside.stacks import running_stack, sleeping_stack
from crazytrain.inside.unwind import MOST_FRAMES
from crazytrain.model.facts.inside import GuestFrame, GuestTask
from crazytrain.model.guest_memory import Unreadable
from tests.inside.made_stacks import (
    BORN,
    INNER,
    MIDDLE,
    ORC,
    ORC_IP,
    OUTER,
    RULES,
    STACK,
    STACK_BYTES,
    TASK,
    TEXT,
    TOP,
    MadeStacks,
)

SLEEPS = GuestTask(pid=42, tgid=42, comm="made", state="S")
ENTRY_RETURN = TEXT + 0x320
CHAIN = ["inner", "middle", "outer", "entry"]
DIALECTS = {"to 6.2": FIRST, "6.3": WITH_SIGNAL, "6.4": WITH_KINDS, "7.1": RENUMBERED}


def _names(frames: tuple[GuestFrame, ...]) -> list[str]:
    return [frame.name for frame in frames]


def _registers(made: MadeStacks, sp: int, **more: int) -> CpuRegisters:
    return CpuRegisters(
        vcpu=0,
        ip=more.get("ip", INNER + 0x20),
        sp=sp + 56,
        bp=more.get("bp", 0),
        cpl=0,
        halted=False,
        smm=False,
        cs=0x10,
        cs_base=0,
        gs_base=made.cpu(),
        values={"EFER": 0x500},
    )


@pytest.mark.parametrize("told_by", ["hash", "members", "nothing"])
@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
def test_a_stack_is_read_to_its_end_by_every_kind_of_table(dialect: Dialect, told_by: str) -> None:
    rules = (
        RULES if dialect is not WITH_SIGNAL or told_by != "nothing" else (*RULES, (BORN + 1, Kind.END, *RULES[-1][2:]))
    )
    made = MadeStacks(dialect, rules, told_by=told_by)
    made.in_a_call()
    frames, whole = sleeping_stack(made.kernel(), SLEEPS, TASK)
    assert _names(frames) == CHAIN
    assert [frame.offset for frame in frames] == [0x20] * 4
    assert whole


def test_a_task_that_runs_has_no_stack_that_is_believed() -> None:
    made = MadeStacks()
    made.in_a_call()
    made.put(TASK + 0x40, b"\1")
    assert sleeping_stack(made.kernel(), SLEEPS, TASK) == ((), False)


def test_a_kernel_without_tables_says_so() -> None:
    made = MadeStacks()
    del made.symbols["__start_orc_unwind"]
    with pytest.raises(Unreadable, match="no ORC tables"):
        sleeping_stack(made.kernel(), SLEEPS, TASK)


def test_a_return_address_that_is_no_code_ends_it() -> None:
    made = MadeStacks()
    sp = made.in_a_call()
    made.u64(sp + 9 * 8, 0x1234_5678)
    frames, whole = sleeping_stack(made.kernel(), SLEEPS, TASK)
    assert (_names(frames), whole) == (["inner"], False)


def test_a_stack_pointer_that_lies_elsewhere_gives_nothing() -> None:
    for sp in (0, STACK - 8, STACK + STACK_BYTES - 16, 0xFFFF_FFFF_FFFF_FFF8):
        made = MadeStacks()
        made.in_a_call()
        made.u64(TASK + 0x80, sp)
        assert sleeping_stack(made.kernel(), SLEEPS, TASK) == ((), False)


def test_frames_that_lead_back_end_it() -> None:
    made = MadeStacks()
    sp = made.in_a_call()
    made.u64(sp + 5 * 8, sp + 8)  # middle's frame pointer: to below where it is called
    made.u64(sp + 8 * 8, sp + 8)
    frames, whole = sleeping_stack(made.kernel(), SLEEPS, TASK)
    assert (_names(frames), whole) == (["inner", "middle"], False)


def test_depth_is_bounded() -> None:
    made = MadeStacks()
    words = [0] * 6 + [OUTER + 0x20] * (2 * MOST_FRAMES + 40)
    sp = STACK + STACK_BYTES - 8 * len(words)
    made.u64(sp, *words)
    made.u64(TASK + 0x80, sp)
    frames, whole = sleeping_stack(made.kernel(), SLEEPS, TASK)
    assert (len(frames), whole) == (MOST_FRAMES, False)


def test_a_task_that_never_ran_begins_where_fork_returns() -> None:
    made = MadeStacks()
    sp = STACK + STACK_BYTES - 56
    made.u64(sp, *[0] * 6, BORN)
    made.u64(TASK + 0x80, sp)
    frames, whole = sleeping_stack(made.kernel(), SLEEPS, TASK)
    assert (_names(frames), frames[0].offset, whole) == (["born"], 0, True)


def test_a_running_stack_is_read_by_registers() -> None:
    made = MadeStacks()
    registers = _registers(made, made.in_a_call())
    for stopped in (False, True):
        frames, whole = running_stack(made.kernel(), registers, stopped=stopped)
        assert (_names(frames), whole) == (CHAIN, True)


def test_a_live_stack_that_has_moved_on_gives_only_where_the_cpu_is() -> None:
    made = MadeStacks()
    sp = made.in_a_call()
    made.u64(sp + 9 * 8, OUTER + 0x40)  # a younger call, from a place that calls nobody
    registers = _registers(made, sp)
    assert _names(running_stack(made.kernel(), registers, stopped=False)[0]) == ["inner"]
    made.put(OUTER + 0x40 - 2, b"\xff\xd0")  # through a pointer: that may lead anywhere
    made.u64(sp + 10 * 8, 0, ENTRY_RETURN)
    assert _names(running_stack(made.kernel(), registers, stopped=True)[0])[:2] == ["inner", "outer"]


def test_the_stack_of_a_task_that_has_left_is_not_taken_for_the_next_ones() -> None:
    made = MadeStacks()
    made.in_a_call()
    registers = _registers(made, STACK + 0x8000)
    assert running_stack(made.kernel(), registers, stopped=True) == ((GuestFrame("inner", 0x20, INNER + 0x20),), False)


def test_code_that_is_not_the_kernels_has_no_name() -> None:
    made = MadeStacks()
    registers = _registers(made, made.in_a_call(), ip=0xFFFF_FFFF_C000_0000)
    with pytest.raises(Unreadable, match="no code"):
        running_stack(made.kernel(), registers, stopped=True)


def test_the_table_is_searched_as_the_kernel_does() -> None:
    kernel = MadeStacks().kernel()
    table = kernel_table(kernel, Pages(kernel.space))
    words = {
        address: table.word(address)[:2] for address in (INNER, INNER + 0xF, INNER + 0x10, MIDDLE - 1, BORN + 0x90)
    }
    assert list(words.values()) == [(8, 0), (8, 0), (24, -16), (24, -16), (0, 0)]
    with pytest.raises(Unreadable):
        table.word(INNER - 1)


def test_tail_calls_are_no_contradiction() -> None:
    made = MadeStacks()
    made.call(OUTER + 0x60, MIDDLE)
    made.put(MIDDLE + 0x30, b"\xe9" + struct.pack("<i", INNER - (MIDDLE + 0x35)))
    kernel = made.kernel()
    calls = code_of(kernel).calls
    assert calls.may_lead(OUTER + 0x60, INNER + 5)
    assert not calls.may_lead(ENTRY_RETURN, INNER)  # it calls outer, which jumps nowhere


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.binary(min_size=600, max_size=4000),
    st.integers(0, 2**64 - 1),
    st.booleans(),
    st.sampled_from(list(DIALECTS.values())),
)
def test_whatever_lies_there_ends_soon_and_is_bounded(noise: bytes, wild: int, tables: bool, dialect: Dialect) -> None:
    made = MadeStacks(dialect)
    sp = made.in_a_call()
    made.put(STACK + STACK_BYTES - len(noise) // 8 * 8, noise[: len(noise) // 8 * 8])
    if tables:
        made.put(ORC_IP, noise[:28])
        made.put(ORC, noise[28:70])
    made.u64(sp + 48, [INNER + 0x20, MIDDLE + 0x20, OUTER + 0x30, wild][wild % 4])
    registers = _registers(made, sp + wild % 256, bp=wild)
    kernel = made.kernel()
    for stopped in (False, True):
        frames, _ = running_stack(kernel, registers, stopped=stopped)
        assert 0 < len(frames) <= MOST_FRAMES
        assert frames[0].name == "inner"
    frames, _ = sleeping_stack(kernel, SLEEPS, TASK)
    assert len(frames) <= MOST_FRAMES
    assert all(frame.address > TOP for frame in frames)


def test_bases_are_numbered_as_the_kernels_do() -> None:
    assert [FIRST.bases[number] for number in (1, 4, 5, 8, 9)] == [
        Base.PREV_SP,
        Base.BP,
        Base.SP,
        Base.BP_INDIRECT,
        Base.SP_INDIRECT,
    ]
    assert [RENUMBERED.bases[number] for number in (3, 4, 5, 8, 9)] == [
        Base.SP,
        Base.BP,
        Base.DI,
        Base.PREV_SP,
        Base.SP_INDIRECT,
    ]
