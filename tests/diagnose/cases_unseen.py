"""Causes that guests showed which nobody had seen: facts that hit, and a near miss that must not."""

import msgspec

from crazytrain.model.facts import CpuMode, VcpuView
from tests.diagnose import making as m


def standing_at(instruction: str, places: int = 2) -> VcpuView:
    seen = m.view(places=places, mode=CpuMode.REAL)
    return msgspec.structs.replace(seen, vcpus=(msgspec.structs.replace(seen.vcpus[0], traps=instruction),))


CASES = {
    "trapped-instruction": (
        (m.threads(vcpu=1.0), standing_at("CPUID")),
        (m.threads(vcpu=1.0), standing_at("CPUID", places=40)),
    ),
}
