"""Cause exit-storm/trapped-instruction."""

from crazytrain.diagnose.cause import BUSY, Cause, Rank
from crazytrain.diagnose.signs import burn_point, held_words, storms
from crazytrain.model.facts import KvmExits, QemuConfig, ThreadActivity, VcpuView
from crazytrain.model.figures import count, rate, share
from crazytrain.model.finding import Claim, Family, Point
from crazytrain.model.guest import Accelerator

FEW_PLACES = 8
FEWEST = 20  # a few lines of a trace are no rate
BY_CODE_AT_MOST = 0.85
# Exits that have a cause of their own here, or that a computing guest has, too.
_TRAPS = frozenset(
    """
    CPUID VMCALL VMMCALL WBINVD INVD XSETBV RDPMC INVLPG CR_ACCESS DR_ACCESS GDTR_IDTR LDTR_TR RDTSC RDTSCP MWAIT
    MWAIT_INSTRUCTION MONITOR MONITOR_INSTRUCTION INVPCID RDRAND RDSEED VMREAD VMWRITE VMRUN VMRESUME HYPERCALL
    """.split()  # noqa: SIM905 - thirty quotes would hide the words
)


def trapped_instruction(
    view: VcpuView | None, exits: KvmExits | None, threads: ThreadActivity | None, config: QemuConfig | None
) -> Claim:
    """Does the guest execute one instruction all the time that leaves guest mode whatever it is for (CPUID, VMCALL, ...)?"""
    says = "the guest executes one instruction again and again that leaves guest mode each time"
    traced = _traced(exits)
    if traced:
        return Claim(says=says, prior=0.02, points=traced)
    emulated = config is not None and config.accelerator is Accelerator.TCG  # there it is an instruction like others
    found = [v for v in view.vcpus if v.traps and v.places <= FEW_PLACES] if view and not emulated else []
    if not found or view is None or threads is None:
        return Claim(says=says, prior=0.01)
    vcpu = found[0]
    fact = (
        f"vCPU {vcpu.vcpu} stayed at {count(vcpu.places, 'place')}, and in most looks at its code there "
        f"it stood at {vcpu.traps}, which KVM has to carry out for it"
    )
    points = (Point(fact, view.refs, 150), burn_point(threads))
    return Claim(says=f"{says} ({vcpu.traps})", prior=0.01, points=points, at_most=BY_CODE_AT_MOST)


def _traced(exits: KvmExits | None) -> tuple[Point, ...]:
    """Where exits, or calls of the hypervisor, were traced: one reason dominates them."""
    if exits is None or not exits.window_ns:
        return ()
    calls = sum(call.count for call in exits.hypercalls)
    total = sum(one.count for one in exits.exits)
    reasons = {one.reason.upper(): 0 for one in exits.exits}
    for one in exits.exits:
        reasons[one.reason.upper()] += one.count
    top = max((name for name in reasons if name in _TRAPS), key=lambda name: reasons[name], default="")
    if top and storms(exits, reasons[top]) and reasons[top] >= max(FEWEST, 0.5 * total):
        says = (
            f"{rate(exits.per_s(reasons[top]))} exits by {top}: {share(reasons[top] / total)} of all{held_words(exits)}"
        )
        return (Point(says, exits.refs, 250),)
    if not total and storms(exits, calls):
        return (
            Point(f"the guest called the hypervisor {rate(exits.per_s(calls))}{held_words(exits)}", exits.refs, 250),
        )
    return ()


CAUSE = Cause(
    slug="trapped-instruction",
    family=Family.EXIT_STORM,
    rank=Rank.SPECIFIC,
    judge=trapped_instruction,
    absorbs=(*BUSY, "firmware-wait", "firmware-hang"),
)
