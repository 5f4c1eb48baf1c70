"""Guests of boot sectors and firmware, really running: the evidence that decides, and no other name for it.

One look at each, a second one under load at a few. Each is started, counted, looked at and stopped here.
"""

import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from crazytrain import lab
from crazytrain.lab.machine import kvm_trouble
from crazytrain.lab.process import is_alive
from tests.support import skip_real
from tests.whole.conftest import Run, report_of, silent
from tests.whole.test_verdicts import load

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]

# guest: which evidence decides, and what is read in it
DECIDES = {
    "hlt-idle": (("vcpus", r"each vCPU was halted in at least (?:9\d|100) %"),),
    "no-boot": (
        ("vcpus", r"halted in (?:[89]\d|100) % of the samples, in the firmware, able to wake"),
        ("console", r"the firmware said: No bootable device"),
    ),
    "mmio-poll": (("bpf", r"[\d,]{5,}/s reads of page 0xf\w+, .*e1000.*: (?:9\d|100) % of all MMIO"),),
    "msr-storm": (("bpf", r"[\d,]{5,}/s reads of x2APIC timer current count \(0x839\)"),),
    "pit-storm": (("tasks", r"kvm-pit/\d+ took .* woke [\d,]{4,}/s: once for each tick"),),
    "pit-storm-qemu": (("qmp", r"IRQ 0 \(the PIT or HPET\) fired [\d,]{4,}/s"),),
    "apic-timer-storm": (("bpf", r"TSC_DEADLINE was written [\d,]{5,}/s: [345]\d % of all MSR accesses"),),
    "jmp-spin": (("vcpus", r"an instruction that jumps to itself, with interrupts off"),),
    "jmp-spin-irq": (("vcpus", r"an instruction that jumps to itself; interrupts come, and return to it"),),
    "halted-dead": (
        ("vcpus", r"all vCPUs were halted in at least 100 % of the samples, with interrupts off in 100 %"),
    ),
    "triple-fault": (
        ("vcpus", r"its table of interrupts has no room for a handler of any error, .*-no-reboot"),
        ("qmp", r"QEMU says that the guest is shutdown"),
    ),
    "emulation-failure": (
        ("qmp", r"QEMU's status is internal-error"),
        ("qemu-log", r"KVM internal error\. Suberror: 1"),
    ),
    "interrupt-storm": (("bpf", r"the guest ended [\d,]{5,}/s interrupts of the lines 8 to 15 \(port 0x20\)"),),
    "reboot-loop": (("bpf", r"the vCPU shut down by a triple fault \d+ times?"),),
}
UNDER_LOAD = {"hlt-idle", "pit-storm-qemu", "apic-timer-storm", "interrupt-storm"}
BESIDE = {
    "cpu-contention",
    "nested-starvation",
    "misread",
    "software-emulation",
}  # may be true of any guest on this host
SECONDS = 2.0
LOOKS = 3  # a look at a guest that hardly gets a CPU may come back without what decides


@pytest.fixture(scope="module", params=DECIDES)
def guest(
    request: pytest.FixtureRequest, start: Callable[[str, str], lab.Running], state_dir: Path
) -> Iterator[lab.Running]:
    if trouble := kvm_trouble():
        skip_real(trouble)
    running = start(request.param, f"{request.param}-{os.getpid()}")
    yield running
    assert running.process is not None
    lab.stop(running.name, state_dir=state_dir, tell=silent)
    assert not is_alive(running.process)
    assert not running.folder.exists()


def look(guest: lab.Running, healthy: lab.Running, crazytrain: Run, seconds: float = SECONDS) -> dict[str, object]:
    window = f"{seconds:.1f}"
    done = crazytrain("why", str(guest.pid), "--against", str(healthy.pid), "--for", window, "--json", "--quiet")
    return report_of(done)


def found(report: dict[str, object]) -> dict[str, dict[str, object]]:
    """What was found and explains something by itself, by cause."""
    findings = report["findings"]
    assert isinstance(findings, list)
    return {f["cause"]: f for f in findings if f["verdict"] == "found" and not f["folded_into"]}


def check_verdict(guest: lab.Running, report: dict[str, object]) -> None:
    kind, verdict = lab.find_guest(guest.guest), report["verdict"]
    assert isinstance(verdict, dict)
    said = f"{verdict['cause']} {verdict['confidence']}: {verdict['headline']}\n{report['story']}"
    assert (verdict["family"], verdict["cause"]) == (kind.family, kind.cause), said
    assert verdict["confidence"] >= 0.5, said
    assert set(found(report)) - BESIDE == {kind.cause}, "called by another name, too"


def seconds_for(guest: lab.Running) -> float:
    """Long enough for some starts of the guest that starts again and again; where KVM emulates, each takes a second or more.

    Exits are counted in a part of the window only: bpftrace takes a second and more to begin.
    """
    if lab.find_guest(guest.guest).progress is None:
        return SECONDS
    first, second = lab.mark_progress(guest), lab.mark_progress(guest)
    per_s = second.per_s_since(first)
    assert per_s > 0
    return max(5.0, 4 / per_s) if guest.guest == "reboot-loop" else SECONDS


def lacking(guest: lab.Running, report: dict[str, object]) -> list[str]:
    """Which of the facts that decide are not told, or not with their evidence."""
    seen, finding = report["evidence"], found(report).get(lab.find_guest(guest.guest).cause, {})
    assert isinstance(seen, list)
    usable = {e["id"] for e in seen if e["outcome"] in ("ok", "truncated")}
    because = finding.get("because", [])
    assert isinstance(because, list)
    return [
        pattern
        for source, pattern in DECIDES[guest.guest]
        if not any(
            re.search(pattern, point["fact"]) and any(ref.startswith(source) for ref in point["evidence"])
            for point in because
            if {ref.split(":")[0] for ref in point["evidence"]} <= usable
        )
    ]


def test_the_evidence_that_decides_is_there(guest: lab.Running, healthy: lab.Running, crazytrain: Run) -> None:
    seconds = seconds_for(guest)
    for _ in range(LOOKS):
        report = look(guest, healthy, crazytrain, seconds)
        assert '"broke"' not in json.dumps(report["evidence"]), report["evidence"]
        if not lacking(guest, report):
            break
    check_verdict(guest, report)
    assert lacking(guest, report) == [], found(report)


def test_it_keeps_its_name_on_a_loaded_host(guest: lab.Running, healthy: lab.Running, crazytrain: Run) -> None:
    if guest.guest not in UNDER_LOAD:
        return
    with load():
        check_verdict(guest, look(guest, healthy, crazytrain))
