"""What ``crazytrain logs`` does: counts its sources, and shows the answer or a template's lines."""

import datetime as dt
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from crazytrain import __version__
from crazytrain.cli import screen
from crazytrain.cli.log_choosing import Chosen, choose, window_of
from crazytrain.cli.log_counting import Counted, Counting
from crazytrain.cli.log_sources import Block
from crazytrain.cli.log_times import Ends, length_s, moment, seconds_of, zone_of
from crazytrain.decode.log_mining import Wanted
from crazytrain.decode.log_tally import tally
from crazytrain.derive.log_times import LogTimes
from crazytrain.derive.log_view import MOST_FLOODS, MOST_LINES, log_view
from crazytrain.derive.log_view import Wish as ViewWish
from crazytrain.model.errors import BadInput
from crazytrain.report.escape import plain
from crazytrain.report.logs_text import logs_text

INTERRUPTED = 130
_SHOWN_LINE = 64 << 10


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for, in the words of the command line."""

    sources: tuple[str, ...]
    around: str = ""
    within: str = "5m"
    incident: str = ""
    since: str = ""
    until: str = ""
    raw: tuple[str, ...] = ()
    as_bytes: bool = False
    top: int = MOST_FLOODS
    zone: str = "local"
    offset_s: float | None = None
    network: str = ""
    rotated: bool = False
    root: Path | None = None
    as_json: bool = False


def show(wish: Wish, *, quiet: bool) -> None:
    """Count, and print.

    Raises:
        BadInput: a time, zone, template or file cannot be read.
    """
    wanted_raw = _numbers(wish)
    zone, within_s = zone_of(wish.zone), length_s(wish.within)
    for text in (wish.around, wish.since, wish.until):
        if text:
            moment(text)
    progress = screen.Progress(quiet=quiet)
    try:
        chosen = choose(wish.sources, wish.root, progress, rotated=wish.rotated)
        with Counting(chosen.inputs, zone, progress.tick if not quiet else _silent) as counting:
            ahead_s = wish.offset_s if wish.offset_s is not None else chosen.ahead_s
            wanted, around = _wanted(wish, counting, (zone, ahead_s, within_s), chosen)
            if wanted_raw and not (around or wish.since or wish.until):
                counting.keep_input()
            counted = counting.count(wanted)
            if wanted_raw:
                _raw(wanted_raw, counted, counting, wanted, as_bytes=wish.as_bytes)
                return
    finally:
        progress.done()
    _print(wish, counted, chosen, (zone, ahead_s), around)
    if not counted.complete:
        sys.exit(INTERRUPTED)


def _silent(_: str) -> None:
    """Say nothing."""


def _wanted(
    wish: Wish, counting: Counting, clock: tuple[dt.tzinfo | None, float, float], chosen: Chosen
) -> tuple[Wanted | None, tuple[float, float] | None]:
    """Which times are asked for, on the log's own clock; that is known only once the log was read."""
    if not (wish.around or wish.since or wish.until or wish.incident):
        return None, None
    counting.keep_input()
    zone, ahead_s, within_s = clock
    span = counting.count().miner.span()
    ends = Ends(
        first_s=span.first_s,
        last_s=span.last_s,
        boots=span.boots,
        zone=zone,
        ahead_s=ahead_s,
        boot_wall_s=chosen.boot_wall_s,
    )
    around = None
    if wish.incident:
        begin_s, end_s = window_of(wish.incident, wish.root)
        around = (_wall(begin_s - within_s, ends), _wall(end_s + within_s, ends))
    elif wish.around:
        at_s = seconds_of(moment(wish.around), ends)
        around = at_s - within_s, at_s + within_s
    wanted = Wanted(
        since=seconds_of(moment(wish.since), ends) if wish.since else None,
        until=seconds_of(moment(wish.until), ends) if wish.until else None,
        inside_from=around[0] if around else None,
        inside_until=around[1] if around else None,
    )
    return wanted, around


