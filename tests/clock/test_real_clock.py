"""A guest's clock changed for real: by libvirtd, by the agent of a Linux guest, and by killing who changes it."""

import base64
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.agent_guest import boot_files
from tests.cage import STRANGER, Cage, caged
from tests.clock.grub_made import BOOTED, MKCONFIG, SETTINGS, UPDATE
from tests.tiny import until

pytestmark = pytest.mark.real

OURS = (sys.executable, "-m", "crazytrain", "clock")
CASE = (sys.executable, "-m", "crazytrain", "case")
SYSFS = "/sys/devices/system/clocksource/clocksource0/current_clocksource"
NAME = "clocked"
# A definition with all that a careless change would lose.
MORE = """<title>a &amp; b</title><metadata><x:app xmlns:x="http://x.org/1"><x:v a="1'2">t &lt; u</x:v></x:app></metadata>"""

# Has a channel for an agent and nothing that it could boot.
MUTE = """<domain type='qemu'><name>mute</name><memory unit='MiB'>32</memory><os><type>hvm</type></os>
<devices><channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel></devices></domain>"""


class Clocked(msgspec.Struct, frozen=True):
    """A guest of libvirt's with an agent, and crazytrain beside it."""

    cage: Cage
    console: Path

    def environment(self) -> dict[str, str]:
        state = self.cage.base / "state"
        return {"CRAZYTRAIN_STATE": str(state), "HOME": str(state), "COLUMNS": "200"}

    def ours(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self.cage.tried(*OURS, NAME, *words, user=False, limit_s=180, **self.environment())

    def said(self, *words: str) -> str:
        done = self.ours(*words)
        assert done.returncode == 0, f"{words}: {done.stdout}\n{done.stderr}"
        return done.stdout

    def json(self, *words: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.said(*words, "--json"))
        return found

    def xml(self) -> str:
        return self.cage.virsh("dumpxml", "--inactive", "--security-info", NAME)

    def command_line(self) -> str:
        """Of the QEMU that runs."""
        pid = Path(self.cage.base, "run", "qemu", f"{NAME}.pid").read_text()
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")

    def agent(self, name: str, **arguments: object) -> Any:
        asked = {"execute": name, "arguments": arguments} if arguments else {"execute": name}
        return json.loads(self.cage.virsh("qemu-agent-command", NAME, json.dumps(asked)))["return"]

    def file(self, path: str) -> str:
        """A file of the guest, by libvirt alone."""
        handle = self.agent("guest-file-open", path=path, mode="r")
        read = self.agent("guest-file-read", handle=handle, count=4096)
        self.agent("guest-file-close", handle=handle)
        return base64.b64decode(read["buf-b64"]).decode().strip()

    def shell(self, script: str) -> None:
        """Run a script in the guest, by libvirt alone."""
        given = base64.b64encode(script.encode()).decode()
        pid = self.agent("guest-exec", **{"path": "/bin/sh", "input-data": given, "capture-output": True})["pid"]
        status: dict[str, Any] = {}

        def ended() -> bool:
            status.update(self.agent("guest-exec-status", pid=pid))
            return bool(status["exited"])

        until(ended, "the script ends")
        assert status["exitcode"] == 0, status

    def answers(self) -> bool:
        asked = json.dumps({"execute": "guest-ping"})
        return self.cage.tried("virsh", "-q", "-c", "qemu:///system", "qemu-agent-command", NAME, asked).returncode == 0

    def switched(self) -> list[str]:
        """What its console says that it switched to, in order."""
        return re.findall(r"Switched to clocksource (\S+)", self.console.read_text(errors="replace"))

    def define(self, xml: str) -> None:
        path = self.cage.base / "clocked.xml"
        path.write_text(xml)
        self.cage.virsh("define", str(path))

    def restart(self) -> None:
        self.cage.virsh("destroy", NAME)
        self.cage.virsh("start", NAME)


@pytest.fixture(scope="module")
def guest() -> Iterator[Clocked]:
    with caged() as cage:
        console = cage.base / "clocked.log"
        found = Clocked(cage, console)
        xml = boot_files(cage.base).domain(NAME, console, cmdline=f"{BOOTED.strip()} loglevel=7 tsc=reliable")
        (cage.base / "state").mkdir()
        found.define(xml.replace("</name>", f"</name>{MORE}"))
        cage.virsh("start", NAME)
        until(found.answers, "the agent answers")
        until(lambda: "tsc" in found.switched(), "the guest has settled on the TSC")
        yield found


def test_an_agent_that_is_not_there_is_told(guest: Clocked) -> None:
    path = guest.cage.base / "mute.xml"
    path.write_text(MUTE)
    guest.cage.virsh("create", str(path))
    words = (*OURS, "mute", "--set", "clocksource=acpi_pm", "--yes")
    try:
        done = guest.cage.tried(*words, user=False, limit_s=60, **guest.environment())
    finally:
        guest.cage.virsh("destroy", "mute")
    assert done.returncode == 69
    assert "its agent is not connected: it does not run, or the guest still boots" in done.stderr


def test_the_running_guest_switches_and_goes_back(guest: Clocked) -> None:
    before = guest.file(SYSFS)
    assert before == "tsc"
    dry = guest.said("--set", "clocksource=acpi_pm", "--dry-run")
    assert ("-tsc" in dry, "+acpi_pm" in dry, guest.file(SYSFS)) == (True, True, "tsc")
    change = guest.json("--set", "clocksource=acpi_pm", "--yes")
    assert (change["site"], change["done"]) == ("inside", True)
    shown = guest.cage.tried(*CASE, "verify", change["case"], user=False, limit_s=60, **guest.environment())
    assert shown.returncode == 0, shown.stderr
    assert guest.file(SYSFS) == "acpi_pm"
    until(lambda: guest.switched()[-1] == "acpi_pm", "its kernel says so itself")
    guest.said("--undo", "--yes")
    assert guest.file(SYSFS) == "tsc"
    until(lambda: guest.switched()[-1] == "tsc", "its kernel says so itself")
    done = guest.ours("--undo", "--yes")
    assert (done.returncode, "nothing to undo" in done.stderr) == (65, True)


def test_what_was_switched_by_others_is_not_undone(guest: Clocked) -> None:
    guest.said("--set", "clocksource=acpi_pm", "--yes")
    guest.shell(f"echo hpet >{SYSFS}")
    done = guest.ours("--undo", "--yes")
    assert done.returncode == 1
    assert "the clocksource is hpet now: others have changed it since" in done.stderr
    assert guest.file(SYSFS) == "hpet"
    guest.shell(f"echo tsc >{SYSFS}")
    assert "it is so already" in guest.said("--undo", "--yes")


def test_a_bad_value_lists_what_the_guest_offers(guest: Clocked) -> None:
    done = guest.ours("--set", "clocksource=kvm-clock", "--yes")
    assert done.returncode == 65
    assert "this guest has no clocksource 'kvm-clock'" in done.stderr
    assert re.search(r"It offers: tsc, hpet, acpi_pm \(now tsc\)", done.stderr)


def test_a_paused_guest_is_not_waited_for(guest: Clocked) -> None:
    guest.cage.virsh("suspend", NAME)
    try:
        done = guest.ours("--set", "clocksource=acpi_pm", "--yes")
    finally:
        guest.cage.virsh("resume", NAME)
    assert done.returncode == 1
    assert f"{NAME} is paused: nothing in it runs" in done.stderr
    assert "virsh resume" in done.stderr


def test_a_stranger_is_told_what_is_missing(guest: Clocked) -> None:
    drop = ("setpriv", f"--reuid={STRANGER}", f"--regid={STRANGER}", "--clear-groups")
    for setting in ("hpet=off", "clocksource=acpi_pm"):
        done = guest.cage.tried(*drop, *OURS, NAME, "--set", setting, "--dry-run", CRAZYTRAIN_STATE="/nowhere")
        assert done.returncode == 77
        assert "does not let this user" in done.stderr
        assert "group libvirt" in done.stderr


def test_without_virsh_it_is_told(guest: Clocked) -> None:
    virsh = guest.cage.run("which", "virsh").strip()
    hidden = ("unshare", "--mount", "sh", "-c", f'mount --bind /dev/null {virsh} && exec "$@"', "sh")
    for setting in ("hpet=off", "clocksource=acpi_pm"):
        words = (*hidden, *OURS, NAME, "--set", setting, "--dry-run")
        done = guest.cage.tried(*words, user=False, limit_s=60, **guest.environment())
        assert done.returncode == 69
        assert "virsh is not installed" in done.stderr


def test_libvirt_checks_before(guest: Clocked) -> None:
    """kvm's TSC frequency cannot be had without scaling; libvirt only says so when it makes a command line."""
    before = guest.xml()
    done = guest.ours("--set", "tsc-mode=native", "--yes")
    assert (done.returncode, "tsc-mode changes nothing here" in done.stderr) == (65, True)
    assert guest.xml() == before


def test_nobody_to_ask_nothing_changed(guest: Clocked) -> None:
    before = guest.xml()
    done = guest.ours("--set", "hpet=off")
    assert done.returncode == 65
    assert "Say --yes" in done.stderr
    assert "+ -no-hpet" in done.stdout or "hpet=off" in done.stdout
    assert guest.xml() == before


def test_killed_at_any_moment_the_definition_is_the_old_or_the_new_one(guest: Clocked) -> None:
    old = guest.xml()
    new = old.replace("<clock offset='utc'/>", "<clock offset='localtime'/>")
    assert new != old
    seen = set()
    for number in (signal.SIGKILL, signal.SIGINT):
        enter = ("nsenter", "--target", str(guest.cage.inside), "--mount", "--net")
        process = subprocess.Popen(
            (*enter, *OURS, NAME, "--set", "clock-offset=localtime", "--yes"),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **guest.environment()},
        )
        assert process.stderr
        for line in process.stderr:
            if "in its persistent definition" in line:  # it is at it; the case before it is kept
                break
        process.send_signal(number)
        _, said = process.communicate(timeout=120)
        if number == signal.SIGINT:
            assert (process.returncode, guest.xml()) == (0, new), said
        assert guest.xml() in (old, new)
        seen.add(process.returncode)
        if guest.xml() == new:
            guest.said("--undo", "--yes")
        assert guest.xml() == old
    assert seen == {-signal.SIGKILL, 0}


