"""Family guest-stuck: the guest's own kernel is at fault."""

from crazytrain.diagnose.signs import awake, burn_point, panic_line
from crazytrain.model.facts import ConsoleLog, LineMeaning, ThreadActivity, VcpuView
from crazytrain.model.figures import count, share
from crazytrain.model.finding import Claim, Look, Point

CONSOLE_LOOK = Look(
    "the guest's console around the time it began", "virsh console {name}   # or the file behind its serial port"
)
NARROW_PLACES = 12


def guest_panic_spin(threads: ThreadActivity, console: ConsoleLog | None, view: VcpuView | None) -> Claim:
    """Did the guest's kernel panic, and does it now spin in the panic's delay loop?"""
    said = panic_line(console)
    points = [burn_point(threads), *_kernel_points(view)]
    if said:
        points.append(said)
    elif console:
        points.append(Point(f"no panic within {count(console.lines, 'console line')}", console.refs, 0.02))
    return Claim(
        says="the guest's kernel has panicked and spins in the panic's endless delay loop",
        prior=0.01,
        points=tuple(points),
        missing=() if console else (CONSOLE_LOOK,),
    )


def guest_soft_lockup(threads: ThreadActivity, console: ConsoleLog, view: VcpuView | None) -> Claim:
    """Does the guest's kernel itself say that a CPU is stuck?"""
    stuck = (LineMeaning.SOFT_LOCKUP, LineMeaning.RCU_STALL)
    lines = [x for x in console.matter if x.meaning in stuck]
    points = [burn_point(threads), *_kernel_points(view)]
    if lines:
        recent = 60 if console.after_last <= 60 else 3
        points.append(Point(f"the guest's console says: {lines[-1].text}", (lines[-1].ref,), recent))
    else:
        points.append(Point(f"no lockup or stall within {count(console.lines, 'console line')}", console.refs, 0.05))
    return Claim(says="a CPU of the guest is stuck in its kernel", prior=0.02, points=tuple(points))


def guest_halted_dead(threads: ThreadActivity, view: VcpuView) -> Claim:
    """Are all vCPUs halted with interrupts off, so that nothing can wake them?"""
    dead = all(v.halted_ratio >= 0.99 and v.interrupts_off_ratio >= 0.99 for v in view.vcpus) and bool(view.vcpus)
    halted = min((v.halted_ratio for v in view.vcpus), default=0.0)
    off = min((v.interrupts_off_ratio for v in view.vcpus), default=0.0)
    says = f"all vCPUs were halted in at least {share(halted)} of the samples, with interrupts off in {share(off)}"
    return Claim(
        says="every vCPU has halted with interrupts off: only a reset or an NMI can wake this guest",
        prior=0.02,
        points=(Point(says, view.refs, 800 if dead else 0.01), _nobody_burns(threads)),
    )


def _nobody_burns(threads: ThreadActivity) -> Point:
    used = threads.cpu_ratio()
    return Point(f"all threads together took {share(used)} of a CPU", threads.refs, 1.5 if used < 0.05 else 0.3)


def _kernel_points(view: VcpuView | None) -> tuple[Point, ...]:
    if view is None:
        return ()
    stuck = [v for v in awake(view) if v.kernel_ratio >= 0.9]
    if not stuck:
        return (Point("no vCPU stays in kernel mode all the time", view.refs, 0.1),)
    vcpu = min(stuck, key=lambda v: v.places)
    says = f"vCPU {vcpu.vcpu} never left kernel mode and was seen at {count(vcpu.places, 'place')}"
    return (Point(says, view.refs, 4 if vcpu.places <= NARROW_PLACES else 1.2),)
