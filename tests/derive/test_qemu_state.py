"""Several readings as one state: whether the monitor answers is the monitor's to say."""

from typing import Any

from crazytrain.derive.qemu_state import derive_qemu_state
from crazytrain.model.evidence import Outcome, Ref
from crazytrain.model.facts import Facts, QemuState


def state(mono_ns: int, monitor: Outcome = Outcome.OK, **more: Any) -> QemuState:
    return QemuState(monitor=monitor, mono_ns=mono_ns, refs=(Ref(f"at.{mono_ns}"),), **more)


def joined(*states: QemuState) -> QemuState | None:
    return derive_qemu_state(Facts(states))


def test_one_reading_stands_for_itself() -> None:
    assert joined() is None
    assert joined(state(1)) is None


def test_the_last_word_on_each_matter() -> None:
    first = state(1, status="running", version=(7, 2, 22), io_errors=("vda: nospace",))
    seen = joined(state(9, status="io-error", marked=True), first)
    assert seen is not None
    assert (seen.status, seen.version, seen.io_errors, seen.marked) == ("io-error", (7, 2, 22), ("vda: nospace",), True)
    assert {ref.evidence for ref in seen.refs} == {"at.1", "at.9"}


def test_libvirt_answers_for_a_qemu_that_hangs() -> None:
    hung = state(5, Outcome.TIMED_OUT, monitor_detail="hangs")
    libvirt = state(9, status="running", told_by="libvirt", status_reason="running (booted)")
    seen = joined(hung, libvirt)
    assert seen is not None
    assert (seen.monitor, seen.monitor_detail, seen.status) == (Outcome.TIMED_OUT, "hangs", "running")


def test_libvirt_alone() -> None:
    seen = joined(*(state(n, status="paused", told_by="libvirt") for n in (1, 2)))
    assert seen is not None
    assert (seen.monitor, seen.status) == (Outcome.OK, "paused")
