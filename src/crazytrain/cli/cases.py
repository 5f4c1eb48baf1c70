"""What ``crazytrain case`` does."""

import datetime as dt
import os
import sys
from pathlib import Path

from crazytrain.cli import screen
from crazytrain.model.errors import BrokenCase, NoSuchCase
from crazytrain.model.figures import size, span
from crazytrain.pipeline import conclude
from crazytrain.report.escape import plain
from crazytrain.store import CaseLine, cases_root, find, listing, load, pack, verify


def the_root(root: Path | None) -> Path:
    """The folder of cases: the one asked for, or this user's own."""
    return root or cases_root(os.environ, os.geteuid())


def show_list(root: Path | None, *, as_json: bool) -> None:
    """Print the list."""
    found = listing(the_root(root))
    if as_json:
        screen.json(found)
        return
    if not found:
        print(f"no cases in {the_root(root)}; `crazytrain why GUEST` keeps one")
    for one in found:
        print(_row(one))


def _row(one: CaseLine) -> str:
    when = dt.datetime.fromtimestamp(one.wall_ns / 1e9).astimezone().isoformat(" ", "seconds") if one.wall_ns else "?"
    length = span(one.length_ns) if one.length_ns else "?"
    whole = "" if one.complete else "  INCOMPLETE"
    return (
        f"{plain(one.id)}  {when}  {length:>6}  {size(one.size_bytes):>9}{whole}  {plain(one.headline or one.problem)}"
    )


def show_one(root: Path | None, wanted: str, *, as_json: bool, full: bool, raw: str | None) -> None:
    """Replay a case, or print one evidence's bytes."""
    case = load(find(the_root(root), wanted))
    if raw is None:
        screen.show(conclude(case), as_json=as_json, full=full)
        return
    for evidence in case.evidence:
        if evidence.id == raw:
            _raw(evidence.data)
            return
    known = ", ".join(e.id for e in case.evidence)
    raise NoSuchCase(f"the case holds no evidence {plain(raw)!r}", f"It holds: {known}")


def _raw(data: bytes) -> None:
    """The bytes as they are for a file or pipe; on a terminal escaped, for they may be the guest's."""
    if sys.stdout.isatty():
        for text in data.decode("utf-8", "backslashreplace").splitlines():
            print(plain(text.replace("\t", "    "), 4000))
    else:
        sys.stdout.buffer.write(data)


def check(root: Path | None, wanted: str, *, as_json: bool) -> None:
    """Verify; ``BrokenCase`` where something does not fit."""
    path = find(the_root(root), wanted)
    problems = verify(path)
    if as_json:
        screen.json(problems)
    for problem in () if as_json else problems:
        print(f"{plain(problem.file)}: {plain(problem.says)}")
    if any(problem.broken for problem in problems):
        raise BrokenCase(f"{path} is not whole", "What still fits can be read: crazytrain case show")
    if not as_json:
        print(f"{path}: " + ("what is there fits, but the capture was cut off" if problems else "whole"))


def pack_one(root: Path | None, wanted: str, out: Path | None, *, redact: bool) -> None:
    """Pack, and say where it is and what it may hold."""
    path = find(the_root(root), wanted)
    packed = pack(path, out or Path.cwd(), redact=redact)
    print(packed)
    if not redact:
        print(
            "It may hold secrets of the guest (console, command line): --redact leaves them out.",
            file=sys.stderr,
        )
