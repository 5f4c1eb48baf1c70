"""Files of an archive to evidence: small files of /proc and /sys as the live look has them, all else recognised by content."""

import re
from collections.abc import Iterable

from crazytrain.cli.archives import Member
from crazytrain.cli.choosing import Chooser
from crazytrain.decode.recognise import split
from crazytrain.decode.versions import decode_versions
from crazytrain.model.bundle import Part, pack
from crazytrain.model.errors import BadInput
from crazytrain.model.evidence import Evidence, Kind

# Where a copy of the machine's own files lies within an archive, and which bundle a file belongs to.
_MACHINE = re.compile(r"(?:^|/)(proc/(?:sys/|pressure/|\w+$).*|sys/(?:devices/system/|module/|kernel/|class/dmi/).*)$")
_HOST = re.compile(
    r"/proc/(?:cpuinfo|stat|loadavg|uptime|pressure/\w+|sys/kernel/osrelease)$|/sys/devices/system/(?:clocksource/|cpu/online)|/sys/class/dmi/"
)
_PARAMETERS = re.compile(r"/proc/(?:cmdline|version|sys/kernel/\w+)$|/sys/(?:module/|kernel/)")

# Lists of packages, of which some lines tell versions, and what `uname -a` printed. (Of several kernels that are installed one runs.)
_VERSIONS = re.compile(r"(?:^|/)(?:installed-rpms|uname|uname_-a|dpkg_-l|installed-debs)$")
_OF_GUESTS = re.compile(rb"^(?:ii +)?(?:qemu|libvirt|seabios|edk2|ovmf|pve-qemu|Linux )[^\n]*\n?", re.MULTILINE)


def evidence_of(members: Iterable[Member], chooser: Chooser) -> list[Evidence]:
    """Evidence out of files; what is no text, and in what nothing was recognised, the chooser counts."""
    found: list[Evidence] = []
    parts: dict[Kind, list[Part]] = {Kind.HOST: [], Kind.HOST_PARAMS: []}
    for member in members:
        machine = _MACHINE.search(member.name)
        path = f"/{machine[1]}" if machine else ""
        kinds = [kind for kind, names in ((Kind.HOST, _HOST), (Kind.HOST_PARAMS, _PARAMETERS)) if names.match(path)]
        for kind in kinds:
            parts[kind].append(Part(path, member.data))
        if not kinds:
            found += _by_content(member, chooser)
    for kind, own in parts.items():
        if own:
            ident = f"{chooser.name}:{kind.value}"
            source = f"{chooser.name}: {', '.join(part.name for part in own[:4])}" + (
                " and more" if len(own) > 4 else ""
            )
            found.append(Evidence(id=ident, kind=kind, source=source, data=pack(own)))
    return found


def _by_content(member: Member, chooser: Chooser) -> list[Evidence]:
    data = member.data.partition(b"\n")[2] if member.tail else member.data
    name = f"{chooser.name}:{member.name.rpartition('/')[2] if len(member.name) > 80 else member.name}"
    try:
        regions = split(name, data)
    except BadInput:
        chooser.no_text(member.name)
        return []
    known = [region for region in regions if region.kind is not Kind.TEXT]
    if known:
        return list(regions)
    versions = _versions(name, member)
    if not versions:
        chooser.unknown(member.name)
    return versions


def _versions(name: str, member: Member) -> list[Evidence]:
    """The lines of a list of packages that tell versions of what guests need, as text."""
    if not _VERSIONS.search(member.name):
        return []
    told = Evidence(id=name, kind=Kind.TEXT, source=name, data=b"".join(_OF_GUESTS.findall(member.data)))
    return [told] if any(decode_versions(told)) else []
