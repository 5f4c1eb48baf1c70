"""What ``crazytrain flame`` does: from a case or a guest to a file of stacks."""

import sys
from pathlib import Path

import msgspec

from crazytrain import __version__
from crazytrain.cli.cases import the_root
from crazytrain.cli.flame import Format
from crazytrain.model.case import Case
from crazytrain.model.errors import BadInput, NoSuchCase, NotAllowed
from crazytrain.model.evidence import Kind
from crazytrain.model.facts.stacks import CpuProfile
from crazytrain.pipeline import read
from crazytrain.report.flame import collapsed, speedscope
from crazytrain.store import find, load


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """Of what, in which format, where to, and for how long to look where it is a guest."""

    wanted: str
    form: Format
    out: Path | None
    seconds: float
    root: Path | None


def flame(wish: Wish, *, quiet: bool = False) -> None:
    """Write the stacks.

    Raises:
        NoSuchGuest: it is neither a case nor a guest.
        BadInput: the case holds no samples; says why.
        NotAllowed: the file cannot be written.
    """
    case = _saved(wish) or _looked(wish, quiet=quiet)
    profile = read(case.evidence).facts.get(CpuProfile)
    if profile is None:
        raise BadInput(f"the case {case.id} holds no samples of running threads: {_why_none(case)}")
    name = f"{case.guest.name if case.guest else 'guest'}, case {case.id}"
    told = (
        speedscope(profile, name, f"crazytrain {__version__}") if wish.form is Format.SPEEDSCOPE else collapsed(profile)
    )
    _write(told, wish.out)


def _saved(wish: Wish) -> Case | None:
    try:
        return load(find(the_root(wish.root), wish.wanted))
    except NoSuchCase:
        return None


def _looked(wish: Wish, *, quiet: bool) -> Case:
    from crazytrain.cli import looking

    report = looking.why(
        looking.Wish(wanted=wish.wanted, seconds=wish.seconds, against=looking.NOBODY, out=wish.root), quiet=quiet
    )
    return load(find(the_root(wish.root), report.case))


def _why_none(case: Case) -> str:
    told = [evidence.detail for evidence in case.evidence if evidence.kind is Kind.ONCPU and evidence.detail]
    return told[-1] if told else "nobody took any (crazytrain why, with perf installed)"


def _write(text: str, out: Path | None) -> None:
    if out is None:
        sys.stdout.write(text)
        return
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise NotAllowed(f"{out} cannot be written: {error.strerror}") from error
