"""Record real guests of the lab as cases for the tests: boot, look, pack for others, and say what must be found in them.

Writes tests/cases/lab-GUEST/case.crazytrain anew, and expect.toml beside it where there is none yet. A guest of which the
look says another cause than the lab does is looked at again; if it stays so, nothing is written.
"""

import argparse
import getpass
import json
import re
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from crazytrain import lab
from crazytrain.cli.places import lab_cache_dir
from crazytrain.model.case import Case
from crazytrain.model.evidence import Kind
from crazytrain.model.report import FindingView, Report
from crazytrain.pipeline import conclude
from crazytrain.store import find, load, open_case, pack
from tests.recording.neutral import neutral, strange_paths, told_in, with_guests_own, without
from tests.support import ROOT

CASES = ROOT / "tests" / "cases"
MOST_BYTES = 40 << 10
TRIES = 3
_MARGIN = 0.1
_TELL_NOTHING = {"", "root", "vm", "localhost", "user.slice", "system.slice", "init.scope"}
_HOME = str(Path.home()).encode()


class Unfit(Exception):
    """The case must not be kept, and why."""


def quiet(_line: str) -> None:
    """Say nothing."""


def recorded(guest: lab.Running, seconds: float, folder: Path) -> Case:
    """Look at a guest as a user does, and pack the case for others to read; what that leaves out of the guest's own is put back."""
    program = (sys.executable, "-m", "crazytrain")
    out = Path(tempfile.mkdtemp(dir=folder))
    look = ("why", str(guest.pid), "--against", "none", "--for", f"{seconds:g}", "--json", "--quiet", "--out", str(out))
    told = subprocess.run((*program, *look), check=True, capture_output=True, cwd=ROOT, timeout=120)
    name = json.loads(told.stdout)["case"]
    packing = ("case", "pack", name, "--redact", "--in", str(out), "--out", str(out))
    done = subprocess.run((*program, *packing), check=True, capture_output=True, text=True, cwd=ROOT, timeout=120)
    return with_guests_own(load(Path(done.stdout.strip())), load(find(out, name)))


def our_groups() -> list[str]:
    """The control groups that this process is in, one a hierarchy."""
    return [line.split(":", 2)[2] for line in Path("/proc/self/cgroup").read_text().splitlines()]


def names() -> set[str]:
    """What this machine, its user and our control groups are called, as far as it tells anything."""
    parts = {part for group in our_groups() for part in group.split("/")}
    return {socket.gethostname(), getpass.getuser(), *parts} - _TELL_NOTHING


def groups(ours: Iterable[str]) -> dict[bytes, bytes]:
    """Neutral names for our control groups and those above them: ``/user.slice``, ``/user.slice/part2``, ..."""
    found = {}
    for group in ours:
        words = group.strip("/").split("/") if group.strip("/") else []
        for depth in range(1, len(words) + 1):
            parts = (f"part{number}" for number in range(2, depth + 1))
            found["/".join(("", *words[:depth])).encode()] = "/".join(("/user.slice", *parts)).encode()
    return found


def places(folder: Path) -> dict[bytes, bytes]:
    """Texts of this machine, and what is put in their place: the lab's folder, its cache, our control groups, home."""
    return groups(our_groups()) | {
        str(folder).encode(): b"/lab",
        str(lab_cache_dir()).encode(): b"/lab/cache",
        str(ROOT).encode(): b"/usr/src/crazytrain",
        _HOME: b"/home/user1",
    }


def kept(case: Case, out: Path, folder: Path) -> Path:
    """Write a case as one packed file, without a report: it is said anew whenever it is read."""
    if case.guest is None or case.window is None:
        raise Unfit("it has no guest or no window")
    root = Path(tempfile.mkdtemp(dir=folder))
    with open_case(root, case.guest, case.window, case.note) as writer:
        for evidence in case.evidence:
            writer.keep(evidence)
        writer.ended(case.window)
        writer.finish(b"{}\n", "")
    out.unlink(missing_ok=True)
    packed = pack(writer.path, out)
    packed.chmod(0o644)
    return packed


