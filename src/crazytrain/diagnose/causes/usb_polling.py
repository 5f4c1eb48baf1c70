"""Cause main-loop-spin/usb-polling."""

from crazytrain.diagnose.cause import Cause, Rank
from crazytrain.model.facts import InterruptRates, LoopActivity, Loops, QemuState
from crazytrain.model.facts.devices import Device, DeviceTree
from crazytrain.model.figures import rate, share
from crazytrain.model.finding import Claim, Family, Look, Point

FRAMES_PER_S = (500.0, 2200.0)  # one each ms; a loaded host is late, and some frames take two turns
CALM_TO_PER_S = 300.0
SHORT_NS = 2_000_000
TIMER_IRQS = {0: "PIT or HPET", 8: "RTC or HPET"}
OTHER_TIMER_FROM_PER_S = 500.0


def usb_polling(
    tree: DeviceTree | None, loops: Loops | None, irqs: InterruptRates | None, state: QemuState | None
) -> Claim:
    """Does a USB 1 or 2 controller make the main loop wake for each frame, a thousand times a second?"""
    says = "the USB controller polls its devices a thousand times a second"
    loop = loops.main if loops else None
    points: list[Point] = []
    missing: list[Look] = []
    if tree:
        points.append(_device_point(tree))
        named = _polled(tree)
        says = f"the USB controller polls {named[0].label} a thousand times a second" if named else says
    else:
        missing.append(Look("the guest's devices", "virsh qemu-monitor-command {name} --hmp 'info qtree'"))
    if loop and loops and loop.turns_per_s is not None:
        points.extend(_loop_points(loop, loop.turns_per_s, loops))
    else:
        missing.append(Look("how often the main loop turns", "crazytrain why {name}"))
    points.extend(_other_timer_points(irqs))
    if state and state.kvm is False:
        points.append(Point("it is emulated: the guest's own timer ticks wake the main loop, too", state.refs, 0.4))
    return Claim(says=says, prior=0.02, points=tuple(points), missing=tuple(missing), at_most=0.95)


def _controllers(tree: DeviceTree) -> tuple[Device, ...]:
    """UHCI, OHCI and EHCI keep a frame timer; xHCI works on demand."""
    return tuple(d for d in tree.devices if any(kind in d.driver for kind in ("uhci", "ohci", "ehci")))


def _polled(tree: DeviceTree) -> tuple[Device, ...]:
    """USB devices on such a controller: those that stand below it in the tree before the next device of its depth."""
    frames = _controllers(tree)
    found: list[Device] = []
    inside: Device | None = None
    for device in tree.devices:
        if inside and device.depth <= inside.depth:
            inside = None
        if inside and device.driver.startswith("usb-"):
            found.append(device)
        if device in frames:
            inside = device
    return tuple(found)


def _device_point(tree: DeviceTree) -> Point:
    controllers, devices = _controllers(tree), _polled(tree)
    if devices:
        return Point(f"{devices[0].label} hangs on {controllers[0].label}, which has a frame timer", tree.refs, 12)
    if controllers:
        return Point(f"{controllers[0].label} has a frame timer, but no device hangs on it", tree.refs, 0.3)
    return Point("the guest has no USB controller with a frame timer (UHCI, OHCI, EHCI)", tree.refs, 0.005)


def _loop_points(loop: LoopActivity, per_s: float, loops: Loops) -> tuple[Point, ...]:
    low, high = FRAMES_PER_S
    says = f"the main loop turned {rate(per_s)}"
    if per_s <= CALM_TO_PER_S:
        return (Point(says, loops.refs, 0.01),)
    if not low <= per_s <= high:
        return (Point(f"{says}; frames come 1,000 times a second", loops.refs, 0.3),)
    short = loop.share_below(SHORT_NS)
    waits = f"{share(short)} of its waits were to end within 2 ms"
    return (Point(says, loops.refs, 12), Point(waits, loops.refs, 3 if short >= 0.5 else 0.2))


def _other_timer_points(irqs: InterruptRates | None) -> tuple[Point, ...]:
    """A timer that fires as often would explain the turns as well."""
    for irq, owner in TIMER_IRQS.items():
        if irqs and irqs.per_s(irq) >= OTHER_TIMER_FROM_PER_S:
            return (Point(f"IRQ {irq} ({owner}) fired {rate(irqs.per_s(irq))}: a timer explains it", irqs.refs, 0.02),)
    return ()


CAUSE = Cause(
    slug="usb-polling",
    family=Family.MAIN_LOOP_SPIN,
    rank=Rank.SPECIFIC,
    judge=usb_polling,
    absorbs=("timer-always-due",),
)
