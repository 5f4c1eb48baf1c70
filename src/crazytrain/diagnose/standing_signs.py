"""Signs that a guest stands still altogether, by its vCPUs' threads: what a monitor would say, where there is none that answers."""

from crazytrain.model.facts import QemuConfig, ThreadRole
from crazytrain.model.facts.waits import Waiting, Waits
from crazytrain.model.figures import count, span
from crazytrain.model.finding import Point
from crazytrain.model.guest import Accelerator

LONG_FROM_NS = 1_500_000_000
_LIFELESS_FROM_NS, _SURELY_LIFELESS_FROM_NS = 2_500_000_000, 8_000_000_000
_OWN_INTERRUPTS = ("kernel_irqchip=off", "kernel-irqchip=off", "irqchip=off")


def stopped_vcpus(waits: Waits | None, config: QemuConfig | None) -> Point | None:
    """That QEMU keeps every vCPU from running.

    Under KVM a vCPU that only halts stays inside KVM_RUN, where the kernel emulates the APIC; out of it, waiting for QEMU's word, it
    is stopped.
    """
    if (
        config is None
        or config.accelerator is not Accelerator.KVM
        or set(_OWN_INTERRUPTS) & set(config.machine_options)
    ):
        return None
    vcpus = _asleep(waits, LONG_FROM_NS, config)
    if not vcpus or waits is None or not all(w.call == "futex" and w.has("qemu_wait_io_event*") for w in vcpus):
        return None
    least = span(min(wait.at_least_ns or 0 for wait in vcpus))
    many = "the vCPU has" if len(vcpus) == 1 else f"all {count(len(vcpus), 'vCPU')} have"
    says = f"{many} been outside of KVM for at least {least}, waiting for QEMU's word: one that only halts stays inside"
    return Point(says, waits.refs, 300)


def lifeless(waits: Waits | None, config: QemuConfig | None) -> Point | None:
    """That no vCPU has woken for so long that even an idle system would have ticked: it may be stopped, or halted for good."""
    vcpus = _asleep(waits, _LIFELESS_FROM_NS, config)
    if not vcpus or waits is None:
        return None
    least_ns = min(wait.at_least_ns or 0 for wait in vcpus)
    says = f"no vCPU has woken for {span(least_ns)}: an idle system wakes now and then, one that is stopped or dead does not"
    return Point(says, waits.refs, 0.1 if least_ns >= _SURELY_LIFELESS_FROM_NS else 0.3)


def _asleep(waits: Waits | None, for_ns: int, config: QemuConfig | None) -> tuple[Waiting, ...]:
    """All vCPU threads, where each has slept for so long without running; none where one of them has not, or is not known."""
    vcpus = waits.of(ThreadRole.VCPU) if waits and not waits.partial else ()
    if config is None or config.vcpus is None or len(vcpus) < config.vcpus:
        return ()
    return vcpus if all(w.state == "S" and w.lasts and (w.at_least_ns or 0) >= for_ns for w in vcpus) else ()
