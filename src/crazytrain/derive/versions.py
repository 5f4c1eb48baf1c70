"""Which versions are known, from what was read of them anywhere."""

import re
from collections.abc import Iterator

from crazytrain.model.evidence import Ref
from crazytrain.model.facts import Facts, HostFacts, QemuConfig, QemuState
from crazytrain.model.facts.inside import InsideReading
from crazytrain.model.facts.versions import Component, Number, Versions, VersionTold

MOST = 16
_RELEASE = re.compile(r"(\d{1,2})\.(\d{1,3})(?:\.(\d{1,4}))?(-\d)?")
_MACHINE = re.compile(r"pc-(?:i440fx-|q35-)?(\d{1,2})\.(\d{1,2})(?:\+pve\d)?")


def derive_versions(facts: Facts) -> Versions | None:
    """All versions: what the machine says of itself first, then what was told; each number of a component once, as exact as it is known."""
    known: dict[tuple[Component, Number, bool], VersionTold] = {}
    for one in (*_measured(facts), *facts.all(VersionTold)):
        key = (one.component, one.number, one.least)
        before = known.get(key)
        if before is None or (before.micro is None and one.micro is not None):
            known[key] = one
    kept = tuple(one for one in known.values() if not _said_better(one, known))
    return Versions(known=kept[:MOST]) if kept else None


def _said_better(one: VersionTold, known: dict[tuple[Component, Number, bool], VersionTold]) -> bool:
    """A machine type says nothing where the version itself is known, nor a kernel of nobody where its owner is."""
    if one.least:
        return any(other.component is one.component and not other.least for other in known.values())
    owners = (Component.HOST_KERNEL, Component.GUEST_KERNEL)
    return one.component is Component.KERNEL and any((owner, one.number, False) in known for owner in owners)


def _measured(facts: Facts) -> Iterator[VersionTold]:
    host, config = facts.get(HostFacts), facts.get(QemuConfig)
    # The monitor is asked for it once, at the window's start.
    state = next((one for one in reversed(facts.all(QemuState)) if one.version and one.refs), None)
    if state and state.version:
        text = ".".join(str(part) for part in state.version)
        package = f" ({state.version_text.strip(' ()')})" if state.version_text.strip(" ()") else ""
        number, micro = state.version[:2], state.version[2]
        yield VersionTold(component=Component.QEMU, number=number, micro=micro, text=text + package, ref=state.refs[0])
    if host and host.refs:
        yield from _kernel(Component.HOST_KERNEL, host.kernel, host.refs[0])
    inside = next((one for one in reversed(facts.all(InsideReading)) if one.kernel and one.kernel.release), None)
    if inside and inside.kernel and inside.refs:
        yield from _kernel(Component.GUEST_KERNEL, inside.kernel.release, inside.refs[0])
    machine = _MACHINE.fullmatch(config.machine) if config else None
    if machine and config and config.refs:
        at_least = (int(machine[1]), int(machine[2]))
        says = f"{machine[1]}.{machine[2]} (machine type {config.machine})"
        yield VersionTold(component=Component.QEMU, number=at_least, text=says, least=True, ref=config.refs[0])


def _kernel(component: Component, release: str, ref: Ref) -> Iterator[VersionTold]:
    """What uname says. Distributions write 0 for the third part, and what they really took behind it."""
    found = _RELEASE.match(release)
    if found:
        told = found[3] is not None and not (found[3] == "0" and found[4])
        number = (int(found[1]), int(found[2]))
        micro = int(found[3]) if told else None
        yield VersionTold(component=component, number=number, micro=micro, text=release[:64], ref=ref)
