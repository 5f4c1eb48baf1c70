"""A guest under KVM that is no Linux: what is still true of it, right; its kvmclock page as QEMU itself reads it."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from crazytrain import lab
from tests.lab.monitor import ask as ask_monitor
from tests.whole.conftest import Run, silent

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]
SECTOR = range(0x7C00, 0x7E00)
HOUR_NS = 3600 * 10**9


def words_at(guest: lab.Running, address: int) -> tuple[int, ...]:
    """32 bytes of guest-physical memory, as QEMU's monitor prints them."""
    said = ask_monitor(guest.qmp_socket, "human-monitor-command", **{"command-line": f"xp /8wx {address:#x}"})
    return tuple(int(word, 16) for line in said.splitlines() for word in line.partition(":")[2].split())


def host_mhz() -> float:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next(float(line.partition(":")[2]) for line in lines if line.startswith("bogomips")) / 2


def test_mode_place_and_clock_of_a_boot_sector(
    start: Callable[[str, str], lab.Running], state_dir: Path, crazytrain: Run
) -> None:
    guest = start("kvmclock-jump", f"inside-{os.getpid()}")
    try:
        done = crazytrain("inside", str(guest.pid), "--for", "1", "--json", "--quiet")
        report = json.loads(done.stdout)
        (vcpu,) = report["outside"]
        assert (vcpu["mode"], vcpu["kernel_ratio"], vcpu["interrupts_off_ratio"]) == ("real", 1.0, 1.0)
        assert vcpu["top_ip"] in SECTOR
        assert vcpu["span_bytes"] <= len(SECTOR)
        pages = {page["address"]: page for page in report["kvmclock"]["pages"]}
        stepped = [page for page in pages.values() if page["system_time_ns"] >= 1 << 63]
        assert stepped, pages
        page = stepped[-1]
        assert -HOUR_NS - 60 * 10**9 < page["system_time_ns"] - (1 << 64) < -HOUR_NS + 600 * 10**9
        words = words_at(guest, page["address"])
        if words[0] == page["version"]:  # KVM has not written it since
            assert page["system_time_ns"] == words[4] | words[5] << 32
            assert page["tsc_timestamp"] == words[2] | words[3] << 32
        hz = 1e9 * (1 << 32) / page["tsc_to_system_mul"] / 2 ** page["tsc_shift"]
        assert hz / 1e6 == pytest.approx(host_mhz(), rel=0.01)
    finally:
        lab.stop(guest.name, state_dir=state_dir, tell=silent)
