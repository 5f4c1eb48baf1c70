"""Rates of KVM's own counters: the difference between the first and the last reading of one source."""

from collections import defaultdict

from crazytrain.model.facts import Facts, KvmStat, KvmStatReading, KvmStats


def derive_kvm_stats(facts: Facts) -> KvmStats | None:
    """Compare the first and the last reading; ``None`` with fewer than two, or where vCPUs came or went in between.

    Of several sources (the monitor, libvirt, the statistics that QEMU keeps open) the one counts that was read over the
    longest time. A counter that fell is left out: it was reset, and its rate is not known.
    """
    by_source: defaultdict[str, list[KvmStatReading]] = defaultdict(list)
    for reading in facts.all(KvmStatReading):
        by_source[reading.ref.evidence.partition(".")[0]].append(reading)
    rates = [stats for readings in by_source.values() if (stats := _rates(readings))]
    return max(rates, key=lambda stats: stats.window_ns, default=None)


def _rates(unsorted: list[KvmStatReading]) -> KvmStats | None:
    readings = sorted(unsorted, key=lambda reading: reading.mono_ns)
    first, last = readings[0], readings[-1]
    window_ns = last.mono_ns - first.mono_ns
    if window_ns <= 0 or first.vcpus != last.vcpus:
        return None
    before = {counter.name: counter.value for counter in first.counters}
    return KvmStats(
        window_ns=window_ns,
        stats=tuple(
            KvmStat(name=counter.name, per_s=(counter.value - before[counter.name]) * 1e9 / window_ns)
            for counter in last.counters
            if counter.value >= before.get(counter.name, counter.value + 1)
        ),
        refs=(first.ref, last.ref),
    )
