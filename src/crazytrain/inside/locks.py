"""Who waits for which lock, and who holds it, where that can be read for sure."""

from collections.abc import Sequence

from crazytrain.inside.attempts import Attempts
from crazytrain.inside.kernel import Kernel
from crazytrain.inside.lock_sleepers import sleepers
from crazytrain.inside.lock_spinners import spinners
from crazytrain.inside.registers import CpuRegisters
from crazytrain.inside.tasks import Tasks
from crazytrain.model.facts.inside import LockWait


def read_locks(
    kernel: Kernel, tasks: Tasks, registers: Sequence[CpuRegisters], attempts: Attempts
) -> tuple[LockWait, ...]:
    """Tell who waits for a lock: CPUs that spin, by their ``registers``, and ``tasks`` that sleep, by their stacks.

    What could not be read is noted in ``attempts``.
    """
    spinning = attempts.get("spinlocks", spinners, kernel, registers) if registers else ()
    return (*(spinning or ()), *sleepers(kernel, tasks, attempts))
