"""How versions are written, by component. Every pattern is bounded, and is only tried on text that holds its word."""

import re
from collections.abc import Callable

import msgspec

from crazytrain.model.facts.versions import Component

# A number of two to four parts, with what a distribution writes in front of it and behind it. No part has a leading zero: dates do.
_PART = r"(?:0|[1-9]\d{0,3})"
_TAIL = r"(?P<rest>[\w+~-](?:[\w.+~:-]{0,59}[\w+~])?)?"
NUMBER = (
    r"(?:\d{1,2}:)?(?:rel-)?v?(?P<major>0|[1-9]\d?)\.(?P<minor>0|[1-9]\d{0,2})(?!\d)"
    rf"(?:\.(?P<micro>{_PART})(?!\d))?(?P<more>\.\d{{1,4}})?{_TAIL}"
)
_PACKAGE = r"(?P<package>[ ]?\((?:Debian|Ubuntu|qemu|pve|openSUSE|SUSE|Fedora|v\d)[^()\n]{1,60}\))?"
_MONTH = r"(?P<major>20[12]\d)[.-]?(?P<minor>0[1-9]|1[0-2])(?P<rest>[\w.+~-]{0,40})"
_GAP = r"[ \t]{0,3}[ \t:=_/-][ \t]{0,40}"  # between a name and its number, in prose and in lists of packages
_CHANNEL = r"(?:/[\w,+~-]{1,40})?"  # apt list: qemu-system-x86/jammy-updates,now
_SAID = r"(?:,?[ \t]version(?:[ \t]is)?|[ \t]version:|-version)?"


class Pattern(msgspec.Struct, frozen=True, kw_only=True):
    """One way to write it. ``word`` (lower case) stands in every text that the pattern may match; ``can_be`` judges the number.

    ``owned``: whose kernel it is has to be found out. ``least``: that version or newer. ``last_resort``: only where nothing else tells.
    """

    component: Component
    word: str
    regex: re.Pattern[str]
    can_be: Callable[[int, int], bool] = lambda _major, _minor: True
    owned: bool = False
    least: bool = False
    last_resort: bool = False


def can_be_qemu(major: int, minor: int) -> bool:
    """QEMU has had 0.9 to 0.15, 1.0 to 1.7, 2.0 to 2.12, and since then no more than three a year."""
    if major >= 3:
        return major <= 20 and minor <= 2
    return minor <= {0: 15, 1: 7, 2: 12}[major] and (major, minor) >= (0, 9)


def can_be_libvirt(major: int, minor: int) -> bool:
    """libvirt numbers by year since 3.0, with up to a dozen releases in one."""
    return major <= 20 and minor <= 11


def can_be_linux(major: int, minor: int) -> bool:
    """Linux 2.4, 2.6, and 3.0 on: no series had more than 21 releases."""
    return minor in (4, 6) if major == 2 else 3 <= major <= 9 and minor <= 21


def can_be_proxmox(major: int, minor: int) -> bool:
    """Proxmox VE 1.0 on; a series ends at its fourth release."""
    return 1 <= major <= 20 and minor <= 4


def can_be_seabios(major: int, minor: int) -> bool:
    """SeaBIOS 0.4 on."""
    return major <= 2 and minor <= 30


def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


# "from 5.13 to 5.15", "2.5 and 2.12": what goes on from a version.
FURTHER = re.compile(
    rf"[ \t](?:down |up )?(?:to|and|or|vs\.?|->|→|until|through)[ \t](?:version[ \t])?{NUMBER}(?![ \t]?(?:[GMKT]i?B?|%|[GM]Hz|x|s|days?|hours?)\b)"
)

_QEMU_NAME = (
    r"(?<![\w./-])(?<!API: )(?:pve-|[a-z][a-z-]{2,15}/)?qemu"
    r"(?:-kvm(?:-rhev|-ev|-ma|-core|-common)?|-system(?:-[a-z0-9_]{2,12}(?:-core)?)?|-img|-utils|-common|-base|-full|-desktop|-headless|-x86|-kvm-extras)?"
)
_LIBVIRT_NAME = (
    r"(?<![\w./-])(?:[a-z][a-z-]{2,15}/)?(?:libvirtd?|virsh)(?:-daemon(?:-[a-z-]{1,30})?|-clients|-libs|0|-bin)?"
)
# Distributions have versions of their own.
_NO_RELEASE = "".join(
    f"(?<!{name})"
    for name in (
        "GNU/",
        "Enterprise ",
        "CentOS ",
        "Oracle ",
        "Rocky ",
        "Alma",
        "Scientific ",
        "Alpine ",
        "RHEL ",
        "SUSE ",
        "Fedora ",
    )
)
_FLAVOUR = r"(?:generic|amd64|pve|lowlatency|server|default|virtual|arch\d|686(?:-pae)?|rt-amd64|cloud-amd64|Unraid|production\+truenas)"

