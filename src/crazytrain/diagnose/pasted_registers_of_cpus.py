"""What `info registers -a` says of one moment, as points of causes: where every vCPU sleeps and may not be woken, or one is in SMM.

A healthy kernel halts with interrupts on; with interrupts off only a CPU halts that was taken offline, or a kernel that has given up.
"""

from collections.abc import Iterable, Iterator

from crazytrain.model.facts import CpuMode
from crazytrain.model.facts.vcpu import VcpuSample, VcpuSamples
from crazytrain.model.figures import count
from crazytrain.model.finding import Point

_DEAD, _IDLE_AWAKE, _IN_SMM = 60.0, 0.05, 4.0


def cpu_points(cause: str, every: Iterable[VcpuSamples], *, pasted: bool) -> Iterator[Point]:
    """Points of one cause; live looks, which take many samples, are the causes' own."""
    if not pasted or cause not in ("guest-halted-dead", "firmware-hang"):
        return
    for looks in every:
        last = {one.vcpu: one for one in looks.samples}
        if cause == "firmware-hang":
            yield from _in_smm(tuple(last.values()), looks)
        elif last and all(one.halted for one in last.values()):
            off = [one for one in last.values() if not one.interrupts_enabled]
            dead = len(off) == len(last)
            says = f"{count(len(off), 'vCPU')} of {len(last)} halted with interrupts off: nothing wakes those"
            yield Point(says, looks.refs, _DEAD if dead else _IDLE_AWAKE if not off else 1.0)


def _in_smm(last: tuple[VcpuSample, ...], looks: VcpuSamples) -> Iterator[Point]:
    if any(one.mode is CpuMode.SMM for one in last):
        yield Point(
            "a vCPU was in system management mode, which takes microseconds where all is well", looks.refs, _IN_SMM
        )