def test_a_guest_with_its_own_grub_gets_a_drop_in_and_loses_it(guest: Clocked) -> None:
    """Its next start would boot from a disk, so libvirt gives its kernel no command line."""
    old = guest.xml()
    files = {"/usr/sbin/grub-mkconfig": MKCONFIG, "/usr/sbin/update-grub": UPDATE, "/etc/default/grub": SETTINGS}
    script = "mkdir -p /usr/sbin /etc/default/grub.d /boot/grub\n"
    script += "".join(f"cat >{path} <<'END'\n{text}END\nchmod +x {path}\n" for path, text in files.items())
    guest.shell(script + "/usr/sbin/update-grub\n")
    before = guest.file("/boot/grub/grub.cfg")
    guest.define(re.sub(r"\s*<(kernel|initrd|cmdline)>.*?</\1>", "", old))
    try:
        assert "+GRUB_CMDLINE_LINUX_DEFAULT" in guest.said("--set", "clocksource=acpi_pm", "--next-boot", "--dry-run")
        change = guest.json("--set", "clocksource=acpi_pm", "--next-boot", "--yes")
        assert (change["site"], guest.file(SYSFS)) == ("boot", "tsc")
        assert "quiet clocksource=hpet clocksource=acpi_pm" in guest.file("/boot/grub/grub.cfg")
        guest.said("--undo", "--yes")
    finally:
        guest.define(old)
    assert guest.file("/boot/grub/grub.cfg") == before


