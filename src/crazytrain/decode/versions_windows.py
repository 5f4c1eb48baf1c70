"""Which Windows a guest runs, as people write it: ``Windows 10 1803``, ``Win 11 22H2``, ``Server 2019``, ``10.0.17763``."""

import re
from collections.abc import Iterator

import msgspec

from crazytrain.model.facts.versions import Number

# Version of Windows NT, and the build that a release began with; learn.microsoft.com, Windows release information.
_NAMES: dict[str, Number] = {
    "xp": (5, 1),
    "2003": (5, 2),
    "vista": (6, 0),
    "2008": (6, 0),
    "7": (6, 1),
    "2008r2": (6, 1),
    "8": (6, 2),
    "2012": (6, 2),
    "8.1": (6, 3),
    "2012r2": (6, 3),
    "10": (10, 0),
    "11": (10, 22000),
    "2016": (10, 14393),
    "2019": (10, 17763),
    "2022": (10, 20348),
    "2025": (10, 26100),
}
_RELEASES = {
    "1507": 10240,
    "1511": 10586,
    "1607": 14393,
    "1703": 15063,
    "1709": 16299,
    "1803": 17134,
    "1809": 17763,
    "1903": 18362,
    "1909": 18363,
    "2004": 19041,
    "20h2": 19042,
    "21h1": 19043,
    "21h2": 19044,
    "22h2": 19045,
}
_RELEASES_OF_11 = {"21h2": 22000, "22h2": 22621, "23h2": 22631, "24h2": 26100, "25h2": 26200}
_NAME = re.compile(
    r"\b(?<!SQL )(?<!Exchange )(?:Win(?:dows)?[ -]{0,2}(?:Server[ -]?)?|Server )"
    r"(?P<name>XP|Vista|7|8\.1|8|10|11|2003|20(?:08|12)(?: ?R2)?|2016|2019|2022|2025)\b(?!\.\d)(?P<tail>[^\n;]{0,48})",
    re.IGNORECASE,
)
_RELEASE = re.compile(r"\b(1507|1511|1607|170[39]|180[39]|190[39]|2004|2[0-5]H[12])\b", re.IGNORECASE)
_BUILD = re.compile(r"\b(?:build[ :.]{0,2}|10\.0\.)(\d{5})\b", re.IGNORECASE)
_OTHER = re.compile(r"\b(?:hosts?|hyper-?v server|wsl)\b.{0,30}$", re.IGNORECASE)


class WindowsTold(msgspec.Struct, frozen=True):
    """Where it stands in the text, its number (version of NT and build, 0 where the build was not told), and its name."""

    start: int
    number: Number
    name: str


def windows_of(text: str) -> Iterator[WindowsTold]:
    """All that are named, but not as what the host runs. Of "10 1709 and 1803" both releases."""
    for found in _NAME.finditer(text):
        if _OTHER.search(text, max(0, found.start() - 60), found.start()):
            continue
        number = _NAMES[found["name"].lower().replace(" ", "")]
        builds = list(_builds(found["tail"], eleven=found["name"] == "11"))
        for told, build in builds or [("", number[1])]:
            yield WindowsTold(found.start(), (number[0], build), f"{found['name']}{told}")


def _builds(tail: str, *, eleven: bool) -> Iterator[tuple[str, int]]:
    """The releases, or the build, that stand behind the name, as text and number."""
    if build := _BUILD.search(tail):
        yield f" build {build[1]}", int(build[1])
        return
    builds = _RELEASES_OF_11 if eleven else _RELEASES
    for release in _RELEASE.finditer(tail):
        if release[1].lower() in builds:
            yield f" {release[1]}", builds[release[1].lower()]
