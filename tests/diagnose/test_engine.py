"""Ranking, folding, weighing, and what happens when a cause itself is broken."""

import msgspec
import pytest

from crazytrain.diagnose.cause import Cause, Rank
from crazytrain.diagnose.causes import CAUSES
from crazytrain.diagnose.engine import diagnose, headline, judge
from crazytrain.diagnose.weigh import probability, standing, verdict
from crazytrain.model.facts import CpuMode, Facts, HostFacts, LineMeaning, QemuConfig, ThreadActivity
from crazytrain.model.finding import Claim, Family, Point, Verdict
from crazytrain.model.guest import Accelerator
from tests.diagnose import making as m

TCG = QemuConfig(binary="qemu", accelerator=Accelerator.TCG, refs=m.REFS)


def test_the_specific_cause_gives_the_headline_and_its_symptoms_fold_under_it() -> None:
    facts = (
        TCG,
        m.threads(vcpu=1.0, comm="CPU 0/TCG"),
        m.view(places=2),
        m.console((LineMeaning.PANIC, "Kernel panic - not syncing")),
    )
    assert m.verdict(*facts) == "guest-panic-spin"
    assert m.found("software-emulation", *facts).folded_into == "guest-panic-spin"


def test_emulation_is_told_but_is_no_headline_for_a_guest_that_idles() -> None:
    facts = (TCG, m.threads(vcpu=0.01, comm="CPU 0/TCG"), m.view(halted=0.98))
    assert m.verdict(*facts) == "healthy-idle"
    assert m.found("software-emulation", *facts).verdict is Verdict.FOUND


def test_a_guest_that_computes_on_a_loaded_host_is_still_busy() -> None:
    facts = (
        m.threads(vcpu=0.3, delay=0.7),
        m.view(user=1.0, places=2),
        HostFacts(pressure_cpu_avg10=80.0, refs=m.REFS),
    )
    assert m.verdict(*facts) == "guest-user-busy"
    assert m.found("cpu-contention", *facts).verdict is Verdict.FOUND


def test_a_healthy_guest_on_a_loaded_host_stays_healthy() -> None:
    assert m.verdict(m.threads(vcpu=0.2, delay=0.18), m.view(halted=0.6)) == "healthy-busy"


def test_a_port_that_is_polled_in_emulation_is_named_from_the_code() -> None:
    seen = m.view(places=1, mode=CpuMode.REAL)
    polling = msgspec.structs.replace(seen, vcpus=(msgspec.structs.replace(seen.vcpus[0], polls_port=0x3FD),))
    facts = (TCG, m.threads(vcpu=1.0, comm="CPU 0/TCG"), polling)
    assert m.verdict(*facts) == "pio-poll"
    assert "COM1 line status" in m.found("pio-poll", *facts).headline
    assert m.verdict(TCG, m.threads(vcpu=1.0, comm="CPU 0/TCG"), seen) != "pio-poll"


def test_no_facts_no_headline() -> None:
    assert m.verdict() == ""


def _broken(threads: ThreadActivity) -> Claim:
    """Is it broken?"""
    raise KeyError(threads.samples)


def test_a_broken_cause_is_told_and_stops_no_other() -> None:
    broken = Cause(slug="misread", family=Family.HEALTHY, rank=Rank.NOTE, judge=_broken)
    findings = diagnose(Facts((m.threads(vcpu=0.01), m.view(halted=1.0))), (broken, *CAUSES[-4:-1]))
    told = next(f for f in findings if f.cause == "misread")
    assert told.verdict is Verdict.BROKE
    assert "KeyError" in told.headline
    assert len(findings) == 4


def test_a_cause_that_lacks_a_fact_names_the_look() -> None:
    cause = next(c for c in CAUSES if c.slug == "guest-user-busy")
    finding = judge(cause, Facts((m.threads(),)))
    assert finding.verdict is Verdict.UNKNOWN
    assert [look.what for look in finding.missing] == ["where the vCPUs are"]
    assert finding.missing[0].command


@pytest.mark.parametrize(
    ("ratios", "expected"), [((), 0.1), ((9.0,), 0.5), ((9.0, 9.0), 0.9), ((1 / 9,), 1 / 82), ((1e9,), 0.99)]
)
def test_probability_is_odds_times_ratios(ratios: tuple[float, ...], expected: float) -> None:
    claim = Claim(says="x", prior=0.1, points=tuple(Point("p", m.REFS, r) for r in ratios))
    assert probability(claim) == pytest.approx(max(expected, 0.01), rel=1e-6)


def test_a_prior_alone_is_neither_found_nor_ruled_out() -> None:
    claim = Claim(says="x", prior=0.02)
    assert verdict(claim, probability(claim)) is Verdict.UNKNOWN


def test_standing_says_what_a_probability_means() -> None:
    assert [standing(p) for p in (0.99, 0.8, 0.3, 0.05)] == ["almost certain", "likely", "possible", "unlikely"]


def test_headline_prefers_found_over_likelier_but_general() -> None:
    facts = Facts((m.exits({0x3FD: 20_000.0}), m.threads(vcpu=1.0), m.view(places=1)))
    best = headline(diagnose(facts, CAUSES), CAUSES)
    assert best is not None
    assert best.cause == "pio-poll"