def checked(case: Case, kind: lab.LabGuest) -> Report:
    """The report of a case that is fit to be kept; ``Unfit`` says what is wrong with it."""
    if told := told_in(case, names()) | strange_paths(case):
        raise Unfit(f"it names this machine: {', '.join(sorted(told))}")
    report = conclude(case)
    verdict = report.verdict
    if (verdict.family, verdict.cause) != (kind.family, kind.cause):
        raise Unfit(f"it is said to be {verdict.family}/{verdict.cause} ({verdict.confidence:.2f}): {verdict.headline}")
    return report


def expectation(kind: lab.LabGuest, report: Report) -> str:
    """``expect.toml`` as a draft: the cause, how sure at least, and the evidence that decides."""
    best = next(finding for finding in report.findings if finding.cause == report.verdict.cause)
    least = int(max(report.verdict.confidence - _MARGIN, 0) * 20) / 20
    lines = [
        f"# {kind.summary}",
        "[[look]]",
        'files = ["case.crazytrain"]',
        f'cause = "{kind.cause}"',
        f'family = "{kind.family}"',
        f"at_least = {least:.2f}",
        *_deciding(best),
    ]
    return "\n".join(lines) + "\n"


def _deciding(best: FindingView) -> Iterator[str]:
    """The strongest point as a pattern in which each figure may be another one, and its evidence by id."""
    strongest = max(best.because, key=lambda point: point.ratio, default=None)
    if strongest:
        pattern = re.sub(
            r"(?<![\w.])\d(?:[\d,]|\\\.\d)*(?!\w)", lambda _: r"[\d,.]+", re.escape(strongest.fact).replace(r"\ ", " ")
        )
        yield f"because = ['{pattern.replace(chr(39), '.')}']"
        yield f"rests_on = {json.dumps(sorted({where.partition(':')[0] for where in strongest.evidence}))}"


def record(kind: lab.LabGuest, seconds: float, folder: Path) -> str:
    """Record one guest; what was done in a line. ``Unfit`` where no look was good enough."""
    guest = lab.start(kind.name, state_dir=folder / "lab", cache_dir=lab_cache_dir(), tell=quiet)
    try:
        return _recorded_until_fit(kind, guest, seconds, folder)
    finally:
        lab.stop(guest.name, state_dir=folder / "lab", tell=quiet)


def _recorded_until_fit(kind: lab.LabGuest, guest: lab.Running, seconds: float, folder: Path) -> str:
    for left in reversed(range(TRIES)):
        case = neutral(recorded(guest, seconds, folder), places(folder))
        try:
            report = checked(case, kind)
        except Unfit:
            if not left:
                raise
            continue
        break
    home = CASES / f"lab-{kind.name}"
    home.mkdir(exist_ok=True)
    size = kept(case, home / "case.crazytrain", folder).stat().st_size
    if size > MOST_BYTES:
        size = kept(without(case, (Kind.KERNEL_LOG,)), home / "case.crazytrain", folder).stat().st_size
    if not (home / "expect.toml").exists():
        (home / "expect.toml").write_text(expectation(kind, report))
    return f"{size} bytes, {report.verdict.family}/{report.verdict.cause} {report.verdict.confidence:.2f}"


def main() -> None:
    names = [guest.name for guest in lab.GUESTS]
    parser = argparse.ArgumentParser(prog="tools/record-cases", description=__doc__)
    parser.add_argument(
        "guests", nargs="*", metavar="GUEST", help=f"which; all where none is named: {', '.join(names)}"
    )
    parser.add_argument("--for", dest="seconds", type=float, default=3.0, help="how long to look (default: 3 s)")
    args = parser.parse_args()
    failed = False
    for kind in [lab.find_guest(name) for name in args.guests or names]:
        with tempfile.TemporaryDirectory(prefix="ct-") as folder:
            try:
                said = record(kind, args.seconds, Path(folder))
            except (Unfit, lab.errors.LabError, subprocess.CalledProcessError) as error:
                failed, said = True, f"NOT recorded: {error}"
        print(f"{kind.name:<18} {said}", flush=True)
    sys.exit(failed)


if __name__ == "__main__":
    main()
