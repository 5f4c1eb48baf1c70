"""Where each vCPU was over the window: shares of register samples."""

from collections import Counter, defaultdict
from collections.abc import Sequence

from crazytrain.model.facts import Facts, VcpuActivity, VcpuSample, VcpuSamples, VcpuView

_BLOCK_BYTES = 64


def derive_vcpus(facts: Facts) -> VcpuView | None:
    """Gather all samples by vCPU; ``None`` where there is none. For what each figure means, see ``VcpuActivity``.

    A share out of n samples is good to about 1/sqrt(n).
    """
    bursts = facts.all(VcpuSamples)
    by_vcpu: dict[int, list[VcpuSample]] = defaultdict(list)
    for sample in (sample for burst in bursts for sample in burst.samples):
        by_vcpu[sample.vcpu].append(sample)
    if not by_vcpu:
        return None
    return VcpuView(
        vcpus=tuple(_activity(vcpu, by_vcpu[vcpu]) for vcpu in sorted(by_vcpu)),
        refs=tuple(ref for burst in bursts for ref in burst.refs),
    )


def _activity(vcpu: int, samples: Sequence[VcpuSample]) -> VcpuActivity:
    awake = [sample for sample in samples if not sample.halted]
    shown = awake or samples
    addresses = [sample.address for sample in shown]
    top, times = Counter(addresses).most_common(1)[0]
    return VcpuActivity(
        vcpu=vcpu,
        samples=len(samples),
        halted_ratio=1 - len(awake) / len(samples),
        user_ratio=_share(sum(sample.cpl > 0 for sample in awake), awake),
        kernel_ratio=_share(sum(sample.cpl == 0 for sample in awake), awake),
        interrupts_off_ratio=_share(sum(not sample.interrupts_enabled for sample in samples), samples),
        mode=Counter(sample.mode for sample in shown).most_common(1)[0][0],
        places=len({sample.address // _BLOCK_BYTES for sample in awake}),
        top_ip=top,
        top_ip_ratio=times / len(shown),
        span_bytes=max(addresses) - min(addresses),
    )


def _share(count: int, samples: Sequence[VcpuSample]) -> float:
    return count / len(samples) if samples else 0.0
