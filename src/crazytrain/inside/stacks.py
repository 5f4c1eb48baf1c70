"""Kernel stacks of the guest's tasks and CPUs."""

from crazytrain.inside.code import code_of
from crazytrain.inside.generations import OUTERMOST
from crazytrain.inside.kernel import Kernel
from crazytrain.inside.orc import Base
from crazytrain.inside.registers import CpuRegisters
from crazytrain.inside.stack_places import Range, places_of
from crazytrain.inside.unwind import Place, Stack, Unwound, unwind
from crazytrain.model.facts.inside import GuestFrame, GuestTask
from crazytrain.model.guest_memory import Unreadable

_TRIES = 3
# struct inactive_task_frame, from linux/arch/x86/include/asm/switch_to.h: r15, r14, r13, r12, bx, bp, the address to return to.
_FRAME_BP, _FRAME_IP, _FRAME_BYTES = 40, 48, 56
_REGISTERS = {Base.R10: "R10", Base.R13: "R13", Base.DI: "RDI", Base.DX: "RDX"}

Frames = tuple[tuple[GuestFrame, ...], bool]
_NOTHING: Frames = ((), False)


def sleeping_stack(kernel: Kernel, task: GuestTask, address: int) -> Frames:
    """Give the frames (innermost first) of a task that is on no CPU, and whether they are all. ``address``: its ``task_struct``.

    A task that runs, or ran between two looks at its stack pointer, has none. Raises ``Unreadable`` where this kernel's stacks
    cannot be read, or this task cannot.
    """
    code_of(kernel).must_have_rules()
    places = places_of(kernel)
    if task.on_cpu:
        return _NOTHING
    for _ in range(_TRIES):
        sp = places.resting_sp(address)
        if sp is None:
            return _NOTHING
        found = _from_rest(kernel, places.of_task(address), sp)
        if places.resting_sp(address) == sp:
            return found.frames, found.whole
    return _NOTHING


def _from_rest(kernel: Kernel, its: Range, sp: int) -> Unwound:
    code, stack = code_of(kernel), Stack(kernel.space, [its])
    try:
        bp, ip = stack.word(sp + _FRAME_BP), stack.word(sp + _FRAME_IP)
    except Unreadable:
        return Unwound((), whole=False)
    if not code.holds(ip):
        return Unwound((), whole=False)
    is_new = code.frame(ip, returns=False).offset == 0  # a task that has never run begins where fork returns
    return _judged(unwind(code, stack, Place(ip, sp + _FRAME_BYTES, bp, returns=not is_new)))


def running_stack(kernel: Kernel, registers: CpuRegisters, *, stopped: bool) -> Frames:
    """Give the frames of a vCPU in kernel mode. The stack of one that runs on is read too late: unless it was read to its
    end, only the function that it is in is given. Raises ``Unreadable`` where not even that can be told.
    """
    code = code_of(kernel)
    if not code.holds(registers.ip):
        raise Unreadable("the instruction pointer is in no code of the kernel")
    first = (code.frame(registers.ip, returns=False),)
    try:
        code.must_have_rules()
        ranges = _ranges(kernel, registers)
    except Unreadable:
        return first, False
    known = {base: registers.values[name] for base, name in _REGISTERS.items() if name in registers.values}
    start = Place(registers.ip, registers.sp, registers.bp, returns=False, registers=known)
    found = _judged(unwind(code, Stack(kernel.space, ranges), start, strictly=not stopped))
    return (found.frames, found.whole) if found.whole or stopped else (first, False)


def _ranges(kernel: Kernel, registers: CpuRegisters) -> list[Range]:
    """The stacks that a vCPU may be on."""
    places = places_of(kernel)
    cpu = places.cpus.of(registers)
    task = places.occupant(registers, cpu)
    if task is None:
        raise Unreadable("the task that was on this CPU has left it")
    return [places.of_task(task), *places.of_cpu(cpu)]


def _judged(found: Unwound) -> Unwound:
    """End a stack where the kernel began: what called that lies in memory that is free by now, and says nothing more."""
    for count, frame in enumerate(found.frames, 1):
        if frame.name in OUTERMOST:
            return Unwound(found.frames[:count], whole=True)
    return found