def test_a_change_of_the_definition_is_seen_after_a_restart_and_undone(guest: Clocked) -> None:
    before = guest.xml()
    assert "kvmclock" not in guest.command_line()
    words = ("--set", "kvmclock=off", "--set", "hpet=off", "--set", "clocksource=acpi_pm", "--next-boot")
    dry = guest.json(*words, "--dry-run")
    assert guest.xml() == before
    change = guest.json(*words, "--yes")
    assert change["qemu"] == dry["qemu"]
    assert "every other byte of it is as it was" in change["verified"][0]
    assert "after a full stop and start" in change["takes_effect"]
    clock = "<clock offset='utc'>\n    <timer name='kvmclock' present='no'/>\n    <timer name='hpet' present='no'/>\n  </clock>"
    assert guest.xml() == before.replace("<clock offset='utc'/>", clock).replace(
        "tsc=reliable<", "tsc=reliable clocksource=acpi_pm<"
    )
    assert "kvmclock=off" not in guest.command_line()
    guest.said("--set", "clocksource=hpet", "--yes")  # this one ends with the guest's run, and needs no undoing
    guest.restart()
    assert all(one.split(" ", 1)[1] in guest.command_line() for one in change["qemu"]["new"] if " " in one)
    assert "kvmclock=off" in guest.command_line()
    until(lambda: guest.switched()[-1:] == ["acpi_pm"], "its kernel boots with it")
    guest.said("--undo", "--yes")
    assert guest.xml() == before
    guest.restart()
    assert "kvmclock=off" not in guest.command_line()
    assert "clocksource=" not in guest.command_line()
