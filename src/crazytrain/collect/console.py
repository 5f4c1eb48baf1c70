"""The guest's own words: its serial console, where the host has it as a file."""

import re
from collections.abc import Iterator
from xml.sax.saxutils import unescape

from crazytrain.collect.chardevs import Chardev, consoles, reachable
from crazytrain.collect.look import Collector, Look
from crazytrain.collect.same import gone, still_same
from crazytrain.host.door import outcome_of
from crazytrain.model.evidence import Cost, Evidence, Kind, Outcome
from crazytrain.model.guest import Manager

TAIL_BYTES = 256 << 10
_MOST = 4
_LITTLE_BYTES = 16 << 10
_READ_TIMEOUT_S = 2.0
_DOMAIN_LIMIT_BYTES = 1 << 20
_PORT = re.compile(r"<(?P<tag>serial|console)\b(?P<head>[^>]*)>(?P<body>.*?)</(?P=tag)>", re.DOTALL)
_LOG = re.compile(r"<log\b[^>]*\bfile=(?P<quote>['\"])(?P<path>.*?)(?P=quote)")
_SOURCE = re.compile(r"<source\b[^>]*\bpath=(?P<quote>['\"])(?P<path>.*?)(?P=quote)")


async def collect_console(look: Look) -> None:
    """Keep ``console.0``, ``console.1``, ...: the end of each file at the window's end."""
    await look.host.sleep_until(look.end_ns)
    if not still_same(look.host, look.guest.process):
        look.keep(gone(look, "console.0", Kind.CONSOLE))
        return
    paths = tuple(dict.fromkeys(_files(look)))[:_MOST]
    if not paths:
        look.keep(_evidence(look, 0, "serial console", (Outcome.ABSENT, _why_none(look), b"")))
    seen = [(path, await _tail(look, path)) for path in paths]
    older = [(path, tail) for path, tail in [await _rotated(look, *one) for one in seen] if path]
    # What was put aside comes first: the last evidence of a console is the one that is written now.
    for number, (path, tail) in enumerate((*older, *seen)):
        look.keep(_evidence(look, number, path, tail))


async def _rotated(look: Look, path: str, tail: tuple[Outcome, str, bytes]) -> tuple[str, tuple[Outcome, str, bytes]]:
    """The file that libvirt's log daemon has put aside last, where the new one holds little yet; an empty path: none."""
    outcome, _, data = tail
    if look.guest.manager is not Manager.LIBVIRT or outcome is not Outcome.OK or len(data) >= _LITTLE_BYTES:
        return "", tail
    before = await _tail(look, f"{path}.0")
    return (f"{path}.0" if before[0] in (Outcome.OK, Outcome.TRUNCATED) else ""), before


def _files(look: Look) -> Iterator[str]:
    """Every file that holds a console, as QEMU (or libvirt's log daemon) names it."""
    for console in consoles(look.guest.command_line):
        yield from (path for path in _files_of(look, console) if not path.startswith("/dev/fdset/"))
    if look.guest.manager is Manager.LIBVIRT:
        yield from _libvirts_files(look)


def _files_of(look: Look, console: Chardev) -> Iterator[str]:
    if console.backend == "file" and console.path:
        yield console.path
    if console.log:
        yield console.log
    output = f"/proc/{look.guest.pid}/fd/1"
    if console.backend == "stdio" and _is_file(look, output):
        yield output


def _is_file(look: Look, link: str) -> bool:
    """Whether an output was redirected to a file: a pipe or a terminal is not even opened."""
    try:
        target = look.host.link(link)
    except OSError:
        return False
    return target.startswith("/") and not target.startswith("/dev/")


def _libvirts_files(look: Look) -> Iterator[str]:
    """Files that libvirt's log daemon writes: QEMU only has a pipe to it; the running domain's XML names the file."""
    if "/" in look.guest.name:
        return
    try:
        domain = look.host.read(f"/run/libvirt/qemu/{look.guest.name}.xml", _DOMAIN_LIMIT_BYTES)
    except OSError:
        return
    for port in _PORT.finditer(domain.decode("utf-8", "replace")):
        ways = (_LOG, _SOURCE) if re.search(r"type=['\"]file['\"]", port["head"]) else (_LOG,)
        for found in (way.search(port["body"]) for way in ways):
            if found:
                yield unescape(found["path"], {"&apos;": "'", "&quot;": '"'})


async def _tail(look: Look, path: str) -> tuple[Outcome, str, bytes]:
    # What libvirt's daemon writes is named as the host names it, which is also where QEMU without a root of its own is.
    at = path if path.startswith("/proc/") else reachable(look.host, look.guest.pid, path)
    try:
        data, size = await look.host.patiently(lambda: look.host.read_tail(at, TAIL_BYTES), _READ_TIMEOUT_S)
    except OSError as error:
        return *outcome_of(error), b""
    if size > len(data):
        return Outcome.TRUNCATED, f"the last {len(data):,} of {size:,} bytes; lines are counted from there", data
    return Outcome.OK, "" if data else "the guest has written nothing", data


def _why_none(look: Look) -> str:
    ends = [console.backend or console.id for console in consoles(look.guest.command_line)]
    return (
        f"no serial console goes to a file; there is: {', '.join(ends)}" if ends else "the guest has no serial console"
    )


def _evidence(look: Look, number: int, source: str, read: tuple[Outcome, str, bytes]) -> Evidence:
    outcome, detail, data = read
    return Evidence(
        id=f"console.{number}",
        kind=Kind.CONSOLE,
        source=source,
        outcome=outcome,
        detail=detail,
        data=data,
        mono_ns=look.host.mono_ns(),
        wall_ns=look.host.wall_ns(),
    )


COLLECTOR = Collector(
    name="console",
    cost=Cost.READS,
    timeout_s=_READ_TIMEOUT_S * (2 * _MOST + 1),
    limit_bytes=2 * _MOST * TAIL_BYTES,
    run=collect_console,
)
