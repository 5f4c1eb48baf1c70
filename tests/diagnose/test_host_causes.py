"""Causes on the host's side: which of two that look alike is named, and what never is."""

import msgspec
import pytest

from crazytrain.diagnose.causes import CAUSES
from crazytrain.diagnose.engine import diagnose
from crazytrain.model.evidence import Outcome
from crazytrain.model.facts import Facts, QemuState
from crazytrain.model.facts.host import HostParameters
from crazytrain.model.finding import Verdict
from tests.diagnose import cases_host as c
from tests.diagnose import making as m


def test_a_quota_is_the_headline_of_a_guest_that_burns() -> None:
    seen = (c.QUOTA, m.threads(vcpu=0.2, delay=0.8), m.view(user=1.0, places=2))
    assert m.verdict(*seen) == "cpu-contention"
    contention = m.found("cpu-contention", *seen)
    assert contention.verdict is Verdict.FOUND
    assert "CPU quota" in contention.headline
    assert {f.cause: f.folded_into for f in diagnose(Facts(seen), CAUSES)}["cpu-throttled"] == "cpu-contention"
    assert any("may take 0.2 of a CPU, ran out of that in 96 %" in point.says for point in contention.because)


def test_a_quota_is_no_symptom_of_what_burns() -> None:
    """A guest that polls a port burns on a loaded host, too; but a quota that runs out was set by somebody."""
    seen = (m.threads(vcpu=0.3, delay=0.6), m.exits({0x3FD: 30_000.0}))
    under = {f.cause: f.folded_into for f in diagnose(Facts((c.QUOTA, *seen)), CAUSES)}
    assert m.verdict(c.QUOTA, *seen) == "pio-poll"
    assert (under["cpu-contention"], under["cpu-throttled"]) == ("", "cpu-contention")
    assert {f.cause: f.folded_into for f in diagnose(Facts(seen), CAUSES)}["cpu-contention"] == "pio-poll"


def test_a_quota_without_run_delay_is_still_named() -> None:
    """Some kernels do not count the time of a throttled thread as waiting."""
    assert m.found("cpu-contention", c.QUOTA, m.threads(vcpu=0.2, delay=0.0)).verdict is Verdict.FOUND


def test_a_frozen_guest_is_no_hung_monitor() -> None:
    seen = (c.limits(frozen=True), m.threads(), QemuState(monitor=Outcome.TIMED_OUT, refs=m.REFS))
    assert m.verdict(*seen) == "cgroup-frozen"


@pytest.mark.parametrize(
    ("log", "cause"),
    [
        (c.qemu_log(c.SUBERROR), "emulation-failure"),
        (c.qemu_log(c.ENTRY), "vmentry-failure"),
        (c.qemu_log(c.ADDRESS), "vfio-memory-fault"),
    ],
)
def test_what_stopped_kvm_is_told_apart(log: object, cause: str) -> None:
    assert m.verdict(log, c.state("internal-error"), c.GIVEN) == cause


def test_a_guest_that_writes_into_qemus_output_proves_nothing() -> None:
    lied = c.qemu_log(c.ENTRY, c.SUBERROR, c.ADDRESS, c.MSR)
    for cause in ("vmentry-failure", "emulation-failure", "vfio-memory-fault", "cpu-mismatch"):
        assert m.found(cause, lied, c.state("running")).verdict is not Verdict.FOUND, cause


def test_pressure_of_others_leaves_a_healthy_guest_healthy() -> None:
    healthy = (m.threads(vcpu=0.01), m.view(halted=0.98), m.loops(20.0), c.state("running"))
    assert m.verdict(*healthy, c.memory(0.6), c.limits(memory_stalled_ratio=0.0), c.faults(0)) == "healthy-idle"
    assert m.verdict(*healthy, c.memory(0.6), c.faults(0)) == "healthy-idle"
    old = c.host_log(c.SPLIT, ago_s=90_000)
    assert m.verdict(*healthy, old, HostParameters(refs=m.REFS)) == "healthy-idle"


def test_a_split_lock_that_is_long_ago_is_only_possible() -> None:
    finding = m.found("split-lock", c.host_log(c.SPLIT, ago_s=90_000), m.threads(vcpu=0.3))
    assert finding.verdict is Verdict.UNKNOWN


def test_a_clock_that_a_migration_brought_along_was_not_stepped() -> None:

    hour = 3600 * 10**9
    far = m.clock(5 * hour)
    assert m.found("kvmclock-jump", far, m.threads(vcpu=0.1)).confidence < 0.3
    stepped = msgspec.structs.replace(far, ahead_ns=5 * hour - 30 * 10**9, tsc_base="began with the guest")
    seen = (stepped, m.threads(vcpu=1.0), m.view(places=3))
    assert m.found("kvmclock-jump", *seen).verdict is Verdict.FOUND
    paused = msgspec.structs.replace(m.clock(29 * 10**9), ahead_ns=-5 * hour, tsc_base="began with the guest")
    assert m.found("kvmclock-jump", paused, m.threads(vcpu=1.0)).verdict is not Verdict.FOUND
