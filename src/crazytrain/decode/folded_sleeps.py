"""ONCPU, too: folded stacks of threads that were off a CPU, with how long in all, as bcc's ``offcputime -f`` prints them.

    CPU 0/KVM;entry_SYSCALL_64_after_hwframe;do_syscall_64;__x64_sys_futex;do_futex;futex_wait;schedule 5911020

Manual: offcputime(8) of bcc; the number is microseconds.
"""

from collections.abc import Iterable, Iterator

from crazytrain.decode.folded_stacks import SCHEDULER, FoldedStack, are_of_sleepers, folded_stacks
from crazytrain.decode.kernel_stack import call_by_functions, runs_a_vcpu
from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.stacks import StackFrame, UserStack, UserStacks
from crazytrain.model.facts.threads import ThreadRole
from crazytrain.model.facts.waits import KVM_RUN, ThreadWait, WaitInstant
from crazytrain.model.thread_names import role_by_name

_KERNEL = " [k]"
_OF_THE_FIRST = frozenset({"main", "main_loop_wait", "qemu_main_loop", "main_loop"})
_DISK = ("io_schedule", "io_schedule_timeout", "bit_wait_io")


def decode_folded_sleeps(evidence: Evidence) -> Iterable[object]:
    """Yield a ``WaitInstant`` and ``UserStacks``: of each name of a thread the stack in which it was longest.

    Threads of one name are one, with a negative number. How long one wait took is not told: the time is of all together.
    """
    found = folded_stacks(evidence)
    if not found or not are_of_sleepers(found):
        return
    longest: dict[str, FoldedStack] = {}
    for one in found:
        if one.comm not in longest or one.count > longest[one.comm].count:
            longest[one.comm] = one
    ref = evidence.ref(found[0].line, found[-1].line)
    kept = [(-number, one) for number, one in enumerate(longest.values(), start=1)]
    yield WaitInstant(
        mono_ns=evidence.mono_ns,
        threads=tuple(_wait(tid, one, evidence.mono_ns) for tid, one in kept),
        refs=(ref,),
        partial=True,
    )
    stacks = tuple(_of_program(kept, evidence))
    if stacks:
        yield UserStacks(mono_ns=evidence.mono_ns, stacks=stacks, refs=(ref,))


def _wait(tid: int, one: FoldedStack, mono_ns: int) -> ThreadWait:
    kernel = tuple(_kernel(one))
    runs = runs_a_vcpu(kernel)
    return ThreadWait(
        tid=tid,
        comm=one.comm,
        mono_ns=mono_ns,
        state="D" if any(name in _DISK for name in kernel) else "",
        call="ioctl" if runs else call_by_functions(kernel),
        arguments=(1 << 30, KVM_RUN) if runs else (),
        wchan=next((name for name in kernel if name not in SCHEDULER), ""),
        kernel=kernel,
        line=one.line,
        role=_role(one, kernel),
        picked=True,
    )


def _kernel(one: FoldedStack) -> Iterator[str]:
    """The kernel's functions, the innermost first; all of them where none is marked, for then nobody knows."""
    marked = [name.removesuffix(_KERNEL) for name in one.frames if name.endswith(_KERNEL)]
    yield from reversed(marked or one.frames)


def _role(one: FoldedStack, kernel: tuple[str, ...]) -> ThreadRole | None:
    role, _ = role_by_name(one.comm)
    if role is not ThreadRole.OTHER:
        return role
    if runs_a_vcpu(kernel):
        return ThreadRole.VCPU
    return ThreadRole.MAIN_LOOP if not _OF_THE_FIRST.isdisjoint(one.frames) else None


def _of_program(kept: Iterable[tuple[int, FoldedStack]], evidence: Evidence) -> Iterator[UserStack]:
    for tid, one in kept:
        own = [name for name in one.frames if not name.endswith(_KERNEL)]
        if own and len(own) < len(one.frames):
            frames = tuple(StackFrame(module="", offset=0, symbol=name) for name in reversed(own))
            yield UserStack(
                tid=tid, comm=one.comm, mono_ns=evidence.mono_ns, frames=frames, refs=(evidence.ref(one.line),)
            )
