"""CLOCK_SETUP: what both definitions of a libvirt domain say of its clock."""

import re
from collections.abc import Iterable, Iterator

from crazytrain.decode.clock_words import clock_words
from crazytrain.decode.xml_tree import Node, tree_of
from crazytrain.model.bundle import unpack
from crazytrain.model.evidence import Evidence, Outcome, Ref
from crazytrain.model.facts.clock_setup import ClockXml, Place, TimerSetting

_LIMIT = 4 << 20
_CLOCK = re.compile(r"<clock\b[^>]*/>|<clock\b[^>]*>.*?</clock>", re.DOTALL)
_MOST_LINES, _LONGEST = 60, 300
_MOST = 64
_ACCELERATORS = {"kvm": "kvm", "qemu": "tcg"}
_OF_TIME = frozenset(
    ("tsc", "invtsc", "tsc-deadline", "tsc_adjust", "tsc-scale", "rdtscp", "hypervisor", "kvmclock", "kvm-steal-time")
)


def decode_clock_setup(evidence: Evidence) -> Iterable[object]:
    """Yield a ``ClockXml`` for each definition that was read; a transient domain has a live one only."""
    for part in unpack(evidence.data):
        if part.outcome is Outcome.OK and part.name in ("live", "persistent"):
            last = part.line + max(part.text.count("\n") - 1, 0)
            found = clock_xml_of(part.text, Place(part.name), (evidence.ref(part.line, last),))
            if found:
                yield found


def clock_xml_of(xml: str, place: Place, refs: tuple[Ref, ...] = ()) -> ClockXml | None:
    """What a domain's XML says of its clock; ``None`` where there is no domain in it.

    Source: libvirt, docs/formatdomain.rst (Time keeping, Hypervisor features, CPU model and topology). ::

        <clock offset='utc'>
          <timer name='rtc' tickpolicy='catchup'/>
          <timer name='hpet' present='no'/>
        </clock>
    """
    text = xml[:_LIMIT]
    root = tree_of(text)
    domain = root.first("domain")
    if domain is None:
        return None
    clock = root.first("clock")
    hyperv = tuple(_hyperv(root))
    hidden = any(node.get("state") == "on" for node in root.all("hidden"))
    features = tuple(_features(root))
    cpu = root.first("cpu")
    return ClockXml(
        place=place,
        section=tuple(_section(text)),
        beside=tuple(_beside(hyperv, features, hidden=hidden)),
        accelerator=_ACCELERATORS.get(domain.get("type"), ""),
        machine=next((node.get("machine") for node in root.all("type") if node.get("machine")), ""),
        offset=clock.get("offset") if clock else "",
        timezone=clock.get("timezone") if clock else "",
        adjustment=clock.get("adjustment") if clock else "",
        basis=clock.get("basis") if clock else "",
        start=clock.get("start") if clock else "",
        timers=tuple(_timers(root))[:_MOST],
        hyperv=hyperv,
        features=features,
        kvm_hidden=hidden,
        cpu=(cpu.get("mode") or root.text_of("model")) if cpu else "",
        system=next((node.get("id") for node in root.all("libosinfo:os")), "")[:_LONGEST],
        direct_boot=root.first("kernel") is not None,
        kernel_words=clock_words(root.text_of("cmdline")),
        refs=refs,
    )


def _section(text: str) -> Iterator[str]:
    """The lines of ``<clock>``, moved to the left as far as they all can be."""
    found = _CLOCK.search(text)
    if not found:
        return
    before = text[: found.start()].rpartition("\n")[2]
    margin = len(before) if not before.strip() else 0
    for line in found[0].splitlines()[:_MOST_LINES]:
        yield (line[margin:] if not line[:margin].strip() else line)[:_LONGEST]


def _timers(root: Node) -> Iterator[TimerSetting]:
    for node in root.all("timer"):
        frequency = node.get("frequency")
        yield TimerSetting(
            name=node.get("name"),
            present={"yes": True, "no": False}.get(node.get("present")),
            tickpolicy=node.get("tickpolicy"),
            track=node.get("track"),
            mode=node.get("mode"),
            frequency_hz=int(frequency) if frequency.isdecimal() and len(frequency) < 16 else None,
        )


def _hyperv(root: Node) -> Iterator[tuple[str, str]]:
    for hyperv in root.all("hyperv"):
        if hyperv.get("mode") == "passthrough":
            yield "passthrough", "on"
        for node in hyperv.inside[:_MOST]:
            if node.get("state"):
                yield node.name, node.get("state")
            yield from (
                (f"{node.name}-{inner.name}", inner.get("state")) for inner in node.inside if inner.get("state")
            )


def _features(root: Node) -> Iterator[tuple[str, str]]:
    for cpu in root.all("cpu"):
        for node in cpu.inside[:1024]:
            if node.name == "feature" and node.get("name") in _OF_TIME:
                yield node.get("name"), node.get("policy") or "require"


def _beside(
    hyperv: tuple[tuple[str, str], ...], features: tuple[tuple[str, str], ...], *, hidden: bool
) -> Iterator[str]:
    if hyperv:
        yield "features/hyperv: " + ", ".join(f"{name}={state}" for name, state in hyperv)
    if hidden:
        yield "features/kvm: hidden=on"
    if features:
        yield "cpu/feature: " + ", ".join(f"{name}={policy}" for name, policy in features)
