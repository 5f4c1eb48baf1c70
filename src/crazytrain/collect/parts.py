"""Small files of /proc and /sys read into one bundle, each with how its reading ended."""

from collections.abc import Callable, Sequence

from crazytrain.host.door import Host, outcome_of
from crazytrain.model.bundle import Part, pack
from crazytrain.model.evidence import Evidence, Kind, Outcome

PART_LIMIT_BYTES = 64 << 10
# Known whatever became of the process that a bundle is about: no sign that anything of it was seen.
_CONTEXT = frozenset(("clk_tck", "/proc/uptime", "/proc/sys/kernel/random/boot_id"))


def read_part(host: Host, path: str, limit_bytes: int = PART_LIMIT_BYTES) -> Part:
    """Read one file, named by its path."""
    try:
        return Part(path, host.read(path, limit_bytes))
    except OSError as error:
        return Part(path, outcome=outcome_of(error)[0])


def link_part(host: Host, path: str) -> Part:
    """Read where one link points, named by the link's path."""
    try:
        return Part(path, host.link(path).encode("utf-8", "surrogateescape"))
    except OSError as error:
        return Part(path, outcome=outcome_of(error)[0])


def ticks_part(host: Host) -> Part:
    """Give the clock ticks per second of this host: without them no reading of ``stat`` is a time."""
    return Part("clk_tck", b"%d\n" % host.ticks_per_s())


async def bundle(
    host: Host, label: tuple[str, Kind, str], read: Callable[[], Sequence[Part]], timeout_s: float
) -> Evidence:
    """Read parts with patience and make one evidence of them.

    ``label`` is the evidence's id, kind and source. The outcome is ``OK`` where one part at least was read, else that
    of the first part. ``read`` may raise ``OSError`` (a folder that cannot be listed), which becomes the outcome, too.
    ``mono_ns`` is the moment at which the reading itself began, not the wait for a thread to do it.
    """
    name, kind, source = label
    begin_ns, wall_ns = host.mono_ns(), host.wall_ns()
    try:
        begin_ns, wall_ns, parts = await host.patiently(lambda: (host.mono_ns(), host.wall_ns(), read()), timeout_s)
        outcome, detail, data = outcome_of_parts(parts), missed(parts), pack(parts)
    except OSError as error:  # TimeoutError is one
        (outcome, detail), data = outcome_of(error), b""
    return Evidence(
        id=name,
        kind=kind,
        source=source,
        outcome=outcome,
        detail=detail,
        data=data,
        mono_ns=begin_ns,
        wall_ns=wall_ns,
        took_ns=host.mono_ns() - begin_ns,
    )


def outcome_of_parts(parts: Sequence[Part]) -> Outcome:
    """Judge a bundle by its parts."""
    seen = [part.outcome for part in parts if part.name not in _CONTEXT and not part.name.endswith("/mono_ns")]
    return Outcome.OK if Outcome.OK in seen or not seen else seen[0]


def missed(parts: Sequence[Part]) -> str:
    """Say in words which parts could not be read: the first few by name, those that are only absent last."""
    failed = [part for part in parts if part.outcome is not Outcome.OK]
    failed.sort(key=lambda part: part.outcome is Outcome.ABSENT)
    lost = [f"{part.name}: {part.outcome.value}" for part in failed]
    more = f" and {len(lost) - 3} more" if len(lost) > 3 else ""
    return "; ".join(lost[:3]) + more
