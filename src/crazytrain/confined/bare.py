"""What the registers alone tell, of a guest whose kernel was not found: user or kernel, halted, and where."""

from collections import Counter

from crazytrain.confined.parts import Now
from crazytrain.inside.registers import CpuRegisters, parse_registers
from crazytrain.model.facts.inside import GuestFrame, InsideProfile, Missing, Mode, StackCount

_MOST_PLACES = 4096
_USER = 3


class BareSampler:
    """A ``Sampling`` without a kernel. Places beyond the first few thousand are counted as one without an address."""

    def __init__(self, now: Now, why: str) -> None:
        self._now = now
        self._why = why
        self._begin()

    def _begin(self) -> None:
        self._start_ns = self._now()[0]
        self._samples, self._vcpus = 0, 0
        self._places: Counter[tuple[int, Mode, int]] = Counter()

    def look(self) -> None:
        """Nothing: who is current only the kernel knows."""

    def spot(self, registers: str, mono_ns: int, stopped: bool, *, late: bool = False) -> None:  # noqa: ARG002 - no stack is read, so they say nothing
        """Count where each vCPU is."""
        found = parse_registers(registers)
        self._samples += bool(found)
        self._vcpus = max(self._vcpus, len(found))
        for cpu in found:
            place = cpu.vcpu, mode_of(cpu), linear(cpu)
            if place not in self._places and len(self._places) >= _MOST_PLACES:
                place = cpu.vcpu, mode_of(cpu), 0
            self._places[place] += 1

    def profile(self, end_ns: int, paused_ns: int) -> InsideProfile:
        """Give what was counted, and begin anew."""
        profile = InsideProfile(
            start_ns=self._start_ns,
            end_ns=end_ns,
            vcpus=self._vcpus,
            samples=self._samples,
            stacks=tuple(_stack(place, count) for place, count in self._places.most_common()),
            paused_ns=paused_ns,
            missing=(Missing("names", self._why),),
        )
        self._begin()
        return profile


def mode_of(cpu: CpuRegisters) -> Mode:
    """What a vCPU does by its registers."""
    if cpu.halted:
        return Mode.HALTED
    return Mode.USER if cpu.cpl == _USER else Mode.KERNEL


def linear(cpu: CpuRegisters) -> int:
    """Where the next instruction lies: in code of 64 bits the base of CS does not count."""
    return cpu.ip if cpu.is_long else (cpu.ip + cpu.cs_base) & 0xFFFF_FFFF


def _stack(place: tuple[int, Mode, int], count: int) -> StackCount:
    cpu, mode, address = place
    return StackCount(cpu=cpu, mode=mode, frames=(GuestFrame("", 0, address),), count=count)
