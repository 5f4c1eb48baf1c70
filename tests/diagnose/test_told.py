"""What people tell is weak evidence: it names what may be, and never more. The reports are made up for this."""

from pathlib import Path

import msgspec
import pytest

from crazytrain.cli.reading import read_all
from crazytrain.diagnose.cause import Cause
from crazytrain.diagnose.causes import CAUSES
from crazytrain.diagnose.known_defects import DEFECTS, defect_points
from crazytrain.diagnose.told_ratios import OF_CAUSE, PRIORS
from crazytrain.diagnose.told_signs import PASTED_AT_MOST, TOLD_AT_MOST, Beside, told_points, with_beside
from crazytrain.model.evidence import Ref
from crazytrain.model.facts.told import Stance, Telling, Told, Topic
from crazytrain.model.facts.versions import Component, Versions, VersionTold
from crazytrain.model.finding import Claim, Point
from crazytrain.model.report import Report

REF = Ref("mail", 1)
REPORTS = tuple(
    line.split(" | ", 2)
    for line in """\
timer-storm | apic-timer-storm | A FreeBSD guest whose kernel ticks at 1000 Hz, with 4,000 local timer interrupts per second, takes a third of a core while it is idle.
guest-clock | slow-clocksource | The database guest is slow. Nearly all exits are reads of port 0xb008, the ACPI PM timer.
timer-storm | rtc-periodic-storm | A Windows 10 guest that is idle uses a quarter of a core, 25% CPU; turning on hv_stimer and hv_synic helps.
main-loop-spin | guest-agent-spin | Since the host side of the channel was closed, qemu-ga inside the guest eats 100% CPU.
main-loop-spin | vhost-busy | The kernel thread vhost-4711 stays at 100% during a broadcast storm, the guests themselves are quiet.
qemu-blocked | storage-stall | The NFS server went away for ten minutes. All guests hang with tasks in D state and virsh does not respond.
qemu-blocked | blocked-sync-io | fstrim in the guest freezes it for half a minute; the main thread of QEMU is then inside fallocate.
vcpu-cannot-run | vfio-memory-fault | With a passed-through GPU QEMU stops at once: KVM_RUN says Bad address.
vcpu-cannot-run | cpu-mismatch | A guest that was migrated to a host with an older processor model crashes at its first AVX instruction.
firmware | firmware-hang | An OVMF guest with a large BAR stays at a black screen, and one core is at 100%.
guest-clock | steal-time-overflow | After a live migration top in the guest shows 100% steal although the host is idle.
main-loop-spin | usernet-spin | With -netdev user the process is at 100% although nothing happens, with a tap device it is fine.
main-loop-spin | iothread-spin | The iothread takes 70% of a CPU on an idle guest. Setting poll-max-ns=0 solves it.
exit-storm | halt-polling | Idle guests cost 15% system time each; with halt_poll_ns set to 0 it is gone.
exit-storm | idle-poll | A DOS guest takes 100% of a core, for it never executes HLT when idle.
host-pressure | memory-pressure | Guests become slow for seconds whenever ksmd and khugepaged are busy on the host.
guest-stuck | guest-panic-spin | The guest's screen shows a kernel panic and the process sits at 100%.
guest-stuck | guest-lost-interrupt | The network stops after migration; no more interrupts arrive for virtio-net.
exit-storm | pause-contention | A VM with more vCPUs than the host has threads is slow; most exits are PAUSE_INSTRUCTION.
qemu-blocked | enospc-paused | The VMs went into state paused at night; the thin pool was full.
qemu-blocked | postcopy-wait | In the middle of a post-copy migration the network broke. The destination hangs.
main-loop-spin | usb-polling | An idle guest costs 8% CPU; without the USB tablet on UHCI it is fine.
main-loop-spin | throttle-timer-spin | As soon as an iops limit is set QEMU spins; removing the throttling cures it.
timer-storm | rtc-catchup | When the laptop wakes from suspend the Windows guest takes a core for minutes; its RTC has driftfix=slew.
""".splitlines()
)


def read(tmp_path: Path, text: str) -> Report:
    path = tmp_path / "paste.txt"
    path.write_text(text, encoding="utf-8")
    return read_all([path])[0]


@pytest.mark.parametrize(("family", "cause", "text"), REPORTS, ids=[cause for _, cause, _ in REPORTS])
def test_a_report_in_words(tmp_path: Path, family: str, cause: str, text: str) -> None:
    verdict = read(tmp_path, text).verdict
    assert (verdict.family, verdict.cause) == (family, cause)
    assert verdict.confidence <= PASTED_AT_MOST


