"""What QEMU uses each of its descriptors for, with the reason; what is not known stays a kind alone."""

from collections.abc import Sequence

import msgspec

from crazytrain.derive.descriptor_places import Meaning, places_of, role_by_place
from crazytrain.derive.descriptor_use import deeds_of, role_by_use
from crazytrain.model import fdrole
from crazytrain.model.facts import Descriptor, DescriptorTable, Facts, QemuConfig, TraceStory
from crazytrain.model.guest import Accelerator

# Numbers of signals on x86 and most others (signal(7)); those that QEMU blocks and reads as data are among them.
_SIGNALS = """
    HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU URG XCPU
    XFSZ VTALRM PROF WINCH IO PWR SYS
""".split()  # noqa: SIM905 - thirty quotes would hide the words
_LINK = "its link"
_IN_ORDER = "vCPUs are opened in order, and all are here"


def derive_descriptor_roles(facts: Facts) -> DescriptorTable | None:
    """Give the descriptors roles; ``None`` where none were seen.

    Judged in this order: the kernel's own name for it, what the command line and socket tables say of where it leads, and
    what threads were seen to do with it. Tables of the window's start and end are taken together.
    """
    table = _numbered(_together(facts.all(DescriptorTable)))
    if table is None:
        return None
    config = facts.get(QemuConfig)
    places = places_of(config, table)
    deeds = deeds_of(facts, table, _accelerator(table, config))
    story = facts.get(TraceStory)
    told = (
        _told(d, _by_link(d, story) or role_by_place(d, places, config) or role_by_use(d, deeds))
        for d in table.descriptors
    )
    return msgspec.structs.replace(table, descriptors=tuple(told))


def _together(tables: Sequence[DescriptorTable]) -> DescriptorTable | None:
    """The last table; of a process looked at twice, also what was closed in between. Pasted listings are not mixed."""
    if not tables:
        return None
    first, last = tables[0], tables[-1]
    if first is last or not _same_source(first, last):
        return last
    now, before = {d.fd: d for d in last.descriptors}, {d.fd: d for d in first.descriptors}
    kept = [_changed(d, before.get(d.fd)) for d in last.descriptors]
    closed = [_noted(d, "closed in the window") for fd, d in before.items() if fd not in now]
    return DescriptorTable(
        descriptors=tuple(sorted((*kept, *closed), key=lambda d: d.fd)),
        complete=first.complete and last.complete,
        refs=(*first.refs, *last.refs),
    )


def _same_source(first: DescriptorTable, last: DescriptorTable) -> bool:
    """Whether both are readings of one collector (``descriptors.0``, ``descriptors.1``)."""
    names = {ref.evidence.rpartition(".")[0] for ref in (*first.refs, *last.refs)}
    return names == {"descriptors"}


def _changed(now: Descriptor, before: Descriptor | None) -> Descriptor:
    if before is None:
        return _noted(now, "opened in the window")
    return now if before.target == now.target else _noted(now, f"was {before.target} at the window's start")


def _noted(descriptor: Descriptor, note: str) -> Descriptor:
    return msgspec.structs.replace(descriptor, detail="; ".join(filter(None, (descriptor.detail, note))))


def _accelerator(table: DescriptorTable, config: QemuConfig | None) -> Accelerator:
    """What runs the guest: the virtual machine's descriptor is proof; a whole list without one says TCG."""
    if table.of("kvm-vm"):
        return Accelerator.KVM
    asked = config.accelerator if config else Accelerator.UNKNOWN
    return Accelerator.TCG if asked is Accelerator.UNKNOWN and table.complete and config else asked


def _numbered(table: DescriptorTable | None) -> DescriptorTable | None:
    """Number vCPU descriptors where the kernel (before 5.x) does not, if all are here: QEMU opens them in order."""
    if table is None or not table.complete or any(d.vcpu is not None for d in table.of("kvm-vcpu")):
        return table
    numbers = {d.fd: index for index, d in enumerate(table.of("kvm-vcpu"))}
    told = (
        msgspec.structs.replace(d, vcpu=numbers[d.fd], why=_IN_ORDER) if d.fd in numbers else d
        for d in table.descriptors
    )
    return msgspec.structs.replace(table, descriptors=tuple(told))


def _vcpu(descriptor: Descriptor) -> Meaning:
    if descriptor.vcpu is None:
        return Meaning(f"a {fdrole.VCPU}", f"{_LINK}; the kernel does not say which vCPU")
    return Meaning(f"{fdrole.VCPU} {descriptor.vcpu}", descriptor.why or _LINK)


def _by_link(descriptor: Descriptor, story: TraceStory | None) -> Meaning | None:
    """What the kernel's own name for a descriptor tells."""
    match descriptor.kind:
        case "kvm-vcpu":
            return _vcpu(descriptor)
        case "kvm":
            return Meaning("KVM", _LINK)
        case "kvm-vm":
            return Meaning(fdrole.VIRTUAL_MACHINE, _LINK)
        case "signalfd":
            return _signalfd(descriptor, story)
        case "tun" if descriptor.name:
            return Meaning(f"{fdrole.TAP} {descriptor.name}", "fdinfo names the interface")
        case "vhost":
            return Meaning(descriptor.target.rpartition("/")[2], _LINK)
        case "vfio" | "usb":
            return Meaning(fdrole.PASSED_THROUGH, _LINK)
    return None


def _signalfd(descriptor: Descriptor, story: TraceStory | None) -> Meaning:
    """QEMU reads signals as data in its main loop, and nowhere else (util/main-loop.c)."""
    read = {s.number for s in story.signals if s.fd == descriptor.fd} if story else set()
    if read:
        return Meaning(fdrole.MAIN_LOOP_SIGNALS, f"{_signal_names(sorted(read))} was read from it")
    delivers = f": {_signal_names(descriptor.signals)}" if descriptor.signals else ""
    return Meaning(fdrole.MAIN_LOOP_SIGNALS, f"QEMU uses signalfds for nothing else{delivers}")


def _signal_names(numbers: Sequence[int]) -> str:
    return ", ".join(f"SIG{_SIGNALS[n - 1]}" if 0 < n <= len(_SIGNALS) else f"signal {n}" for n in numbers)


def _told(descriptor: Descriptor, meaning: Meaning | None) -> Descriptor:
    return descriptor if meaning is None else msgspec.structs.replace(descriptor, role=meaning.role, why=meaning.why)
