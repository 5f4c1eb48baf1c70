"""A guest's clock shown for real: by its agent, its memory, its console, by libvirt, by QEMU, and by the pages that KVM writes."""

import base64
import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from crazytrain.model.clock_report import ClockReport
from crazytrain.report.clock_text import clock_lines
from tests.agent_guest import boot_files
from tests.cage import Cage, caged
from tests.support import skip_real
from tests.tiny import until

pytestmark = pytest.mark.real

OURS = (sys.executable, "-m", "crazytrain")
SYSFS = "/sys/devices/system/clocksource/clocksource0/current_clocksource"
CLOCK = """<clock offset='utc'><timer name='rtc' tickpolicy='catchup'/><timer name='pit' tickpolicy='delay'/></clock>"""
# Asks KVM for a clock page at 0x8000, as a kernel does, and waits.
PAGE = """cli
xor ax, ax
mov ds, ax
mov ecx, 0x4b564d01
mov eax, 0x8001
xor edx, edx
wrmsr
l: sti
hlt
jmp l"""
QUICK = ("--for", "0.5")


class Shown(msgspec.Struct, frozen=True):
    """A Linux guest of libvirt's with an agent, under TCG, and crazytrain beside it."""

    cage: Cage
    console: Path

    def said(self, *words: str, user: bool = False) -> str:
        state = str(self.cage.base / ("users" if user else "state"))
        Path(state).mkdir(mode=0o777, exist_ok=True)
        Path(state).chmod(0o777)
        done = self.cage.tried(*OURS, *words, user=user, limit_s=180, CRAZYTRAIN_STATE=state, HOME=state, COLUMNS="160")
        assert done.returncode == 0, f"{words}: {done.stdout}\n{done.stderr}"
        return done.stdout

    def clock(self, *words: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.said("clock", "shown", *words, "--json"))
        return found

    def agent(self, name: str, **arguments: object) -> Any:
        asked = {"execute": name, "arguments": arguments} if arguments else {"execute": name}
        return json.loads(self.cage.virsh("qemu-agent-command", "shown", json.dumps(asked)))["return"]

    def answers(self) -> bool:
        asked = json.dumps({"execute": "guest-ping"})
        done = self.cage.tried("virsh", "-q", "-c", "qemu:///system", "qemu-agent-command", "shown", asked)
        return done.returncode == 0

    def write(self, path: str, data: bytes) -> None:
        """Write a file of the guest, by libvirt alone."""
        handle = self.agent("guest-file-open", path=path, mode="r+")
        self.agent("guest-file-write", **{"handle": handle, "buf-b64": base64.b64encode(data).decode()})
        self.agent("guest-file-close", handle=handle)

    def console_says(self, words: str) -> bool:
        return words in self.console.read_text(errors="replace")


# tsc=reliable: on a machine that is busy an emulated TSC seems unstable, and the guest would change its clocksource by itself.
@pytest.fixture(scope="module")
def guest() -> Iterator[Shown]:
    with caged() as cage:
        found = Shown(cage, cage.base / "shown.log")
        xml = boot_files(cage.base).domain("shown", found.console, cmdline="loglevel=7 tsc=reliable")
        (cage.base / "shown.xml").write_text(xml.replace("<features>", f"{CLOCK}<features>"))
        cage.virsh("define", str(cage.base / "shown.xml"))
        cage.virsh("start", "shown")
        until(found.answers, "the agent answers")
        until(lambda: found.console_says("Switched to clocksource tsc\n"), "it has settled on the TSC")
        yield found


@pytest.fixture(scope="module")
def report(guest: Shown) -> dict[str, Any]:
    """As it is before anything was changed."""
    return guest.clock("--for", "2")


def test_every_way_says_the_same_of_a_running_guest(guest: Shown, report: dict[str, Any]) -> None:
    assert [one["by"] for one in report["state"]["sources"]] == ["its agent", "its memory", "its console"]
    assert {one["clocksource"] for one in report["state"]["sources"]} == {"tsc"}
    offered = guest.agent("guest-file-open", path=SYSFS.replace("current", "available"), mode="r")
    words = base64.b64decode(guest.agent("guest-file-read", handle=offered)["buf-b64"]).decode().split()
    assert report["agent"]["available"] == words
    assert report["state"]["accelerator"] == "tcg"
    assert (report["state"]["system"], report["state"]["system_by"]) == ("linux", "its agent")
    assert abs(report["rtc"]["ahead_s"]) < 60
    assert report["agent"]["moments"][-1]["before_ns"] - report["agent"]["moments"][0]["before_ns"] >= 10**9
    assert {"tcg-no-kvm-clock"} <= {one["slug"] for one in report["fit"]["remarks"]}
    assert report["host"]["clocksource"] == Path(SYSFS).read_text().strip()


