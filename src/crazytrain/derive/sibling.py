"""Which guest beside it fits best to compare with."""

from collections.abc import Iterator, Sequence

from crazytrain.model.figures import share
from crazytrain.model.guest import Accelerator, Guest
from crazytrain.model.overview import GuestOverview

# A guest whose main loop or vCPU takes this much is no quiet measure for another one.
LOOP_CALM_TO = 0.10
VCPU_CALM_TO = 0.60


# A guest that has this in common with another one is its like; what it does at rest is a measure for it.
NEEDED = ("accelerator", "number of vCPUs", "machine type", "QEMU")


def is_like(guest: Guest, other: Guest) -> bool:
    """Whether two guests are set up so much alike that the one is a measure for the other."""
    return set(NEEDED) <= set(alike(guest, other)) and "operating system" not in unlike(guest, other)


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
    return tuple(name for name, mine, theirs in _traits(guest, other) if mine == theirs and mine not in (None, ""))


def unlike(guest: Guest, other: Guest) -> tuple[str, ...]:
    """What is known of both guests and is not the same, of what makes their figures comparable."""
    both = ((name, mine, theirs) for name, mine, theirs in _traits(guest, other) if mine and theirs)
    return tuple(name for name, mine, theirs in both if mine != theirs)


def _traits(guest: Guest, other: Guest) -> Iterator[tuple[str, object, object]]:
    yield "accelerator", _known(guest.accelerator), _known(other.accelerator)
    yield "number of vCPUs", guest.vcpus, other.vcpus
    yield "machine type", guest.machine, other.machine
    yield "QEMU", _binary(guest), _binary(other)
    yield "operating system", _system(guest), _system(other)
    yield "memory", guest.memory_bytes, other.memory_bytes


def _known(accelerator: Accelerator) -> str:
    return "" if accelerator is Accelerator.UNKNOWN else accelerator.value


def _system(guest: Guest) -> str:
    """The kind of system that a guest is set up for: one that speaks to Hyper-V is Windows, a given kernel is Linux."""
    words = guest.command_line
    if any(word.startswith(("hv-", "hv_")) for option in words for word in option.split(",")):
        return "Windows"
    return "Linux" if "-kernel" in words else ""


def _binary(guest: Guest) -> str:
    return guest.qemu_version or (guest.command_line[0] if guest.command_line else "")
