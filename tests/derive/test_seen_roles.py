"""Threads that no name, no deed and no monitor tells: the functions that they were seen in do. And which answer of a monitor counts."""

from crazytrain.derive.profile import derive_profile
from crazytrain.derive.seen_roles import derive_seen_roles
from crazytrain.derive.threads import derive_threads
from crazytrain.model.evidence import Outcome, Ref
from crazytrain.model.facts import (
    ExitCount,
    Facts,
    KvmExits,
    QemuConfig,
    QemuState,
    TaskReading,
    TaskTable,
    ThreadActivity,
    ThreadRole,
    ThreadUse,
)
from crazytrain.model.facts.kvm import HaltUse
from crazytrain.model.facts.stacks import CpuSamples, RunningStack
from crazytrain.model.facts.waits import Waiting, Waits
from crazytrain.model.qemu_functions import GENERATED

REFS = (Ref("made", 1),)
S = 10**9


def thread(tid: int, role: ThreadRole = ThreadRole.OTHER) -> ThreadUse:
    return ThreadUse(tid=tid, comm="qemu-system-x86", role=role, user_ratio=0.5)


def activity(*threads: ThreadUse) -> ThreadActivity:
    return ThreadActivity(window_ns=S, samples=3, threads=threads, refs=REFS)


def samples(tid: int, *functions: str) -> CpuSamples:
    stack = RunningStack(tid=tid, comm="qemu-system-x86", frames=functions, count=9)
    return CpuSamples(mono_ns=1, stacks=(stack,), samples=9, refs=REFS, hz=99, length_ns=S)


def seen(*facts: object) -> dict[int, ThreadUse]:
    known = Facts(facts)
    profile = derive_profile(known)
    found = derive_seen_roles(known.plus(profile) if profile else known)
    return {use.tid: use for use in found.threads} if found else {}


def test_a_thread_that_ran_generated_code_is_a_vcpu() -> None:
    roles = seen(activity(thread(1, ThreadRole.MAIN_LOOP), thread(2)), samples(2, GENERATED))
    assert roles[2].role is ThreadRole.VCPU
    assert "functions" in roles[2].why
    assert roles[1].role is ThreadRole.MAIN_LOOP


def test_the_only_vcpu_has_number_0() -> None:
    guests = (activity(thread(2)), samples(2, GENERATED))
    assert seen(*guests, QemuConfig(binary="qemu", vcpus=1))[2].vcpu == 0
    assert seen(*guests, QemuConfig(binary="qemu", vcpus=2))[2].vcpu is None


def test_a_stack_of_a_sleeper_tells_as_well() -> None:
    halted = Waiting(tid=3, comm="qemu", label="a vCPU", role=ThreadRole.VCPU, state="S", call="futex")
    waits = Waits(window_ns=S, instants=2, threads=(halted,), locks=(), refs=REFS)
    assert seen(activity(thread(3)), waits)[3].role is ThreadRole.VCPU


def test_a_thread_that_halts_in_kvm_is_a_vcpu() -> None:
    halts = HaltUse(tid=4, polled=0, polled_ns=0, waited=9, waited_ns=S)
    exits = KvmExits(window_ns=S, halts=(halts,), userspace=(ExitCount(reason="IO", count=3, tid=5),), refs=REFS)
    roles = seen(activity(thread(4), thread(5), thread(6)), exits)
    assert [roles[tid].role for tid in (4, 5, 6)] == [ThreadRole.VCPU, ThreadRole.VCPU, ThreadRole.OTHER]


def test_a_known_role_stays_and_unknown_functions_tell_nothing() -> None:
    assert not seen(activity(thread(2, ThreadRole.IOTHREAD)), samples(2, GENERATED))
    assert not seen(activity(thread(2)), samples(2, "deflate"))


def test_a_later_answer_without_vcpus_takes_none_away() -> None:
    """The last questions to a monitor are fewer."""
    tables = tuple(
        TaskTable(
            mono_ns=second * S + 1,
            ticks_per_s=100,
            tasks=tuple(
                TaskReading(tid=tid, comm="qemu", state="S", user_ticks=0, system_ticks=0, guest_ticks=0, start_ticks=5)
                for tid in (1, 2)
            ),
            refs=REFS,
            pid=1,
        )
        for second in (0, 1)
    )
    first = QemuState(monitor=Outcome.OK, status="running", vcpu_tids=(2,))
    last = QemuState(monitor=Outcome.OK, status="running")
    found = derive_threads(Facts((*tables, first, last)))
    assert found is not None
    assert [use.role for use in found.threads] == [ThreadRole.MAIN_LOOP, ThreadRole.VCPU]
