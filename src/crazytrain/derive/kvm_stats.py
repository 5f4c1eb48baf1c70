"""Rates of KVM's own counters: the difference between the first and the last ``query-stats``."""

from crazytrain.model.facts import Facts, KvmStat, KvmStatReading, KvmStats


def derive_kvm_stats(facts: Facts) -> KvmStats | None:
    """Compare the first and the last reading; ``None`` with fewer than two, or where vCPUs came or went in between.

    A counter that fell is left out: it was reset, and its rate is not known.
    """
    readings = sorted(facts.all(KvmStatReading), key=lambda reading: reading.mono_ns)
    window_ns = readings[-1].mono_ns - readings[0].mono_ns if readings else 0
    if window_ns <= 0 or readings[0].vcpus != readings[-1].vcpus:
        return None
    before = {counter.name: counter.value for counter in readings[0].counters}
    return KvmStats(
        window_ns=window_ns,
        stats=tuple(
            KvmStat(name=counter.name, per_s=(counter.value - before[counter.name]) * 1e9 / window_ns)
            for counter in readings[-1].counters
            if counter.value >= before.get(counter.name, counter.value + 1)
        ),
        refs=(readings[0].ref, readings[-1].ref),
    )
