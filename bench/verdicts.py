"""Each lab guest looked at again and again while the other core is loaded: what was said, as a confusion matrix.

    python -m bench.verdicts [--runs 10] [--for 5] [--guests idle,busy,...] [--no-load] [--json FILE]

A run is a whole `crazytrain why --json` as a user calls it, beside a healthy guest.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from crazytrain import lab
from crazytrain.cli.places import lab_cache_dir


def silent(_line: str) -> None:
    """Hear nothing."""


@contextlib.contextmanager
def loaded(processes: int) -> Iterator[None]:
    """Keep some CPUs busy."""
    hogs = [subprocess.Popen((sys.executable, "-c", "while True: pass")) for _ in range(processes)]
    try:
        yield
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()


def one(guest: lab.Running, beside: lab.Running, seconds: float, out: Path) -> tuple[str, float, float]:
    """One look: the cause said, its confidence, and how long it took."""
    begin = time.monotonic()
    command = (sys.executable, "-m", "crazytrain", "why", str(guest.pid), "--against", str(beside.pid))
    done = subprocess.run(
        (*command, "--for", str(seconds), "--json", "--quiet", "--out", str(out)),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        return f"exit code {done.returncode}: {done.stderr.strip()[-200:]}", 0.0, time.monotonic() - begin
    verdict = json.loads(done.stdout)["verdict"]
    return f"{verdict['family']}/{verdict['cause']}", verdict["confidence"], time.monotonic() - begin


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--for", dest="seconds", type=float, default=5.0)
    parser.add_argument("--guests", default=",".join(g.name for g in lab.GUESTS))
    parser.add_argument("--no-load", action="store_true")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory(prefix="ct-bench-") as folder, loaded(0 if args.no_load else os.cpu_count() or 1):
        state = Path(folder, "lab")
        try:
            beside = lab.start(
                "idle", state_dir=state, cache_dir=lab_cache_dir(), tell=silent, wish=lab.Wish(name="beside")
            )
            for name in args.guests.split(","):
                kind = lab.find_guest(name)
                guest = lab.start(name, state_dir=state, cache_dir=lab_cache_dir(), tell=silent)
                seen = [one(guest, beside, args.seconds, Path(folder, "cases")) for _ in range(args.runs)]
                lab.stop(guest.name, state_dir=state, tell=silent)
                expected = f"{kind.family}/{kind.cause}"
                right = sum(said == expected for said, _, _ in seen)
                least = min((sure for said, sure, _ in seen if said == expected), default=0.0)
                rows.append(
                    {
                        "guest": name,
                        "expected": expected,
                        "right": right,
                        "runs": args.runs,
                        "said": Counter(s for s, _, _ in seen),
                        "sure": [(said, sure) for said, sure, _ in seen],
                    }
                )
                others = ", ".join(f"{s} x{n}" for s, n in rows[-1]["said"].items() if s != expected)
                longest = max(took for _, _, took in seen)
                print(
                    f"{name:<16} {right:>3} of {args.runs}  {expected:<36} least sure {least:.2f}, longest {longest:.1f} s  {others}",
                    flush=True,
                )
        finally:
            lab.stop_all(state_dir=state, tell=silent)
    if args.json:
        args.json.write_text(json.dumps(rows, indent=2))
    sys.exit(0 if all(row["right"] == row["runs"] for row in rows) else 1)


if __name__ == "__main__":
    main()