PATTERNS: tuple[Pattern, ...] = (
    # libvirt's line at the head of QEMU's log tells three at once.
    Pattern(
        component=Component.HOST_KERNEL,
        word="qemu version",
        regex=_compiled(rf"\bqemu version: [^\n]{{1,160}}?, kernel: {NUMBER}"),
        can_be=can_be_linux,
    ),
    Pattern(
        component=Component.QEMU,
        word="qemu",
        regex=_compiled(rf"{_QEMU_NAME}{_CHANNEL}(?: emulator| hypervisor)?{_SAID}{_GAP}{NUMBER}{_PACKAGE}"),
        can_be=can_be_qemu,
    ),
    Pattern(
        component=Component.LIBVIRT,
        word="libvirt",
        regex=_compiled(rf"{_LIBVIRT_NAME}(?: \(libvirt\))?{_CHANNEL}{_SAID}{_GAP}{NUMBER}"),
        can_be=can_be_libvirt,
    ),
    Pattern(
        component=Component.PROXMOX,
        word="prox",
        regex=_compiled(rf"\bproxmox(?:[ -]ve)?(?: version| release)?{_GAP}{NUMBER}"),
        can_be=can_be_proxmox,
    ),
    Pattern(
        component=Component.PROXMOX,
        word="pve",
        regex=re.compile(rf"\b(?:pve-manager|(?<!Linux )PVE(?: version)?){_GAP}{NUMBER}"),
        can_be=can_be_proxmox,
    ),
    Pattern(
        component=Component.SEABIOS,
        word="seabios",
        regex=_compiled(rf"\bseabios(?:-bin)?{_CHANNEL}(?: \(version| version)?{_GAP}{NUMBER}"),
        can_be=can_be_seabios,
    ),
    Pattern(
        component=Component.OVMF,
        word="edk2",
        regex=_compiled(
            rf"\b(?:pve-)?edk2(?:-stable|-firmware|-ovmf)?(?:-ovmf|-legacy)?[ \t:_-]{{0,40}}(?:\d{{1,2}}\.)?{_MONTH}"
        ),
    ),
    Pattern(
        component=Component.OVMF,
        word="ovmf",
        regex=_compiled(
            rf"\bovmf(?:/[\w,+~-]{{1,40}})?[ \t:_-]{{1,40}}(?:\d~)?{_MONTH}"
        ),
    ),
    Pattern(
        component=Component.VIRTIO_WIN,
        word="virtio",
        regex=_compiled(
            r"\bvirtio(?:[ -]win)?(?:[ -](?:drivers?|iso|guest tools|windows|gt|x64|version|stable|latest)){0,3}[ \t:_-]{1,3}v?"
            r"(?P<major>0)\.(?P<minor>1)\.(?P<micro>\d{2,3})(?P<rest>(?:-\d{1,2}\b)?)"
        ),
    ),
    Pattern(
        component=Component.HOST_KERNEL,
        word="running kernel",
        regex=_compiled(rf"\brunning kernel: {NUMBER}"),
        can_be=can_be_linux,
    ),
    Pattern(
        component=Component.KERNEL,
        word="kernel",
        regex=_compiled(rf"\bkernels?(?:[ _]?version)?(?:[ \t]|[ \t]is[ \t])(?:Linux[ \t])?{NUMBER}"),
        can_be=can_be_linux,
        owned=True,
    ),
    # The same with a colon is also how syslog begins each line of the kernel's: then only what looks like a release counts.
    Pattern(
        component=Component.KERNEL,
        word="kernel",
        regex=_compiled(
            rf"\bkernel(?:[ _]?version)?[ \t]?[:=][ \t]{{0,20}}(?:Linux[ \t])?{NUMBER}(?(micro)|(?=[ \t]{{0,3}}(?:[,;()|#/]|\r?\n|\Z)))"
        ),
        can_be=can_be_linux,
        owned=True,
    ),
    Pattern(
        component=Component.KERNEL,
        word="kernel",
        regex=_compiled(rf"(?<![\w./-]){_NO_RELEASE}{NUMBER}[ \t](?:\w{{1,12}}[ \t])?kernels?\b"),
        can_be=can_be_linux,
        owned=True,
    ),
    Pattern(
        component=Component.KERNEL,
        word="linux",
        regex=re.compile(rf"\b{_NO_RELEASE}Linux[ /](?:version |(?![Kk]ernel)[\w.-]{{1,60}} )?(?=\d){NUMBER}"),
        can_be=can_be_linux,
        owned=True,
    ),
    Pattern(
        component=Component.KERNEL,
        word="tainted",
        regex=re.compile(rf"\b(?:Not tainted|Tainted:[A-Z ]{{1,40}}) (?=\d){NUMBER}"),
        can_be=can_be_linux,
        owned=True,
    ),
    Pattern(
        component=Component.KERNEL,
        word="uname",
        regex=re.compile(rf"\buname -\w{{1,3}}[ \t]{{0,3}}\r?\n{NUMBER}"),
        can_be=can_be_linux,
        owned=True,
    ),
    Pattern(
        component=Component.KERNEL,
        word="-",
        regex=re.compile(rf"(?<![\w./-])(?=\d\.\d{{1,2}}\.\d{{1,3}}[\w.-]{{0,30}}-{_FLAVOUR}(?![\w-]))(?=\d){NUMBER}"),
        can_be=can_be_linux,
        owned=True,
    ),
    Pattern(
        component=Component.KERNEL,
        word="kernel-",
        regex=_compiled(rf"(?<![\w./])(?:pve-|proxmox-)?kernel(?:-core|-default|-lt|-ml|-uek)?-(?=\d){NUMBER}"),
        can_be=can_be_linux,
        owned=True,
        last_resort=True,
    ),
    Pattern(
        component=Component.KERNEL,
        word="linux-image-",
        regex=_compiled(rf"(?<![\w./-])linux-image-(?=\d){NUMBER}"),
        can_be=can_be_linux,
        owned=True,
        last_resort=True,
    ),
    Pattern(
        component=Component.QEMU,
        word="pc-",
        regex=re.compile(r"(?<![\w-])pc-(?:i440fx-|q35-)?(?P<major>\d{1,2})\.(?P<minor>\d{1,2})(?P<rest>(?:\+pve\d)?)(?![\w.])"),
        can_be=can_be_qemu,
        least=True,
    ),
)  # fmt: skip
