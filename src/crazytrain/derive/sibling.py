"""Which guest beside it fits best to compare with."""

from collections.abc import Sequence

from crazytrain.model.figures import share
from crazytrain.model.guest import Guest
from crazytrain.model.overview import GuestOverview

# A guest whose main loop or vCPU takes this much is no quiet measure for another one.
LOOP_CALM_TO = 0.10
VCPU_CALM_TO = 0.60


def fitting(guest: Guest, rows: Sequence[GuestOverview]) -> tuple[Guest | None, str]:
    """The guest that is most like this one and looks calm, and a sentence that says why; ``None`` with the reason
    otherwise.
    """
    others = [r for r in rows if r.guest.process != guest.process]
    calm = [r for r in others if _calm(r)]
    if not calm:
        if not others:
            return None, "no other guest runs beside it"
        return None, f"none of the {len(others)} guests beside it is calm enough to serve as a healthy one"
    best = max(calm, key=lambda r: (len(alike(guest, r.guest)), -(r.split.cpu_ratio if r.split else 0.0)))
    same = ", ".join(alike(guest, best.guest)) or "nothing but the host"
    used = share(best.split.cpu_ratio) if best.split else "?"
    return best.guest, f"{best.guest.name} runs beside it, is calm ({used} of a CPU) and has the same {same}"


def _calm(row: GuestOverview) -> bool:
    return row.split is not None and row.split.main_loop_ratio <= LOOP_CALM_TO and row.split.vcpu_ratio <= VCPU_CALM_TO


def alike(guest: Guest, other: Guest) -> tuple[str, ...]:
    """What two guests have in common, of what makes their figures comparable."""
    pairs = {
        "accelerator": (guest.accelerator, other.accelerator),
        "number of vCPUs": (guest.vcpus, other.vcpus),
        "machine type": (guest.machine, other.machine),
        "QEMU": (_binary(guest), _binary(other)),
        "memory": (guest.memory_bytes, other.memory_bytes),
    }
    return tuple(name for name, (mine, theirs) in pairs.items() if mine == theirs and mine not in (None, ""))


def _binary(guest: Guest) -> str:
    return guest.qemu_version or (guest.command_line[0] if guest.command_line else "")
