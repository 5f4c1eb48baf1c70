"""Which versions are known, from what was read of them anywhere."""

import re
from collections.abc import Iterator

from crazytrain.model.facts import Facts, HostFacts, QemuState
from crazytrain.model.facts.versions import Component, Number, Versions, VersionTold

MOST = 16
_RELEASE = re.compile(r"(\d{1,2})\.(\d{1,3})")


def derive_versions(facts: Facts) -> Versions | None:
    """All versions: what the machine says of itself first, then what was told."""
    every = (*_measured(facts), *facts.all(VersionTold))
    known: dict[tuple[Component, Number], VersionTold] = {}
    for one in every:
        known.setdefault((one.component, one.number), one)
    return Versions(known=tuple(known.values())[:MOST]) if known else None


def _measured(facts: Facts) -> Iterator[VersionTold]:
    state, host = facts.get(QemuState), facts.get(HostFacts)
    if state and state.version and state.refs:
        text = ".".join(str(part) for part in state.version)
        yield VersionTold(component=Component.QEMU, number=state.version[:2], text=text, ref=state.refs[0])
    release = _RELEASE.match(host.kernel) if host else None
    if host and release and host.refs:
        number = (int(release[1]), int(release[2]))
        yield VersionTold(component=Component.HOST_KERNEL, number=number, text=host.kernel, ref=host.refs[0])