def _wall(at_s: float, ends: Ends) -> float:
    """A moment of the host on the log's clock."""
    if ends.last_s is None:
        raise BadInput("the log has no times that can be read", "Leave --incident out.")
    if ends.boots is None:
        return at_s + ends.ahead_s
    if ends.boot_wall_s is None:
        raise BadInput(
            "the log's clock counts from the boot, and nobody knows when that was",
            "Say --around in seconds since the boot: 1234.5",
        )
    return at_s - ends.boot_wall_s + (ends.boots[-1] if ends.boots else 0)


def _print(
    wish: Wish,
    counted: Counted,
    chosen: Chosen,
    clock: tuple[dt.tzinfo | None, float],
    around: tuple[float, float] | None,
) -> None:
    zone, ahead_s = clock
    found = tally(counted.miner)
    times = LogTimes(boots=found.span.boots, zone=zone, ahead_s=ahead_s, boot_wall_s=chosen.boot_wall_s)
    view = log_view(
        found,
        ViewWish(
            tool=f"crazytrain {__version__}",
            times=times,
            sources=counted.sources,
            floods=wish.top or None,
            lines=MOST_LINES if wish.top else None,
            around=around,
            networks=_networks(wish, chosen, [one.interface for one in found.dhcp]),
            notes=chosen.notes,
            complete=counted.complete,
        ),
    )
    if wish.as_json:
        screen.json(view)
    else:
        screen.styled(logs_text(view))


def _networks(wish: Wish, chosen: Chosen, interfaces: Sequence[str]) -> Mapping[str, str]:
    return dict.fromkeys(interfaces, wish.network) if wish.network else chosen.networks


def _numbers(wish: Wish) -> frozenset[int]:
    """The templates of ``--raw``."""
    names = [name for one in wish.raw for name in one.replace(",", "+").split("+")]
    if wish.as_bytes and not names:
        raise BadInput("--bytes goes with --raw TEMPLATE")
    if wish.as_bytes and sys.stdout.isatty():
        raise BadInput(
            "a terminal would obey what the log holds", "Give the bytes to a file or a pipe, or leave --bytes out."
        )
    for name in names:
        if not (name[:1] in ("T", "t") and name[1:].isdecimal() and len(name) < 12):
            raise BadInput(f"{name!r} is no template", "As printed before each flood: --raw T3")
    return frozenset(int(name[1:]) for name in names)


def _raw(wanted: frozenset[int], counted: Counted, counting: Counting, times: Wanted | None, *, as_bytes: bool) -> None:
    """Print every line of some templates. The log is read once more: only now is it known which templates became one."""
    found = tally(counted.miner)
    known = {one.number for one in found.templates}
    part_of = counted.miner.tree.part_of
    missing = [number for number in wanted if part_of(number) not in known]
    if missing:
        raise BadInput(
            f"there is no template T{missing[0]} in this log", "The same options have to be given as when it was shown."
        )
    finals = {part_of(number) for number in wanted}
    write = _write_bytes if as_bytes else _write_plain

    def each(block: Block, numbers: Sequence[int]) -> None:
        if finals.isdisjoint(map(part_of, set(numbers))):
            return
        for number, line in zip(numbers, _originals(block), strict=True):
            if part_of(number) in finals:
                write(line)

    counting.count(times, each)
    sys.stdout.flush()


def _originals(block: Block) -> Sequence[bytes]:
    if block.pairs is not None:
        return [raw for _, raw in block.pairs]
    return [block.data] if block.goes_on else _lines(block.data)


def _lines(data: bytes) -> list[bytes]:
    """Lines with their ends: nothing but a line feed ends one."""
    lines = [line + b"\n" for line in data.split(b"\n")]
    last = lines.pop()
    return [*lines, last[:-1]] if last != b"\n" else lines


def _write_bytes(line: bytes) -> None:
    sys.stdout.buffer.write(line)


def _write_plain(line: bytes) -> None:
    text = line.removesuffix(b"\n").decode("utf-8", "backslashreplace").replace("\t", "    ")
    sys.stdout.write(plain(text, _SHOWN_LINE) + "\n")
