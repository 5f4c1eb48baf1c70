"""CPUs that spin for a lock, by their registers.

x86-64 hands the lock over in RDI, and the functions that spin keep it there or in a register that calls leave alone. It is
believed where the memory that it points to is a lock that is taken: a queued spinlock is a byte that says so, one that says
that somebody is next, and the last CPU in the queue (include/asm-generic/qspinlock_types.h).
"""

from collections.abc import Sequence

from crazytrain.inside import generations
from crazytrain.inside.current import Cpus
from crazytrain.inside.kernel import Kernel
from crazytrain.inside.lock_names import kind_of, lock_name
from crazytrain.inside.registers import CpuRegisters
from crazytrain.inside.tasks import TaskReader
from crazytrain.model.facts.inside import LockWait
from crazytrain.model.guest_memory import Unreadable

_KEPT = ("RBX", "RBP", "R12", "R13", "R14", "R15")
_KERNEL = 1 << 63
_INTERRUPTS = 1 << 9  # RFLAGS.IF
_TAIL_SHIFT = 18
_SPINLOCK = "spinlock"
_UNNOTED = "a spinlock does not note who holds it, unless the kernel is built to debug them"


def spinners(kernel: Kernel, registers: Sequence[CpuRegisters]) -> tuple[LockWait, ...]:
    """Tell which CPUs spin for a lock just now. Raises ``Unreadable`` where the kernel's CPUs are not known."""
    cpus, reader = Cpus(kernel), TaskReader(kernel)
    waiting = {one.vcpu: (one, found) for one in registers if (found := _function(kernel, one)) is not None}
    others = tuple(one for one in registers if one.vcpu not in waiting and _keeps_interrupts_off(one))
    why = _why(cpus, others)
    return tuple(_wait(kernel, cpus, reader, one, found, why) for one, found in waiting.values())


def _function(kernel: Kernel, registers: CpuRegisters) -> tuple[str, str] | None:
    """The function in which a CPU spins, and for what kind of lock; ``None`` where it does not."""
    if registers.cpl or registers.halted or not kernel.symbols.is_text(registers.ip):
        return None
    at = kernel.symbols.at(registers.ip)
    kind = kind_of(at[0], generations.SPINNING) if at else None
    return (at[0], kind) if at and kind else None


def _keeps_interrupts_off(registers: CpuRegisters) -> bool:
    on = registers.values.get("RFL", _INTERRUPTS) & _INTERRUPTS
    return not registers.cpl and not registers.halted and not on


def _why(cpus: Cpus, others: Sequence[CpuRegisters]) -> str:
    """Why the holder is not known, and whom to suspect."""
    suspects = ", ".join(str(cpu) for one in others if (cpu := _cpu(cpus, one)) is not None)
    return f"{_UNNOTED}; in the kernel with interrupts off meanwhile: CPU {suspects}" if suspects else _UNNOTED


def _cpu(cpus: Cpus, registers: CpuRegisters) -> int | None:
    try:
        return cpus.of(registers)
    except Unreadable:
        return None


def _wait(
    kernel: Kernel, cpus: Cpus, reader: TaskReader, registers: CpuRegisters, found: tuple[str, str], why: str
) -> LockWait:
    function, kind = found
    cpu = _cpu(cpus, registers)
    lock = _lock(kernel, cpus.count, registers) if kind == _SPINLOCK else 0
    pid, comm = _who(cpus, reader, cpu)
    return LockWait(
        kind=kind,
        cpu=cpu,
        pid=pid,
        comm=comm,
        function=function,
        lock=lock,
        lock_name=lock_name(kernel.symbols, lock) if lock else "",
        holder_why=why if kind == _SPINLOCK else "which lock it is, cannot be told from where it spins",
    )


def _who(cpus: Cpus, reader: TaskReader, cpu: int | None) -> tuple[int | None, str]:
    try:
        row = reader.row(cpus.current(cpu)) if cpu is not None else None
    except Unreadable:
        row = None
    return (row.pid, row.name) if row else (None, "")


def _lock(kernel: Kernel, count: int, registers: CpuRegisters) -> int:
    """The lock that a CPU spins for; 0 where that cannot be told."""
    first = registers.values.get("RDI", 0)
    if _is_taken(kernel, first, count):
        return first
    kept = {registers.values.get(name, 0) for name in _KEPT}
    found = [value for value in kept if _is_taken(kernel, value, count)]
    return found[0] if len(found) == 1 else 0


def _is_taken(kernel: Kernel, address: int, count: int) -> bool:
    """Whether a queued spinlock that is taken lies there, for two looks."""
    if address < _KERNEL or address % 4:
        return False
    try:
        looks = kernel.space.u32(address), kernel.space.u32(address)
    except Unreadable:
        return False
    return all(
        look & 0xFF <= 1 and look >> 8 & 0xFF <= 1 and look & 0xFFFF and look >> _TAIL_SHIFT <= count for look in looks
    )
