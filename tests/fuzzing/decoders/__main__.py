"""Fuzz the decoders with atheris, each target in a process of its own.

Prints a table; the exit code is 1 where something was found: each finding is kept as a file, with how to repeat it beside.
"""

import argparse
import contextlib
import io
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:  # imported at run time once atheris looks on
    from tests.fuzzing.decoders.run import Ran

NO_ATHERIS = "fuzz-decoders: needs atheris (Linux on x86_64, Python 3.11 to 3.13): tools/setup dev installs it"
_ROOMS = ["crazytrain.decode", "crazytrain.derive", "crazytrain.model"]
_TOLD_EVERY_S = 1.0


def main(words: Sequence[str] | None = None) -> int:
    """Read the words."""
    parser = argparse.ArgumentParser(prog="tools/fuzz-decoders", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0, help="of CPU time for each target (%(default)s)")
    parser.add_argument(
        "--runs", type=int, help="at most so many inputs for each target; looks for no growth then, and can be repeated"
    )
    parser.add_argument("--only", action="append", metavar="NAME", help="this target; may be given again")
    parser.add_argument("--jobs", type=int, default=1, help="so many side by side (%(default)s)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--list", action="store_true", help="say what can be fuzzed")
    parser.add_argument(
        "--keep", type=Path, metavar="DIR", help="keep inputs there, and go on from those that are there"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="append what came of each target, a line each")
    parser.add_argument("--repeat", type=Path, metavar="FILE", help="feed one file to the target that --only names")
    asked = parser.parse_args(words)
    if asked.repeat:
        return _repeat(asked.repeat, asked.only or [])
    if asked.list:
        return _list()
    try:
        import atheris  # noqa: PLC0415 - an optional tool
    except ImportError:
        print(NO_ATHERIS, file=sys.stderr)
        return 69
    print("reading and instrumenting the code ...", file=sys.stderr)
    with _folder(asked.keep) as folder, _seeding(folder) as seeding:
        with contextlib.redirect_stderr(io.StringIO()), atheris.instrument_imports(include=_ROOMS):
            import tests.fuzzing.decoders.run  # noqa: F401, PLC0415 - what is imported here is instrumented
        if seeding.wait():
            return 70
        return _fuzz(asked, folder)


def _list() -> int:
    from tests.fuzzing.decoders.targets import targets  # noqa: PLC0415 - must not be imported before atheris looks on

    for target in targets():
        print(f"{target.name:32} {target.about}")
    return 0


def _repeat(file: Path, names: Sequence[str]) -> int:
    from tests.fuzzing.decoders.judge import judge  # noqa: PLC0415 - as above
    from tests.fuzzing.decoders.targets import is_declared, targets  # noqa: PLC0415 - as above

    data = file.read_bytes()
    for target in (one for one in targets() if one.name in names):
        began_s = time.thread_time()
        try:
            judge(target.feed(data), len(data))
        except Exception as error:
            if not is_declared(error):
                raise
            print(f"{target.name}: {error}")
        print(f"{target.name}: {time.thread_time() - began_s:.2f} s of CPU time for {len(data)} bytes")
    return 0


def _fuzz(asked: argparse.Namespace, folder: Path) -> int:
    from tests.fuzzing.decoders.run import UNCOUNTED, Wanted, run  # noqa: PLC0415 - as above
    from tests.fuzzing.decoders.targets import targets  # noqa: PLC0415 - as above

    chosen = [one for one in targets() if not asked.only or one.name in asked.only]
    if not chosen:
        print("fuzz-decoders: no such target; see --list", file=sys.stderr)
        return 65
    found, began_s = 0, time.time() - 1
    most = UNCOUNTED if asked.runs is None else asked.runs
    wanted = Wanted(seconds=asked.seconds, most=most, seed=asked.seed, folder=folder, jobs=asked.jobs)
    print(f"{len(chosen)} targets, {asked.seconds:g} s of CPU time each; findings in {folder}", file=sys.stderr)
    print(_row("target", "executions", "seconds", "covered", "new", "memory", "slowest", "findings"))
    try:
        for ran in run(chosen, wanted, _Progress()):
            found += ran.findings
            print(f"\r\x1b[K{_of(ran)}" if sys.stderr.isatty() else _of(ran), flush=True)
            if asked.json:
                with asked.json.open("ab") as file:
                    file.write(msgspec.json.encode(ran) + b"\n")
    except KeyboardInterrupt:
        print("\nstopped; what was found until now is kept", file=sys.stderr)
        return 130
    for words in sorted(path for path in folder.glob("*.txt") if path.stat().st_mtime >= began_s):
        print(f"\n{words.read_text(errors='replace')}")
    return 1 if found else 0


@contextlib.contextmanager
def _seeding(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that writes the seeds of all targets."""
    with subprocess.Popen([sys.executable, "-m", "tests.fuzzing.decoders.seeds", str(folder)]) as process:
        try:
            yield process
        finally:
            process.kill()


@contextlib.contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    """Where to work; a folder of our own is left only where something was found in it."""
    if keep:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep
        return
    folder = Path(tempfile.mkdtemp(prefix="fuzz-decoders-"))
    try:
        yield folder
    finally:
        if not any(path.is_file() for path in folder.iterdir()):
            shutil.rmtree(folder)


class _Progress:
    """Tells a person at a terminal what runs."""

    def __init__(self) -> None:
        self._told_s = 0.0

    def __call__(self, running: Sequence["Ran"], waiting: int) -> None:
        now_s = time.monotonic()
        if not sys.stderr.isatty() or now_s - self._told_s < _TOLD_EVERY_S:
            return
        self._told_s = now_s
        said = ", ".join(f"{one.name} {one.seconds:.0f} s {one.executions} inputs" for one in running)
        sys.stderr.write(f"\r\x1b[K{said}; {waiting} wait")
        sys.stderr.flush()


def _of(ran: "Ran") -> str:
    before, after = ran.covered
    said = f"{ran.findings}" + (f" ({ran.ended})" if ran.ended else "")
    return _row(
        ran.name,
        f"{ran.executions}",
        f"{ran.seconds:.1f}",
        f"{after}",
        f"{after - before}",
        f"{ran.largest_rss_mib} MiB",
        f"{ran.slowest_s:.2f} s",
        said,
    )


def _row(*columns: str) -> str:
    name, *rest = columns
    return f"{name:36}" + "".join(f"{column:>12}" for column in rest)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())