def test_the_reader_is_told_that_it_is_told(tmp_path: Path) -> None:
    report = read(tmp_path, "The guest hangs; its status is paused (io-error), no space left on device.")
    found = next(f for f in report.findings if f.cause == report.verdict.cause)
    assert "by what is told, not measured" in report.verdict.headline
    assert all(point.fact.startswith("as told: ") for point in found.because)
    assert all(point.evidence for point in found.because)


def test_someones_guess_counts_nearly_nothing(tmp_path: Path) -> None:
    verdict = read(
        tmp_path, "The guest is slow. I suspect that the balloon or perhaps split locks may be the cause."
    ).verdict
    assert verdict.cause not in ("balloon-deflate", "split-lock")


def test_a_thing_that_makes_no_difference_speaks_against_it() -> None:
    cause = next(one for one in CAUSES if one.slug == "memory-pressure")
    (point,) = told_points(cause, telling(Topic.KSM, Stance.NO_MATTER))
    assert point.ratio < 1


def test_what_all_say_singles_nothing_out(tmp_path: Path) -> None:
    assert read(tmp_path, "The guest hangs and takes 100% CPU.").verdict.cause == "unknown"


def telling(topic: Topic, stance: Stance = Stance.SEEN) -> Telling:
    return Telling(told=(Told(topic=topic, stance=stance, words="x", ref=REF),), refs=(REF,))


def cause_of(slug: str) -> Cause:
    return next(one for one in CAUSES if one.slug == slug)


def test_words_do_not_carry_a_claim_far_that_the_facts_do_not() -> None:
    claim = Claim(says="it is so", prior=0.1, points=(Point("a fact", (REF,), 2.0),))
    words = Beside(told=(Point("as told", (REF,), 1000.0),))
    assert with_beside(cause_of("split-lock"), claim, words).at_most == TOLD_AT_MOST


def test_words_take_nothing_from_what_is_measured() -> None:
    claim = Claim(says="it is so", prior=0.1, points=(Point("a fact", (REF,), 200.0),))
    words = Beside(told=(Point("as told", (REF,), 1.5),))
    assert with_beside(cause_of("split-lock"), claim, words).at_most == claim.at_most


def test_words_raise_nothing_that_is_ruled_out() -> None:
    claim = Claim(says="it cannot be", prior=0.1, ruled_out=True)
    assert with_beside(cause_of("split-lock"), claim, Beside(told=(Point("as told", (REF,), 50.0),))) == claim


def test_every_cause_has_ratios_and_none_is_unknown() -> None:
    slugs = {cause.slug for cause in CAUSES}
    assert set(OF_CAUSE) <= slugs
    assert set(PRIORS) <= slugs
    assert all(0.01 <= ratio <= 50 for ratios in OF_CAUSE.values() for ratio in ratios.values())


def version(component: Component, *number: int) -> Versions:
    micro = number[2] if len(number) > 2 else 0
    known = VersionTold(component=component, number=(number[0], number[1]), micro=micro, text="x", ref=REF)
    return Versions(known=(known,))


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda d: f"{d.component.name}-{d.causes[0]}")
def test_a_known_defect_is_told_within_its_range_alone(defect: object) -> None:
    one = msgspec.convert(defect, type(DEFECTS[0]), from_attributes=True)
    inside = one.since or (0, 1)
    point = next(p for p in defect_points(one.causes[0], version(one.component, *inside)) if one.reference in p.says)
    assert 1 < point.ratio <= 2
    assert one.reference.startswith("https://")
    assert set(one.causes) <= {cause.slug for cause in CAUSES}
    if one.before:
        after = defect_points(one.causes[0], version(one.component, *one.before))
        assert not any(one.says in p.says for p in after)


def test_a_version_alone_makes_no_finding(tmp_path: Path) -> None:
    report = read(tmp_path, "QEMU 5.0 runs here, and the guest hangs.")
    assert report.verdict.cause == "unknown"


def test_a_version_is_told_where_something_speaks_for_its_cause(tmp_path: Path) -> None:
    report = read(tmp_path, "QEMU 1.4 spins at 100% CPU. Without the serial port it is fine.")
    found = next(f for f in report.findings if f.cause == "chardev-spin")
    assert any("known defect" in point.fact for point in found.because)
