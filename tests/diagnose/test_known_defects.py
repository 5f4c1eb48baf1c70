"""Known defects: which versions have them, how much that says, and what the report makes of it."""

from pathlib import Path

import pytest

from crazytrain.diagnose.causes import CAUSES
from crazytrain.diagnose.defect import Defect
from crazytrain.diagnose.known_defects import DEFECTS, defect_points
from crazytrain.model.evidence import Ref
from crazytrain.model.facts.versions import Component, Versions, VersionTold
from crazytrain.model.finding import KNOWN_DEFECT, Family, Finding, Point, Verdict
from crazytrain.report.defect_story import defect_story
from tests.diagnose.test_told import read

C = Component
REF = Ref("mail", 1)
RANGE = Defect(
    component=C.HOST_KERNEL,
    since=(4, 17),
    before=(6, 19),
    mended=((5, 10, 248), (6, 1, 160)),
    causes=("lapic-catchup",),
    says="made up",
    instead="something else",
    reference="https://lore.kernel.org/",
)
EXACT = Defect(
    component=C.QEMU,
    since=(8, 2, 2),
    before=(10, 0, 7),
    causes=("misread",),
    says="x",
    instead="x",
    reference="https://x",
)
each_defect = pytest.mark.parametrize(
    "defect", DEFECTS, ids=lambda d: f"{d.component.name}-{d.causes[0]}-{d.since}-{d.before}"
)


def told(component: Component, *parts: int, text: str = "", least: bool = False) -> VersionTold:
    shown = text or ".".join(map(str, parts))
    micro = parts[2] if len(parts) > 2 else None
    return VersionTold(component=component, number=(parts[0], parts[1]), micro=micro, text=shown, least=least, ref=REF)


@pytest.mark.parametrize(
    ("parts", "concerned"),
    [
        ((4, 16, 9), False),
        ((4, 17), True),
        ((5, 10, 247), True),
        ((5, 10, 248), False),
        ((5, 10), True),
        ((5, 11, 300), True),
        ((6, 1, 160), False),
        ((6, 18, 2), True),
        ((6, 19), False),
        ((6, 19, 0), False),
    ],
)
def test_a_range_with_mended_series(parts: tuple[int, ...], *, concerned: bool) -> None:
    assert RANGE.has(told(C.HOST_KERNEL, *parts)) == concerned


@pytest.mark.parametrize(
    ("parts", "concerned"),
    [
        ((8, 2, 1), False),
        ((8, 2, 2), True),
        ((8, 2), True),
        ((8, 1, 9), False),
        ((10, 0), True),
        ((10, 0, 6), True),
        ((10, 0, 7), False),
        ((10, 1), False),
    ],
)
def test_bounds_of_three_parts(parts: tuple[int, ...], *, concerned: bool) -> None:
    assert EXACT.has(told(C.QEMU, *parts)) == concerned


def test_a_lower_bound_tells_of_what_nobody_has_mended_alone() -> None:
    at_least = told(C.QEMU, 10, 2, least=True)
    assert not EXACT.has(told(C.QEMU, 9, 0, least=True))
    assert defect_points("misread", Versions(known=(at_least,)))
    assert not defect_points("fd-monitor-spin", Versions(known=(told(C.QEMU, 5, 0, least=True),)))


def ratio(*parts: int, text: str = "", component: Component = C.HOST_KERNEL) -> float:
    (point,) = defect_points("lapic-catchup", Versions(known=(told(component, *parts, text=text),)))
    return point.ratio


def test_the_less_a_version_tells_the_less_it_says() -> None:
    plain = ratio(5, 12, 3)
    packaged = ratio(5, 12, 3, text="5.12.3-1-pve")
    inexact = ratio(5, 15, text="5.15")
    enterprise = ratio(4, 18, text="4.18.0-305.el8.x86_64")
    unowned = ratio(5, 12, 3, component=C.KERNEL)
    assert 1.6 >= plain > packaged > enterprise > 1
    assert plain > inexact > 1
    assert plain > unowned > 1


def test_a_kernel_of_the_guest_is_not_the_host_s() -> None:
    assert not defect_points("lapic-catchup", Versions(known=(told(C.GUEST_KERNEL, 5, 12),)))


