"""Cause emulated/software-emulation."""

from crazytrain.diagnose.cause import Cause, Rank
from crazytrain.diagnose.looks import look_for
from crazytrain.diagnose.signs import burning_vcpus
from crazytrain.model.facts import DescriptorTable, QemuConfig, QemuState, ThreadActivity, VcpuView
from crazytrain.model.finding import Claim, Family, Point
from crazytrain.model.guest import Accelerator


def software_emulation(
    config: QemuConfig | None,
    threads: ThreadActivity | None,
    table: DescriptorTable | None,
    state: QemuState | None,
    view: VcpuView | None,
) -> Claim:
    """Is the guest emulated in software, without hardware virtualization?"""
    points: list[Point] = []
    if config and config.accelerator is not Accelerator.UNKNOWN:
        tcg = config.accelerator is Accelerator.TCG
        points.append(Point(f"the command line asks for {config.accelerator.value}", config.refs, 60 if tcg else 0.05))
    named = [t for t in threads.threads if t.comm.endswith("/TCG")] if threads else []
    if named and threads:
        points.append(Point(f"its vCPU threads are named {named[0].comm}", threads.refs, 500))
    kvm = (table.of("kvm-vm") or table.of("kvm-vcpu")) if table else ()
    if table and (kvm or table.complete):
        says = "it holds KVM descriptors" if kvm else "it holds no KVM descriptor"
        points.append(Point(says, table.refs, 0.001 if kvm else 30))
    if state and state.kvm is not None:
        points.append(
            Point(
                f"QEMU says: KVM {'enabled' if state.kvm else 'not enabled'}", state.refs, 0.001 if state.kvm else 500
            )
        )
    burns = " and that is slow" if burning_vcpus(threads) else ""
    return Claim(
        says=f"the guest runs in software emulation (TCG){burns}",
        prior=0.1,
        points=tuple(points),
        missing=() if view else (look_for(VcpuView),),
        aside=threads is not None and not burns,
        # That it is emulated may be certain; that this is why it burns is not, while what it does is not known.
        at_most=0.6 if burns or threads is None else 0.99,
    )


CAUSE = Cause(slug="software-emulation", family=Family.EMULATED, rank=Rank.CONTEXT, judge=software_emulation)
