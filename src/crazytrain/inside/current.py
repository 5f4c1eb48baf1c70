"""Which CPU of the guest's kernel a vCPU is, and which task is on it."""

from crazytrain.inside.generations import CURRENT_TASK, per_cpu_place
from crazytrain.inside.kernel import Kernel
from crazytrain.inside.registers import CpuRegisters
from crazytrain.model.guest_memory import Unreadable

_MOST_CPUS = 8192
# Linux puts the number of the CPU into the limit of a segment descriptor of its own (GDT_ENTRY_CPUNODE, for getcpu).
_CPU_DESCRIPTOR = 15 * 8
_CPU_MASK = 0xFFF
_HALF = 1 << 63


class Cpus:
    """The CPUs of one kernel: where the variables of each lie, as far as they can be read."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self.count = _possible(kernel)
        table = kernel.symbols["__per_cpu_offset"]
        raw = kernel.space.read(table, 8 * self.count)
        self._offsets = [int.from_bytes(raw[at : at + 8], "little") for at in range(0, len(raw), 8)]
        self._by_offset = {offset: cpu for cpu, offset in enumerate(self._offsets) if offset >= _HALF}
        self._current = per_cpu_place(kernel, CURRENT_TASK)

    def online(self) -> tuple[int, ...]:
        """Give the numbers of the CPUs that the kernel uses just now. Raises ``Unreadable``."""
        mask = self._kernel.space.read(self._kernel.symbols["__cpu_online_mask"], (self.count + 7) // 8)
        return tuple(cpu for cpu in range(self.count) if mask[cpu // 8] >> cpu % 8 & 1)

    def variable(self, symbol: str, cpu: int) -> int:
        """Where a per-CPU variable lies. Raises ``Unreadable``."""
        return self.place(self._kernel.symbols[symbol], cpu)

    def place(self, address: int, cpu: int) -> int:
        """Where a per-CPU variable of this address lies for one CPU. Raises ``Unreadable``."""
        if not 0 <= cpu < self.count:
            raise Unreadable(f"the guest's kernel has no CPU {cpu}")
        return (address + self._offsets[cpu]) & (2 * _HALF - 1)

    def current_place(self, cpu: int) -> int:
        """Where the pointer to a CPU's current task lies. Raises ``Unreadable``."""
        return self.place(self._current, cpu)

    def current(self, cpu: int) -> int:
        """Where the ``task_struct`` of the task on a CPU lies. Raises ``Unreadable``."""
        return self._kernel.space.u64(self.current_place(cpu))

    def of(self, registers: CpuRegisters) -> int:
        """Tell which CPU a vCPU is. Raises ``Unreadable`` where nothing tells.

        QEMU's number is that of the kernel only mostly. In kernel mode GS says it; the kernel writes it into each CPU's GDT, too.
        """
        if registers.cpl == 0 and registers.gs_base in self._by_offset:
            return self._by_offset[registers.gs_base]
        gdt = registers.values.get("GDT", 0)
        if gdt >= _HALF:
            number = self._kernel.space.u16(gdt + _CPU_DESCRIPTOR) & _CPU_MASK
            if number < self.count:
                return number
        raise Unreadable(f"which CPU of the guest's kernel vCPU {registers.vcpu} is, cannot be told")


def _possible(kernel: Kernel) -> int:
    count = kernel.space.u32(kernel.symbols["nr_cpu_ids"])
    if not 0 < count <= _MOST_CPUS:
        raise Unreadable(f"{count} CPUs are not believed")
    return count
