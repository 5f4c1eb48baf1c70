"""Lab guests under several generations of QEMU: what is said of each, how sure, and which evidence was not there.

    tools/matrix [--guests idle,busy,...] [--suites bullseye,trixie] [--for 3] [--out docs/matrix.md]

QEMU of the other generations is unpacked from Debian's suites into the lab's cache; nothing is installed. Needs root.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from crazytrain import lab
from crazytrain.cli.places import lab_cache_dir
from crazytrain.lab.generations import qemu_of
from crazytrain.lab.machine import find_qemu, kvm_trouble
from crazytrain.model.errors import CrazytrainError
from crazytrain.model.evidence import Evidence
from crazytrain.store import load

GUESTS = (
    *("idle", "busy", "hlt-idle", "user-spin", "rtc-storm", "panic-spin", "pio-poll", "mmio-poll", "msr-storm"),
    *("pit-storm", "pit-storm-qemu", "apic-timer-storm", "jmp-spin", "jmp-spin-irq", "reboot-loop", "no-boot"),
    "kvmclock-jump",
)
LONGER = {"reboot-loop": 8.0}  # where KVM emulates, one start takes seconds
LOOKS = 2  # a second one where the first did not say what is expected: told, not hidden
# True of any generation.
USUAL = ("not asked for", "the guest runs on tcg", "the guest does not run on KVM", "nothing burns")


class Generation(msgspec.Struct, frozen=True):
    """One QEMU: its version for people, and its program (``None``: this host's)."""

    version: str
    program: Path | None


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """What one look said of one guest: ``tries`` looks were taken, ``lacking`` is the evidence that was not there."""

    said: str
    right: bool
    confidence: float = 0.0
    tries: int = 0
    lacking: tuple[str, ...] = ()


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def generations(suites: Sequence[str], folder: Path) -> list[Generation]:
    programs = [qemu_of(suite, lab_cache_dir(), say) for suite in suites]
    found = [(find_qemu(folder, program).version, program) for program in (None, *programs)]
    return [Generation(".".join(map(str, version)), program) for version, program in sorted(found, key=lambda x: x[0])]


def look(guest: lab.Running, beside: lab.Running, seconds: float, out: Path) -> Cell:
    kind = lab.find_guest(guest.guest)
    for tries in range(1, LOOKS + 1):
        command = (sys.executable, "-m", "crazytrain", "why", str(guest.pid), "--against", str(beside.pid))
        options = ("--for", str(LONGER.get(guest.guest, seconds)), "--json", "--quiet", "--out", str(out))
        done = subprocess.run((*command, *options), capture_output=True, text=True, check=False)
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no word"])[-1]
            return Cell(said=f"exit code {done.returncode}: {last}", right=False, tries=tries)
        report = json.loads(done.stdout)
        verdict = report["verdict"]
        right = (verdict["family"], verdict["cause"]) == (kind.family, kind.cause)
        if right:
            break
    evidence = load(out / report["case"]).evidence
    return Cell(
        said=verdict["cause"] or "unknown",
        right=right,
        confidence=verdict["confidence"],
        tries=tries,
        lacking=tuple(sorted(set(lacking(evidence)))),
    )


def lacking(evidence: Sequence[Evidence]) -> Iterator[str]:
    """Evidence with another outcome than ok, and questions to the monitor that this QEMU does not know."""
    for one in evidence:
        if one.outcome.value != "ok" and not one.detail.startswith(USUAL):
            name = re.sub(r"[.]\d+$", "", one.id)
            yield f"{name}: {one.outcome.value} ({masked(one.detail)})"
        yield from unknown_questions(one.data)


def unknown_questions(data: bytes) -> Iterator[str]:
    for line in data.splitlines():
        if not line.startswith(b'{"execute"'):
            continue
        try:
            answer = json.loads(line)
        except ValueError:
            continue
        asked = answer.get("arguments", {}).get("command-line") or answer["execute"]
        said = answer.get("error", {}).get("desc") or answer.get("return")
        if isinstance(said, str) and re.match(r"unknown command|The command \S+ has not been found", said):
            yield f"monitor: does not know `{asked}`"


def masked(text: str) -> str:
    return re.sub(r"\d+", "N", text.strip().splitlines()[-1][:90]) if text.strip() else ""


def column(generation: Generation, guests: Sequence[str], seconds: float, folder: Path) -> Iterator[tuple[str, Cell]]:
    state = folder / generation.version
    try:
        beside = started("idle", "beside", generation, state)
        for name in guests:
            yield name, cell(name, beside, generation, seconds, state)
    finally:
        lab.stop_all(state_dir=state, tell=lambda _: None)


def cell(name: str, beside: lab.Running, generation: Generation, seconds: float, state: Path) -> Cell:
    if lab.find_guest(name).needs_kvm and kvm_trouble():
        return Cell(said="needs KVM", right=True)
    try:
        guest = started(name, name, generation, state)
    except CrazytrainError as error:
        return Cell(said=f"did not start: {error.message.splitlines()[0]}", right=False)
    try:
        found = look(guest, beside, seconds, state / "cases-of-the-matrix")
    finally:
        lab.stop(guest.name, state_dir=state, tell=lambda _: None)
    say(f"{generation.version:<6} {name:<18} {found.said} {found.confidence:.2f}" + ("" if found.right else "  WRONG"))
    return found


def started(kind: str, name: str, generation: Generation, state: Path) -> lab.Running:
    wish = lab.Wish(name=name, qemu=generation.program)
    return lab.start(kind, state_dir=state, cache_dir=lab_cache_dir(), tell=lambda _: None, wish=wish)


def page(versions: Sequence[str], table: dict[str, dict[str, Cell]]) -> Iterator[str]:
    names = list(table[versions[0]])
    yield "# Lab guests under several generations of QEMU"
    yield ""
    yield "Made by `make matrix`: one look at each guest beside a healthy one of the same QEMU, all else equal: host, guests, kernel."
    yield "Linux guests run under TCG, boot sectors and bare firmware under KVM. **Bold** is not what was expected; `x2`: the second look said it."
    yield ""
    yield "| guest | " + " | ".join(f"QEMU {version}" for version in versions) + " |"
    yield "|---" * (len(versions) + 1) + "|"
    for name in names:
        yield f"| {name} | " + " | ".join(written(table[version][name]) for version in versions) + " |"
    yield ""
    yield "## Evidence that was not there"
    yield ""
    yield "How many of the guests' looks lacked it. Left out is what holds for any generation: no kvmclock under TCG, no profile of"
    yield "threads that do not burn, and what was not asked for."
    yield ""
    yield "| evidence | " + " | ".join(f"QEMU {version}" for version in versions) + " |"
    yield "|---" * (len(versions) + 1) + "|"
    counts = {v: Counter(what for one in table[v].values() for what in one.lacking) for v in versions}
    for what in sorted({what for counted in counts.values() for what in counted}):
        yield f"| {what} | " + " | ".join(str(counts[v][what] or "") for v in versions) + " |"


def written(one: Cell) -> str:
    text = f"{one.said} {one.confidence:.2f}" if one.confidence else one.said
    text = text if one.right else f"**{text}**"
    return f"{text} x{one.tries}" if one.tries > 1 else text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--guests", default=",".join(GUESTS))
    parser.add_argument("--suites", default="bullseye,trixie")
    parser.add_argument("--for", dest="seconds", type=float, default=4.0)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ct-matrix-") as name:
        folder = Path(name)
        found = generations(args.suites.split(","), folder)
        guests = args.guests.split(",")
        table = {one.version: dict(column(one, guests, args.seconds, folder)) for one in found}
    text = "\n".join(page([one.version for one in found], table)) + "\n"
    print(text)
    if args.out:
        args.out.write_text(text, "utf-8")
    sys.exit(0 if all(one.right for column_ in table.values() for one in column_.values()) else 1)


if __name__ == "__main__":
    main()
