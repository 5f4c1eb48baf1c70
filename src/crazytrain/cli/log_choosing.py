"""Which log is meant: files, standard input, what a case holds, or a guest's own log by its agent."""

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from crazytrain.cli.log_networks import networks_here
from crazytrain.cli.log_sources import LogInput, inputs_of, is_there
from crazytrain.cli.sources import is_file, is_folder
from crazytrain.model.bundle import unpack
from crazytrain.model.case import Case
from crazytrain.model.errors import BadInput, NoSuchCase
from crazytrain.model.evidence import Evidence, Kind
from crazytrain.model.facts.inside import InsideReading

GUEST = "guest:"
_GUESTS_WORDS = (Kind.CONSOLE, Kind.INSIDE_LOG)
_LOGS = (*_GUESTS_WORDS, Kind.LOG_TEXT, Kind.QEMU_LOG, Kind.KERNEL_LOG, Kind.TEXT)

Tell = Callable[[str], None]


class Chosen(msgspec.Struct, frozen=True, kw_only=True):
    """Sources in their order. ``ahead_s``: how far their clock is ahead of this host's; ``boot_wall_s``: when their boot was, in seconds since
    1970; ``networks``: libvirt's network of an interface.
    """

    inputs: tuple[LogInput, ...]
    ahead_s: float = 0.0
    boot_wall_s: float | None = None
    networks: Mapping[str, str] = msgspec.field(default_factory=dict)
    notes: tuple[str, ...] = ()


def choose(sources: Sequence[str], root: Path | None, tell: Tell, *, rotated: bool) -> Chosen:
    """Find what the sources name.

    Raises:
        BadInput: a name is neither a file nor a case, or several are of different sorts.
        NoSuchGuest: no guest of that name runs here.
    """
    if any(one.startswith(GUEST) for one in sources):
        return _guest(sources, tell)
    if sources == ("-",):
        return Chosen(inputs=(LogInput(name="standard input", until_s=time.time()),), networks=networks_here())
    if "-" in sources:
        raise BadInput(
            "standard input cannot be read beside files", "Join them before: cat FILE... | crazytrain logs -"
        )
    paths = [Path(one) for one in sources]
    if len(sources) == 1 and not (is_there(paths[0]) and not _is_case(paths[0])):
        return _case(sources[0], root)
    return Chosen(inputs=inputs_of(paths, rotated=rotated), networks=networks_here())


def _guest(sources: Sequence[str], tell: Tell) -> Chosen:
    from crazytrain.cli.log_guest import guest_log

    if len(sources) > 1:
        raise BadInput("a guest's log cannot be read beside others", "crazytrain logs guest:NAME")
    tell(f"asking the agent of {sources[0].removeprefix(GUEST)} for its log")
    fetched = guest_log(sources[0].removeprefix(GUEST))
    return Chosen(inputs=fetched.inputs, ahead_s=fetched.ahead_s or 0.0, networks=fetched.networks, notes=fetched.notes)


def _is_case(path: Path) -> bool:
    from crazytrain.store import is_packed

    if is_folder(path):
        return (path / "journal.jsonl").exists()
    try:
        if not is_file(path):  # what is read once only is not read for this
            return False
        with path.open("rb") as file:
            return is_packed(file.read(64 << 10))
    except OSError:
        return False


def case_of(wanted: str, root: Path | None) -> Case:
    """A saved case by its id, folder or file."""
    from crazytrain.cli.cases import the_root
    from crazytrain.store import find, load

    return load(find(the_root(root), wanted))


def window_of(wanted: str, root: Path | None) -> tuple[float, float]:
    """When a case was looked at, in seconds since 1970."""
    window = case_of(wanted, root).window
    if window is None or not window.wall_ns:
        raise BadInput(f"{wanted} does not tell when it was")
    return window.wall_ns / 1e9, (window.wall_ns + window.length_ns) / 1e9


def _case(wanted: str, root: Path | None) -> Chosen:
    name, _, evidence_id = wanted.partition(":") if not is_there(Path(wanted)) else (wanted, "", "")
    try:
        case = case_of(name, root)
    except NoSuchCase as error:
        if os.sep in wanted or "." in wanted:
            raise BadInput(f"{wanted} is neither a file nor a case", error.hint) from error
        raise
    logs = [one for one in case.evidence if one.usable and one.kind in _LOGS]
    guests = [one for one in logs if one.kind in _GUESTS_WORDS]
    picked = [one for one in case.evidence if one.id == evidence_id and one.usable] if evidence_id else guests or logs
    if not picked:
        there = ", ".join(one.id for one in logs) or "no log at all"
        raise BadInput(
            f"{wanted}: no such log in this case", f"It holds: {there}. crazytrain logs CASE:EVIDENCE takes one."
        )
    others = tuple(one.id for one in logs if one not in picked)
    notes = (
        (f"the case holds more logs: {', '.join(others[:6])} (crazytrain logs {name}:{others[0]})",) if others else ()
    )
    ahead_s, boot_s = _clock(case)
    of_guest = all(one.kind in _GUESTS_WORDS for one in picked)
    return Chosen(
        inputs=tuple(
            LogInput(name=one.id, until_s=(one.wall_ns or time.time_ns()) / 1e9, data=_text(one)) for one in picked
        ),
        ahead_s=ahead_s if of_guest else 0.0,
        boot_wall_s=boot_s if of_guest else None,
        notes=notes,
    )


def _clock(case: Case) -> tuple[float, float | None]:
    """How far the guest's clock was ahead of the host's, and when its boot was by the host's, where the case tells."""
    from crazytrain.pipeline import decoded

    readings: Iterable[InsideReading] = decoded(case.evidence).facts.all(InsideReading)
    clocks = [one.clock for one in readings if one.clock]
    for clock in reversed(clocks):
        ahead_s = (clock.realtime_ns - clock.wall_ns) / 1e9 if clock.realtime_ns else 0.0
        boot_s = (clock.wall_ns - clock.monotonic_ns) / 1e9 if clock.monotonic_ns is not None else None
        return (ahead_s if abs(ahead_s) >= 1 else 0.0), boot_s
    return 0.0, None


def _text(evidence: Evidence) -> bytes:
    """An evidence's text: of a bundle its largest part, of the log out of a guest's RAM its records as dmesg prints them."""
    if evidence.kind is Kind.INSIDE_LOG:
        from crazytrain.decode.inside_log_text import log_text

        return log_text(evidence.data)
    if evidence.kind is Kind.KERNEL_LOG:
        return max((part.data for part in unpack(evidence.data)), key=len, default=b"")
    return evidence.data


def completions(incomplete: str) -> Sequence[str]:
    """What the shell may complete: files, cases, guests."""
    from crazytrain.cli.completing import guest_names

    if incomplete.startswith(GUEST):
        return [GUEST + name for name in guest_names(incomplete.removeprefix(GUEST))]
    folder, _, beginning = incomplete.rpartition("/")
    try:
        names = sorted(one.name for one in Path(folder or ("/" if incomplete.startswith("/") else ".")).iterdir())
    except OSError:
        names = []
    prefix = f"{folder}/" if "/" in incomplete else ""
    found = [prefix + name for name in names if name.startswith(beginning) and name.isprintable()]
    return [*found, *_cases(incomplete), *([GUEST] if GUEST.startswith(incomplete) else [])]


def _cases(incomplete: str) -> list[str]:
    from crazytrain.cli.cases import the_root
    from crazytrain.store import listing

    try:
        return [one.id for one in listing(the_root(None)) if incomplete and one.id.startswith(incomplete)]
    except OSError:
        return []