def test_of_several_versions_the_one_that_says_most_is_told() -> None:
    known = (told(C.QEMU, 7, 1, text="7.1.0-3-pve"), told(C.QEMU, 7, 1, 0), told(C.QEMU, 8, 0))
    points = defect_points("storage-stall", Versions(known=known))
    assert [point.says.partition(";")[0] for point in points] == ["QEMU is 7.1.0"]


@each_defect
def test_a_defect_has_words_and_a_page(defect: Defect) -> None:
    assert defect.reference.startswith("https://")
    assert defect.instead
    assert not defect.says.endswith(".")
    assert set(defect.causes) <= {cause.slug for cause in CAUSES}
    bounds = [bound for bound in (defect.since, defect.before, *defect.mended) if bound]
    assert all(2 <= len(bound) <= 3 for bound in bounds)
    assert bounds, "a defect of every version is none"
    assert len(defect.says + defect.instead + defect.reference) < 320, "it is cut in a report"


@each_defect
def test_the_first_version_has_it_and_the_first_one_after_has_not(defect: Defect) -> None:
    first = defect.since or (0, 1)
    assert defect.has(told(defect.component, *first))
    if defect.since:
        below = (*defect.since[:-1], defect.since[-1] - 1) if defect.since[-1] else (defect.since[0] - 1, 99)
        assert not defect.has(told(defect.component, *below))
    for after in (*((defect.before,) if defect.before else ()), *defect.mended):
        assert not defect.has(told(defect.component, *after))


def test_each_component_that_people_name_is_known() -> None:
    assert {defect.component for defect in DEFECTS} >= {
        C.QEMU,
        C.LIBVIRT,
        C.HOST_KERNEL,
        C.GUEST_KERNEL,
        C.GUEST_WINDOWS,
        C.VIRTIO_WIN,
    }
    assert len(DEFECTS) >= 29


def test_versions_and_a_defect_concerned_are_told(tmp_path: Path) -> None:
    mail = "The host runs pve-qemu-kvm 7.0.0-3, kernel 5.15.39-1-pve. With an iothread for the virtio-scsi disk the iothread takes 100% CPU all the time."
    report = read(tmp_path, mail)
    says = [one.says for one in report.story]
    assert any(one.startswith("versions: QEMU 7.0.0-3, the host's kernel 5.15.39-1-pve") for one in says)
    found = next(f for f in report.findings if f.cause == "iothread-spin")
    point = next(p for p in found.because if KNOWN_DEFECT in p.fact)
    assert "20220427143541" in point.fact
    assert "QEMU 7.1" in point.fact
    assert point.ratio < 1.4


def test_a_defect_that_concerns_nothing_is_not_told(tmp_path: Path) -> None:
    report = read(
        tmp_path,
        "QEMU 7.1.0 runs here. The serial port's reader is gone, and QEMU spins at 100% CPU in write() with EAGAIN.",
    )
    assert not any(KNOWN_DEFECT in one.says for one in report.story)
    assert not any(
        KNOWN_DEFECT in p.fact for f in report.findings if f.cause == report.verdict.cause for p in f.because
    )


def finding(cause: str, confidence: float, verdict: Verdict = Verdict.UNKNOWN) -> Finding:
    point = Point(f"QEMU is 1; {KNOWN_DEFECT}: of {cause}", (REF,), 1.3)
    return Finding(
        family=Family.QEMU_BLOCKED, cause=cause, verdict=verdict, confidence=confidence, headline="x", because=(point,)
    )


def test_a_possible_cause_beside_the_verdict_has_its_line() -> None:
    findings = (
        finding("storage-stall", 0.6, Verdict.FOUND),
        finding("block-drain-deadlock", 0.2),
        finding("monitor-hung", 0.3),
        finding("paused", 0.1),
        finding("misread", 0.9, Verdict.RULED_OUT),
    )
    lines = list(defect_story(findings, "storage-stall"))
    assert [one.says.split(" ")[1] for one in lines] == ["monitor-hung", "block-drain-deadlock"]
    assert all(one.evidence == ("mail:1",) for one in lines)
    assert not list(defect_story((), "unknown"))
