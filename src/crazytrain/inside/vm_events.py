"""What the guest's kernel counts of its memory: swapping, waits for pages, programs killed for want of memory (``/proc/vmstat``)."""

from crazytrain.inside.current import Cpus
from crazytrain.inside.kernel import Kernel
from crazytrain.model.facts.inside import MemoryEvents
from crazytrain.model.guest_memory import Unreadable

_MOST_EVENTS = 1024
_MOST = 1 << 62
_WRAP = 1 << 64
_NAMES = {
    "swapped_in": "PSWPIN",
    "swapped_out": "PSWPOUT",
    "major_faults": "PGMAJFAULT",
    "oom_kills": "OOM_KILL",
}


def read_vm_events(kernel: Kernel) -> MemoryEvents:
    """Read the counters of all online CPUs, summed. Raises ``Unreadable``.

    Each CPU counts on its own, and what a CPU counted that went off is added to another's: only the sum means anything.
    """
    numbers = {field: _number(kernel, name) for field, name in _NAMES.items()}
    cpus, size = Cpus(kernel), 8 * (max(numbers.values()) + 1)
    place = kernel.symbols["vm_event_states"]
    tables = [kernel.space.read(cpus.place(place, cpu), size) for cpu in cpus.online()]
    sums = {
        field: sum(int.from_bytes(table[8 * at : 8 * at + 8], "little") for table in tables) % _WRAP
        for field, at in numbers.items()
    }
    if any(count > _MOST for count in sums.values()):
        raise Unreadable("the guest's count of memory events is not believed")
    return MemoryEvents(**sums)


def _number(kernel: Kernel, name: str) -> int:
    number = kernel.layout.value("vm_event_item", name)
    if not 0 <= number < _MOST_EVENTS:
        raise Unreadable("the kernel's type information tells nonsense of vm_event_item")
    return number
