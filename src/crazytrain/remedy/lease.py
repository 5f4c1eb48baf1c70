"""Bringing a network's lease times to what is wanted: one step at a time, looking anew after each."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence

import msgspec

from crazytrain.host.door import Finished, Host
from crazytrain.model.errors import CrazytrainError, MissingTool, NotAllowed
from crazytrain.model.evidence import Outcome
from crazytrain.model.lease_change import Entry, Place, Step, Wanted
from crazytrain.model.xml_element import XmlElement
from crazytrain.remedy.lease_plan import next_move
from crazytrain.remedy.lease_wanted import entries

STEP_TIMEOUT_S = 60.0  # libvirt restarts dnsmasq in it; on a busy machine that takes seconds
_LIMIT_BYTES = 1 << 20
_MOST_STEPS = 4000  # foreseen
_EACH = 8  # steps for a range or host: six, and some that another run had begun
_REFUSED = (
    "permission denied",
    "access denied",
    "authentication",
    "not authorized",
    "read only",
    "read-only",
    "operation forbidden",
)

Seen = Mapping[Place, XmlElement]
See = Callable[[], Awaitable[Seen]]


class Hands(msgspec.Struct, frozen=True, kw_only=True):
    """What changes a network: libvirt at ``uri`` (empty: virsh's own choice), and ``see``, which reads its XML anew."""

    host: Host
    uri: str
    network: str
    see: See
    told: Callable[[str], None]

    def argv(self, *words: str) -> tuple[str, ...]:
        """A virsh that may write."""
        return ("virsh", "-q", *(("-c", self.uri) if self.uri else ()), *words)


async def check_writable(hands: Hands) -> None:
    """Refuse where we may not change anything, before anything is begun.

    Raises:
        NotAllowed, MissingTool, CrazytrainError: see ``trouble``.
    """
    done = await hands.host.run(
        hands.argv("net-info", hands.network), timeout_s=STEP_TIMEOUT_S, limit_bytes=_LIMIT_BYTES
    )
    if done.outcome is not Outcome.OK or done.status != 0:
        raise trouble(done, "net-info")


async def bring(hands: Hands, wanted: Sequence[Wanted]) -> int:
    """Go to what is wanted, and return how many steps that took. After each step all addresses are served.

    Each step is done by libvirt wholly or not at all. Looks anew before each, so it can go on from wherever another run stopped.

    Raises:
        ChangedByOthers: there is what neither was there nor is ours. NotAllowed, MissingTool, CrazytrainError: a step failed.
    """
    before: Step | None = None
    most = _EACH * sum(len(one.ranges) + len(one.hosts) for one in wanted)
    for number in range(most + 1):
        seen = await hands.see()
        if gone := {one.place for one in wanted} - set(seen):
            raise CrazytrainError(
                f"network {hands.network} was stopped or taken away meanwhile ({', '.join(sorted(gone))})",
                "Look at it: crazytrain lease. What it was before is kept; crazytrain lease NETWORK --undo brings it back.",
            )
        step = next_step(seen, wanted)
        if step is None:
            return number
        if step == before:
            raise CrazytrainError(
                f"libvirt said yes to a step, but did not do it: {step.action} {step.entry.element.written()}",
                "Look at the network with virsh net-dumpxml; crazytrain lease NETWORK --undo brings the old state back.",
            )
        before = step
        await _do(hands, step)
        hands.told(f"step {number + 1}: {step.action} {step.entry.element.written()}")
    raise CrazytrainError(
        f"network {hands.network} does not become what was asked for in {most} steps: somebody else changes it, too",
        "Every address is served. Bring the old state back with --undo.",
    )


def foreseen(seen: Seen, wanted: Sequence[Wanted]) -> tuple[Step, ...]:
    """The steps that ``bring`` would do now, for a dry run."""
    return tuple(_foreseen(dict(seen), wanted))


def _foreseen(seen: dict[Place, XmlElement], wanted: Sequence[Wanted]) -> Iterator[Step]:
    for _ in range(_MOST_STEPS):
        step = next_step(seen, wanted)
        if step is None:
            return
        yield step
        for place in step.places:
            seen[place] = _after(seen[place], step)


def _after(network: XmlElement, step: Step) -> XmlElement:
    """What libvirt makes of a network by a step, as far as we look at it."""
    ips = network.named("ip")
    name = step.entry.element.name
    ip = ips[step.position]
    old = entries(network, step.position, name)
    kept = [entry.element for entry in old if entry.key != step.entry.key]
    if step.action == "modify":
        kept = [step.entry.element if entry.key == step.entry.key else entry.element for entry in old]
    elif step.action == "add-last":
        kept.append(step.entry.element)
    others = [one for dhcp in ip.named("dhcp") for one in dhcp.inside if one.name != name]
    dhcp = XmlElement(name="dhcp", inside=(*kept, *others) if name == "range" else (*others, *kept))
    changed = ip.without("dhcp").plus(dhcp)
    left = iter((*ips[: step.position], changed, *ips[step.position + 1 :]))
    return msgspec.structs.replace(
        network, inside=tuple(next(left) if one.name == "ip" else one for one in network.inside)
    )


def next_step(seen: Seen, wanted: Sequence[Wanted]) -> Step | None:
    """The next step in any place. The same step in both places is one: libvirt does both in one call."""
    steps = [step for one in wanted if one.place in seen and (step := _step(seen[one.place], one))]
    for step in steps[:1]:
        places = [
            one.places[0]
            for one in steps
            if msgspec.structs.replace(one, places=()) == msgspec.structs.replace(step, places=())
        ]
        return msgspec.structs.replace(step, places=tuple(sorted(set(places), reverse=True)))
    return None


def _step(network: XmlElement, wanted: Wanted) -> Step | None:
    places = (wanted.place,)
    move = next_move(entries(network, wanted.position, "range"), wanted.ranges)
    if move is not None:
        action = "add-last" if move.add else "delete"
        return Step(action=action, section="ip-dhcp-range", position=wanted.position, entry=move.entry, places=places)
    host = _next_host(entries(network, wanted.position, "host"), wanted.hosts)
    if host is None:
        return None
    return Step(action="modify", section="ip-dhcp-host", position=wanted.position, entry=host, places=places)


def _next_host(now: Sequence[Entry], wanted: Sequence[Entry]) -> Entry | None:
    there = {entry.key: entry for entry in now}
    return next((one for one in wanted if one.key in there and there[one.key] != one), None)


async def _do(hands: Hands, step: Step) -> None:
    argv = hands.argv(*step.command(hands.network))
    done = await hands.host.run(argv, timeout_s=STEP_TIMEOUT_S, limit_bytes=_LIMIT_BYTES)
    if done.outcome is not Outcome.OK or done.status != 0:
        raise trouble(done, "net-update")


def trouble(done: Finished, what: str) -> CrazytrainError:
    """What virsh's failure means for who asked."""
    lines = [
        line.removeprefix("error: ")
        for line in done.stderr.decode("utf-8", "backslashreplace").splitlines()
        if line.strip()
    ]
    said = "; ".join(lines) or done.detail or f"status {done.status}"
    if done.outcome is Outcome.NO_TOOL:
        return MissingTool("virsh is not installed", "Install libvirt's client (Debian: libvirt-clients).")
    if any(word in said.lower() for word in _REFUSED):
        return NotAllowed(
            f"libvirt does not let this user change networks: {said}",
            "Ask as root, or as a member of the group libvirt; a connection that only reads cannot change anything.",
        )
    return CrazytrainError(
        f"virsh {what} failed: {said}",
        "What was done until then is kept; crazytrain lease NETWORK --undo brings the old state back.",
    )