def test_the_xml_and_the_command_line_that_came_of_it(guest: Shown, report: dict[str, Any]) -> None:
    live, kept = report["xml"]
    assert (live["place"], kept["place"], report["pending"]) == ("live", "persistent", [])
    assert live["section"][0] == "<clock offset='utc'>"
    pid = (guest.cage.base / "run" / "qemu" / "shown.pid").read_text()
    line = Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    said = [one["words"] for one in report["argv"]["options"] if one["words"]]
    assert said
    assert all(one.partition(" ")[2].removeprefix("…,") in line for one in said)
    assert "not-as-written" not in {one["slug"] for one in report["fit"]["misfits"]}
    assert report["traits"]["hpet"] is True, "as its monitor says, and as the default was told"
    assert next(one for one in report["argv"]["options"] if one["name"] == "hpet")["default_of"].startswith("pc-q35")


def test_a_clocksource_that_was_switched_and_a_definition_that_was_changed(guest: Shown) -> None:
    guest.write(SYSFS, b"acpi_pm\n")
    until(lambda: guest.console_says("Switched to clocksource acpi_pm"), "its kernel says so itself")
    xml = guest.cage.virsh("dumpxml", "--inactive", "shown")
    later = guest.cage.base / "later.xml"
    later.write_text(xml.replace("<timer name='pit'", "<timer name='hpet' present='no'/><timer name='pit'"))
    guest.cage.virsh("define", str(later))
    report = guest.clock(*QUICK)
    assert {one["clocksource"] for one in report["state"]["sources"]} == {"acpi_pm"}
    assert report["pending"] == [{"what": "timer hpet, present", "live": "not said", "persistent": "no"}]
    told = "\n".join(line.text for line in clock_lines(msgspec.convert(report, ClockReport)))
    assert "keeps time by acpi_pm" in told
    assert "differs    timer hpet, present: not said now, no then" in told
    story = json.loads(guest.said("why", "shown", "--json", "--for", "1", "--cost", "reads"))
    assert any("the persistent XML differs" in one["says"] for one in story["story"])
    assert [one["outcome"] for one in story["evidence"] if one["id"] == "clock-setup"] == ["ok"]
    assert "broke" not in {one["outcome"] for one in story["evidence"]}


def test_only_its_console_is_left(guest: Shown) -> None:
    report = guest.clock(*QUICK, "--no-agent", "--no-memory", "--no-monitor")
    assert [(one["by"], one["clocksource"]) for one in report["state"]["sources"]] == [("its console", "acpi_pm")]
    assert "Switched to clocksource acpi_pm" in report["state"]["sources"][0]["line"]
    assert {one["what"] for one in report["missing"]} >= {"its agent", "its memory", "its RTC"}


def test_an_agent_that_hangs_and_a_guest_that_is_paused_are_told(guest: Shown) -> None:
    guest.cage.virsh("suspend", "shown")
    try:
        report = guest.clock(*QUICK)
    finally:
        guest.cage.virsh("resume", "shown")
    assert report["status"] == "paused"
    assert "not running" in next(one["why"] for one in report["missing"] if one["what"] == "its agent")
    assert report["state"]["sources"][0]["by"] == "its memory"


def test_who_may_not_read_memory_is_told(guest: Shown) -> None:
    report = json.loads(guest.said("clock", "shown", *QUICK, "--json", user=True))
    assert report["state"]["sources"][0]["by"] == "its agent", "he is in libvirt's group"
    assert any(one["what"] == "its memory" and "CAP_SYS_PTRACE" in one["why"] for one in report["missing"])


def test_the_page_that_kvm_writes(guest: Shown) -> None:
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        skip_real("no /dev/kvm: only KVM writes such a page")
    guest.cage.start("paged", PAGE)
    try:
        told = ""

        def seen() -> bool:
            nonlocal told
            told = guest.said("clock", "paged", *QUICK)
            return "page at 0x8000" in told

        until(seen, "its boot sector has asked for the page")
        assert re.search(r"kvmclock   page at 0x8000: [\d.]+ (?:ms|s) at TSC [\d,]+, [\d,.]+ MHz, TSC", told)
        assert "paged (pid " in told
        assert "KVM, pc" in told
        assert "there is no persistent definition" in told, "it is transient"
        assert "kvm-clock on (KVM)" in told
        assert "time is wrong" not in told
    finally:
        guest.cage.virsh("destroy", "paged")
