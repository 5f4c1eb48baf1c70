"""Guests whose trouble comes from the host's side, really running: the evidence that decides, and nothing left of them.

Each is started, looked at once and stopped here; what the lab did beside QEMU is gone afterwards.
"""

import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from crazytrain import lab
from crazytrain.lab.actions import PropActions
from crazytrain.lab.monitor import Monitor
from crazytrain.lab.process import is_alive
from crazytrain.lab.props.mounts import mounts_below
from crazytrain.model.errors import CrazytrainError
from tests.support import skip_real
from tests.whole.conftest import Run, report_of, silent

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]

SECONDS = "2"
LOOKS = 3  # a look at a guest that hardly gets a CPU may come back without what decides

# guest: which evidence decides, and what is read in it
DECIDES = {
    "blocked-io": (
        ("waits", r"main loop .* has been inside openat of .*/boot\.img for at least .*(FUSE|request_wait_answer)"),
        ("waits", r"holds QEMU's big lock, for which vCPU 0 waits"),
        ("qmp", r"the monitor does not answer"),
    ),
    "storage-stall": (("waits", r"worker .* has been inside pread64 of .*boot\.img\) for at least"),),
    "enospc": (
        ("qmp", r"QEMU's status is io-error"),
        ("qmp", r"names the device in trouble: ide0-hd0: nospace"),
        ("storage", r"small \(tmpfs\), which is full: 0 B free of 8 MiB"),
    ),
    "monitor-hung": (("qmp", r"the monitor timed out"), ("tasks", r"[5-9] of its threads are in state T, stopped")),
    "cpu-starved": (("cgroup", r"may take 0\.1 of a CPU, ran out of that in \d+ % of its periods"),),
    "usb-polling": (("devices", r"usb-tablet hangs on piix3-usb-uhci"), ("bpf", r"the main loop turned [\d,]{3,}/s")),
    "vnc-load": (("tasks", r"the screen's threads wanted \d+ % of a CPU"), ("qmp", r"1 client")),
    "dead-client": (
        ("bpf", r"was ready \(POLLHUP\) in \d+ % of the [\d,]{5,}/s turns of the main loop, .*calls on it failed"),
        ("tasks", r"the main loop wanted \d+ % of a CPU"),
    ),
    "net-flood": (("bpf", r"the main loop took [\d,]{5,}/s packets from the network"),),
    "disk-heavy": (("qmp", r"disk ide0-hd0: [\d,.]+/s requests, \d+ MiB/s over all disks"),),
    "paused": (("qmp", r"QEMU's status is paused"),),
    "frozen": (("cgroup", r"control group /.* is frozen, and all its threads are in it"),),
    "iothread-poll": (
        ("tasks", r"the iothread io0 wanted \d+ % of a CPU"),
        ("qmp", r"it may poll for 1 s before it sleeps"),
    ),
    "postcopy": (("waits", r"vCPU 0 .* has been inside ioctl of vCPU 0 for at least .*handle_userfault"),),
    "migrating": (("qmp", r"a migration is active, .* to go"),),
}
ACTED = {"usb-polling": 0, "disk-heavy": 0, "iothread-poll": 0}  # nothing is done beside these


@pytest.fixture(scope="module", params=DECIDES)
def guest(
    request: pytest.FixtureRequest, start: Callable[[str, str], lab.Running], state_dir: Path
) -> Iterator[lab.Running]:
    for prop in lab.find_guest(request.param).props:
        try:
            prop.check()
        except CrazytrainError as error:
            skip_real(str(error))
    running = start(request.param, f"{request.param}-{os.getpid()}")
    group = running.folder / "cgroup"
    made = Path(group.read_text()) if group.exists() else None
    yield running
    lab.stop(running.name, state_dir=state_dir, tell=silent)
    assert running.process is not None
    assert not is_alive(running.process)
    assert processes_of(running.folder) == []
    assert mounts_below(running.folder) == []
    assert made is None or not made.exists()
    assert not running.folder.exists()


def processes_of(folder: Path) -> list[str]:
    """Processes that name the folder on their command line, or that work in it."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words, cwd = (entry / "cmdline").read_bytes(), (entry / "cwd").readlink()
        except OSError:
            continue
        if os.fsencode(folder) + b"/" in words or cwd.is_relative_to(folder):
            found.append(f"{entry.name} {words!r}")
    return found


def look(guest: lab.Running, crazytrain: Run) -> dict[str, object]:
    done = crazytrain("why", str(guest.pid), "--against", "none", "--for", SECONDS, "--json", "--quiet")
    report = report_of(done)
    assert '"broke"' not in json.dumps(report["evidence"]), report["evidence"]
    return report


def lacking(guest: lab.Running, report: dict[str, object]) -> list[str]:
    """Which of the facts that decide are not told with their evidence."""
    findings = report["findings"]
    assert isinstance(findings, list)
    (finding,) = [f for f in findings if f["cause"] == lab.find_guest(guest.guest).cause]
    return [
        pattern
        for source, pattern in DECIDES[guest.guest]
        if not any(
            re.search(pattern, point["fact"]) and any(ref.startswith(source) for ref in point["evidence"])
            for point in finding["because"]
        )
    ]


def test_the_evidence_that_decides_is_there(guest: lab.Running, crazytrain: Run) -> None:
    kind = lab.find_guest(guest.guest)
    for _ in range(LOOKS):
        report = look(guest, crazytrain)
        if not lacking(guest, report):
            break
    verdict = report["verdict"]
    assert isinstance(verdict, dict)
    said = f"{verdict['cause']} {verdict['confidence']}: {verdict['headline']}\n{report['story']}"
    assert (verdict["family"], verdict["cause"]) == (kind.family, kind.cause), said
    assert verdict["confidence"] >= 0.5, said
    assert lacking(guest, report) == [], report["findings"]


def test_what_the_lab_did_is_on_record(guest: lab.Running) -> None:
    if ACTED.get(guest.guest) == 0:
        assert not guest.actions.exists()
        return
    did = msgspec.json.decode(guest.actions.read_bytes(), type=PropActions)
    assert did.actions
    assert guest.guest in did.on_purpose


def test_looking_does_not_block_a_guest_that_waits_for_others(guest: lab.Running) -> None:
    """To ask QEMU for its disks makes its main loop ask the storage, too, and to ask for registers makes it wait for the vCPU, and so
    for the page that the vCPU waits for: whoever looks must not do that to it.
    """
    if guest.guest not in ("storage-stall", "postcopy"):
        return
    with Monitor(guest.qmp_socket) as monitor:
        assert monitor.status() == "running"


def test_guests_that_only_work_hard_make_progress(guest: lab.Running) -> None:
    if lab.find_guest(guest.guest).progress is None:
        return
    first, second = lab.mark_progress(guest), lab.mark_progress(guest)
    assert second.per_s_since(first) > 0
