"""Where the guest kernel's stacks lie: one for each task, and for each CPU those for interrupts and exceptions."""

import weakref
from collections.abc import Callable

from crazytrain.inside.current import Cpus
from crazytrain.inside.generations import FIRST_STACK, IRQ_STACK, PerCpu, per_cpu_place
from crazytrain.inside.kernel import Field, Kernel
from crazytrain.inside.registers import CpuRegisters
from crazytrain.model.guest_memory import Unreadable

_STACK_BYTES = 16 << 10  # THREAD_SIZE and IRQ_STACK_SIZE without KASAN
_MOST_STACK_BYTES = 128 << 10
_MOST_EXCEPTION_BYTES = 1 << 20
_EXCEPTION_STACKS = (PerCpu("cea_exception_stacks"),)
_MOST_KNOWN = 4096
_ADDRESS = 0x000F_FFFF_FFFF_E000  # of CR3, without what PTI keeps apart (bit 12) and the number of the address space

Range = tuple[int, int]


def places_of(kernel: Kernel) -> "StackPlaces":
    """Give where a kernel's stacks lie, found out once. Raises ``Unreadable``."""
    return kernel.learnt(StackPlaces, StackPlaces)


class StackPlaces:
    """Stacks of one kernel, and who is on which."""

    def __init__(self, kernel: Kernel) -> None:
        field = kernel.layout.field
        self._space = kernel.space
        self._stack = field("task_struct", "stack").offset
        self._sp = field("task_struct", "thread.sp").offset
        self._on_cpu = _field(kernel, "task_struct", "on_cpu")  # a kernel for one CPU has none
        self._mm, self._pgd = _field(kernel, "task_struct", "mm"), _field(kernel, "mm_struct", "pgd")
        self._bytes = _stack_bytes(kernel)
        self._irq, self._exceptions = _place(kernel, IRQ_STACK), _place(kernel, _EXCEPTION_STACKS)
        self._exception_bytes = _exception_bytes(kernel)
        self._by_stack: dict[int, int] = {}
        self._by_root: dict[int, int] = {}
        self._cpus: Cpus | None = None
        self._kernel = weakref.ref(kernel)

    @property
    def cpus(self) -> Cpus:
        """The CPUs of this kernel. Raises ``Unreadable``."""
        kernel = self._kernel()
        if self._cpus is None:
            if kernel is None:
                raise Unreadable("the kernel is no longer looked at")
            self._cpus = Cpus(kernel)
        return self._cpus

    def of_task(self, task: int) -> Range:
        """Give the stack of a task. Raises ``Unreadable``."""
        start = self._space.u64(task + self._stack)
        return start, start + self._bytes

    def resting_sp(self, task: int) -> int | None:
        """Give the stack pointer that a task left as it was taken from its CPU; ``None`` while it is on one."""
        if self._on_cpu and any(self._space.read(task + self._on_cpu.offset, self._on_cpu.size)):
            return None
        return self._space.u64(task + self._sp)

    def of_cpu(self, cpu: int) -> list[Range]:
        """Give the stacks of a CPU that belong to no task."""
        found = []
        irq = self._pointer(cpu, self._irq)
        if irq:  # it points to the last word, or behind it
            end = (irq + 15) & ~15
            found.append((end - _STACK_BYTES, end))
        exceptions = self._pointer(cpu, self._exceptions)
        if exceptions and self._exception_bytes:
            found.append((exceptions, exceptions + self._exception_bytes))
        return found

    def _pointer(self, cpu: int, place: int | None) -> int:
        try:
            return self._space.u64(self.cpus.place(place, cpu)) if place is not None else 0
        except Unreadable:
            return 0

    def occupant(self, registers: CpuRegisters, cpu: int) -> int | None:
        """Tell which task a vCPU was on when its registers were read: memory is read a moment later, and may tell of the next one.

        ``None`` where they do not fit, and no task is known that they would fit. Raises ``Unreadable``.
        """
        task = self.cpus.current(cpu)
        if registers.cpl:
            return self._fitting(self._by_root, registers.cr3 & _ADDRESS, self._root_of, task)
        if any(start <= registers.sp <= end for start, end in self.of_cpu(cpu)):
            return task
        return self._fitting(self._by_stack, (registers.sp - 1) & -self._bytes, self._start_of, task)

    def _fitting(self, known: dict[int, int], wanted: int, told: Callable[[int], int], task: int) -> int | None:
        """The current task where it fits, else one that did and still does."""
        if told(task) == wanted:
            if len(known) >= _MOST_KNOWN:
                known.clear()
            known[wanted] = task
            return task
        earlier = known.get(wanted)
        return earlier if earlier is not None and told(earlier) == wanted else None

    def _start_of(self, task: int) -> int:
        return self.of_task(task)[0]

    def _root_of(self, task: int) -> int:
        """Where the page tables of a task's program lie in physical memory; 0 for a task without a program."""
        if self._mm is None or self._pgd is None:
            raise Unreadable("where a task keeps its address space is not known for this kernel")
        mm = self._space.u64(task + self._mm.offset)
        return self._space.translate(self._space.u64(mm + self._pgd.offset))[0] & _ADDRESS if mm else 0


def _field(kernel: Kernel, struct: str, path: str) -> Field | None:
    try:
        return kernel.layout.field(struct, path)
    except Unreadable:
        return None


def _place(kernel: Kernel, ways: tuple[PerCpu, ...]) -> int | None:
    try:
        return per_cpu_place(kernel, ways)
    except Unreadable:
        return None


def _stack_bytes(kernel: Kernel) -> int:
    """How big a task's stack is: as big as the first task's, which stands in the kernel's image."""
    for first, end in FIRST_STACK:
        start, stop = kernel.symbols.get(first), kernel.symbols.get(end)
        if start is not None and stop is not None and stop - start in _sizes():
            return stop - start
    return _STACK_BYTES


def _sizes() -> tuple[int, ...]:
    return _STACK_BYTES, 2 * _STACK_BYTES, 4 * _STACK_BYTES, _MOST_STACK_BYTES


def _exception_bytes(kernel: Kernel) -> int:
    try:
        return min(kernel.layout.size("cea_exception_stacks"), _MOST_EXCEPTION_BYTES)
    except Unreadable:
        return 0
