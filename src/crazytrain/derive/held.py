"""How far the host held the vCPU back while its exits were counted: a loaded host makes a storm look smaller."""

import msgspec

from crazytrain.model.facts import Facts, KvmExits, ThreadActivity, ThreadRole


def derive_held_exits(facts: Facts) -> KvmExits | None:
    """The exits again, with the share of time that the busiest vCPU waited for a CPU; ``None`` where it did not, or nobody knows."""
    exits, threads = facts.get(KvmExits), facts.get(ThreadActivity)
    if exits is None or threads is None or not exits.window_ns or not threads.window_ns:
        return None
    busiest = max(threads.of(ThreadRole.VCPU), key=lambda t: t.cpu_ratio + (t.delay_ratio or 0.0), default=None)
    held = busiest.delay_ratio if busiest else None
    return msgspec.structs.replace(exits, held_ratio=min(held, 1.0)) if held else None
