"""The real tests of the way inside, under kernels of several generations: what holds for each, and what does not.

    tools/inside-matrix [--suites bullseye,bookworm,trixie,sid] [--tests PATTERN] [--out docs/inside-matrix.md]

Kernels are fetched from Debian's suites into the lab's cache, nothing is installed. Every test that boots the kernels of
CRAZYTRAIN_KERNELS (tests/inside/truth.py) is run once for each; what fails is run once more, for a kernel under TCG hangs
in its boot now and then. Needs root.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec

from crazytrain.cli.places import lab_cache_dir
from crazytrain.lab.kernel_generations import SUITES, kernel_of

ROOT = Path(__file__).resolve().parent.parent
_LIMIT_S = 1800
_BOOTS_THEM = re.compile(r"^from tests\.inside\.truth import .*\bkernels\b", re.MULTILINE | re.IGNORECASE)
_VERSION = re.compile(rb"(\d+\.\d+\.\d+\S*) \(debian-kernel@")
_PARAMETER = re.compile(
    r"\[(?:[^\]]*-)?(?:bullseye|bookworm|trixie|sid)(-[^\]]*)?\]|(?<=\[)(?:bullseye|bookworm|trixie|sid), "
)


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one test under one kernel: ``said`` is ok, failed or skipped; ``tries`` runs were made."""

    said: str
    seconds: float
    tries: int = 1
    why: str = ""


Column = dict[str, Cell]


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def test_files(pattern: str) -> list[Path]:
    """The files whose tests boot the kernels that are asked for."""
    files = sorted((ROOT / "tests").rglob(pattern))
    return [file for file in files if _BOOTS_THEM.search(file.read_text("utf-8"))]


def column(suite: str, kernel: Path, files: Sequence[Path], folder: Path) -> Column:
    """Run the files' tests under one kernel; what failed, once more."""
    first = {name: cell for file in files for name, cell in run(suite, kernel, [str(file)], folder).items()}
    again = sorted({name.split("::")[0] for name, cell in first.items() if cell.said == "failed"})
    for file in again:
        for name, cell in run(suite, kernel, [file], folder).items():
            if first.get(name, cell).said == "failed":
                first[name] = msgspec.structs.replace(cell, tries=2)
    return first


def run(suite: str, kernel: Path, what: Sequence[str], folder: Path) -> Column:
    """Run pytest and read what it writes for machines."""
    report = folder / "report.xml"
    report.unlink(missing_ok=True)
    say(f"{suite}: {' '.join(what)}")
    environment = {**os.environ, "CRAZYTRAIN_KERNELS": str(kernel)}
    argv = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}", *what)
    try:
        subprocess.run(argv, cwd=ROOT, env=environment, capture_output=True, timeout=_LIMIT_S, check=False)
    except subprocess.TimeoutExpired:
        return {what[0]: Cell(said="failed", seconds=_LIMIT_S, why=f"no end within {_LIMIT_S} s")}
    if not report.exists():
        return {what[0]: Cell(said="failed", seconds=0, why="pytest wrote no report")}
    return dict(cells(report))


def cells(report: Path) -> Iterator[tuple[str, Cell]]:
    for case in ET.parse(report).iter("testcase"):
        file = str(case.get("classname", "")).replace(".", "/")
        file = file if (ROOT / f"{file}.py").exists() else file.rpartition("/")[0]  # the last word is a class
        name = _PARAMETER.sub("", str(case.get("name")))
        bad = next((found for kind in ("failure", "error") if (found := case.find(kind)) is not None), None)
        skipped = case.find("skipped")
        said = "failed" if bad is not None else "skipped" if skipped is not None else "ok"
        told = bad if bad is not None else skipped
        why = (told.get("message") or "").splitlines()[:1] if told is not None else []
        yield f"{file}.py::{name}", Cell(said=said, seconds=float(case.get("time", "0")), why=" ".join(why)[:160])


def version_of(kernel: Path, suite: str) -> str:
    """The version in the boot protocol's header, for people."""
    data = kernel.read_bytes()
    at = int.from_bytes(data[0x20E:0x210], "little") + 0x200
    found = _VERSION.match(data[at : at + 200])
    return f"{found[1].decode()} ({suite})" if found else suite


def page(table: dict[str, Column]) -> Iterator[str]:
    yield "# Looking inside kernels of several generations"
    yield ""
    yield "Made by `make inside-matrix`: the real tests of the way inside, each against what the guest itself says, on unmodified cloud"
    yield "kernels of Debian's suites under TCG. `x2`: the second run said it. **Bold** does not hold."
    yield ""
    yield "| test | " + " | ".join(table) + " |"
    yield "|---" * (len(table) + 1) + "|"
    names = sorted({name for found in table.values() for name in found})
    for name in names:
        yield (
            f"| {name.removeprefix('tests/')} | " + " | ".join(written(one.get(name)) for one in table.values()) + " |"
        )
    troubles = [
        (kernel, name, cell) for kernel, found in table.items() for name, cell in found.items() if cell.said != "ok"
    ]
    if troubles:
        yield ""
        yield "## What does not hold, and what was not run"
        yield ""
        for kernel, name, cell in troubles:
            yield f"- {kernel}: `{name.removeprefix('tests/')}` {cell.said}: {cell.why or 'no reason given'}"


def written(cell: Cell | None) -> str:
    if cell is None:
        return ""
    text = f"{cell.said} {cell.seconds:.1f} s" if cell.said == "ok" else cell.said
    text = text if cell.said != "failed" else f"**{text}**"
    return f"{text} x{cell.tries}" if cell.tries > 1 else text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--suites", default=",".join(SUITES))
    parser.add_argument("--tests", default="test_*.py", help="names of files below tests/")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    files = test_files(args.tests)
    table: dict[str, Column] = {}
    with tempfile.TemporaryDirectory(prefix="ct-inside-") as name:
        for suite in args.suites.split(","):
            kernel = kernel_of(suite, lab_cache_dir(), say)
            table[version_of(kernel, suite)] = column(suite, kernel, files, Path(name))
    text = "\n".join(page(table)) + "\n"
    print(text)
    if args.out:
        args.out.write_text(text, "utf-8")
    sys.exit(0 if all(cell.said != "failed" for found in table.values() for cell in found.values()) else 1)


if __name__ == "__main__":
    main()
