"""How libvirt has a guest's clock written down: what both definitions of its domain say of clocks. It only reads; the guest is not asked.

Nothing else of a definition is kept: no disks, no addresses, no passwords.
"""

import re
from collections.abc import Iterator

from crazytrain.collect.look import Collector, Look
from crazytrain.collect.virsh import Told, domain_of, tell_at, uri_of
from crazytrain.model.bundle import Part, pack
from crazytrain.model.evidence import Cost, Evidence, Kind, Outcome
from crazytrain.model.guest import Manager

_TIMEOUT_S = 4.0
_XML_LIMIT = 4 << 20
# What bears on the clock: whose it is, how it boots, its features, its CPU, its clock, options past libvirt.
_WANTED = re.compile(
    r"^<domain\b[^>]*>|<libosinfo:os\b[^>]*>|<os\b[^>]*>.*?</os>|<features>.*?</features>|<cpu\b[^>]*/>|<cpu\b[^>]*>.*?</cpu>"
    r"|<clock\b[^>]*/>|<clock\b[^>]*>.*?</clock>|<qemu:commandline>.*?</qemu:commandline>|<qemu:override>.*?</qemu:override>",
    re.DOTALL | re.MULTILINE,
)
_LINE_START = re.compile(r"[ \t]*\Z")


async def collect_clock_setup(look: Look) -> None:
    """Keep ``clock-setup``: the live and the persistent definition, of a guest that libvirt manages."""
    if look.guest.manager is not Manager.LIBVIRT or look.light:
        return
    host, domain = look.host, domain_of(look.guest)
    begin_ns, wall_ns = host.mono_ns(), host.wall_ns()
    commands = (("list", "--all", "--persistent", "--uuid"), ("dumpxml", domain), ("dumpxml", domain, "--inactive"))
    told = await tell_at(host, ("-r", "-c", uri_of(look.guest)), commands, _TIMEOUT_S)
    parts = tuple(_parts(told, look.guest.uuid))
    look.keep(
        Evidence(
            id="clock-setup",
            kind=Kind.CLOCK_SETUP,
            source=f"virsh dumpxml {domain}, and --inactive; what is about clocks",
            outcome=Outcome.OK if parts else told.outcome if told.outcome is not Outcome.OK else Outcome.ABSENT,
            detail=told.detail,
            data=pack(parts),
            mono_ns=begin_ns,
            wall_ns=wall_ns,
            took_ns=host.mono_ns() - begin_ns,
        )
    )


def _parts(told: Told, uuid: str) -> Iterator[Part]:
    """What virsh printed for each command; a domain that is not persistent has one definition only."""
    if len(told.said) < 2:
        return
    yield Part("live", _about_clocks(told.said[1].text))
    persistent = not uuid or uuid.lower() in told.said[0].text.decode("utf-8", "replace").lower().split()
    if persistent and len(told.said) > 2:
        yield Part("persistent", _about_clocks(told.said[2].text))
    elif not persistent:
        yield Part("persistent", outcome=Outcome.ABSENT)


def _about_clocks(xml: bytes) -> bytes:
    """The wanted elements, each as it stands there, indented as it was."""
    text = xml[:_XML_LIMIT].decode("utf-8", "replace")
    lines: list[str] = []
    for found in _WANTED.finditer(text):
        before = _LINE_START.search(text[max(0, found.start() - 40) : found.start()].rpartition("\n")[2])
        lines.append((before[0] if before else "") + found[0])
    return ("\n".join(lines) + "\n").encode()


COLLECTOR = Collector(name="clock-setup", cost=Cost.READS, timeout_s=8.0, limit_bytes=1 << 20, run=collect_clock_setup)
