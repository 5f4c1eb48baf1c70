"""Setting back the clock of the lab's own kvmclock guest, and seeing that the guest waits for ever from then on.

What was done, when, and the guest's clock page before and after are kept in the guest's folder (``lab-actions.json``).
"""

import time

import msgspec

from crazytrain.lab.actions import Action
from crazytrain.lab.errors import NotReady
from crazytrain.lab.guest import Tell
from crazytrain.lab.guests.kvmclock_jump import CLOCK_PAGE, DOTS_AT, MARKER, MARKER_AT, ROUNDS_AT
from crazytrain.lab.kvmclock import ClockStep, step_kvm_clock
from crazytrain.lab.ram import Ram, find_ram
from crazytrain.lab.wait import wait_until
from crazytrain.model.guest import ProcessId

_PAGE_BYTES = 32  # struct pvclock_vcpu_time_info
_SYSTEM_TIME_AT = CLOCK_PAGE + 16
_QUIET_S = 1.5  # fifteen deadlines of the guest
_LIMIT_S = 60
_READS = 1000
_WRAP = 1 << 64


class ClockPage(msgspec.Struct, frozen=True, kw_only=True):
    """The raw bytes of ``struct pvclock_vcpu_time_info`` at a guest-physical address, read while the guest runs."""

    address: int
    bytes_hex: str
    system_time_ns: int
    mono_ns: int


class LabActions(msgspec.Struct, frozen=True, kw_only=True):
    """All that the lab did to a guest of its own: the proof that the trouble was made on purpose."""

    on_purpose: str
    step_ns: int
    actions: tuple[Action, ...]
    kvm_clock: ClockStep
    page_before: ClockPage
    page_after: ClockPage


def set_clock_back(process: ProcessId, memory_bytes: int, step_ns: int, tell: Tell) -> LabActions:
    """Step the guest's KVM clock by ``step_ns`` and return once the guest is seen to wait and to do nothing else.

    ``NotReady`` when its clock page does not change, or it keeps meeting its deadlines.
    """
    ram = find_ram(process.pid, memory_bytes, MARKER, MARKER_AT)
    before = _look(ram)
    tell(f"setting the guest's KVM clock {-step_ns / 1e9:g} s back")
    step, action = _timed_step(process, step_ns)
    if not wait_until(lambda: _has_stepped(before, _look(ram), step_ns), _LIMIT_S):
        raise NotReady("the clock page of the guest did not follow the KVM clock", "does its KVM let the clock be set?")
    after = _look(ram)
    _wait_for_silence(ram)
    return LabActions(
        on_purpose="the lab set this guest's clock back itself, to show what happens then",
        step_ns=step_ns,
        actions=(action,),
        kvm_clock=step,
        page_before=before,
        page_after=after,
    )


def _timed_step(process: ProcessId, step_ns: int) -> tuple[ClockStep, Action]:
    wall_ns, mono_ns = time.time_ns(), time.monotonic_ns()
    step = step_kvm_clock(process.pid, step_ns)
    what = f"KVM_SET_CLOCK: {step.before_ns} ns -> {step.set_ns} ns ({step_ns:+d} ns)"
    return step, Action(what=what, wall_ns=wall_ns, mono_ns=mono_ns, took_ns=time.monotonic_ns() - mono_ns)


def _look(ram: Ram) -> ClockPage:
    """Read the page at a moment when the host does not write it (its version is even and stays)."""
    page = ram.read(CLOCK_PAGE, _PAGE_BYTES)
    for _ in range(_READS):
        if page[0] % 2 == 0 and ram.read(CLOCK_PAGE, 4) == page[:4]:
            break
        page = ram.read(CLOCK_PAGE, _PAGE_BYTES)
    system_time_ns = int.from_bytes(page[_SYSTEM_TIME_AT - CLOCK_PAGE :][:8], "little")
    return ClockPage(
        address=CLOCK_PAGE, bytes_hex=page.hex(), system_time_ns=system_time_ns, mono_ns=time.monotonic_ns()
    )


def _has_stepped(before: ClockPage, now: ClockPage, step_ns: int) -> bool:
    """Whether the clock page moved by about the step: by less than half of it is just time that passed."""
    moved_ns = (now.system_time_ns - before.system_time_ns + _WRAP // 2) % _WRAP - _WRAP // 2
    return moved_ns < step_ns // 2 if step_ns < 0 else moved_ns > step_ns // 2


class _Silence:
    """Watches a guest that should run its waiting loop and meet no deadline any more."""

    def __init__(self, ram: Ram) -> None:
        self.ram = ram
        self._begin()

    def _begin(self) -> None:
        self.dots = self.ram.number(DOTS_AT, 4)
        self.rounds = self.ram.number(ROUNDS_AT, 8)
        self.since = time.monotonic()

    def is_long(self) -> bool:
        if self.ram.number(DOTS_AT, 4) != self.dots:
            self._begin()
        return time.monotonic() - self.since > _QUIET_S and self.ram.number(ROUNDS_AT, 8) > self.rounds


def _wait_for_silence(ram: Ram) -> None:
    if not wait_until(_Silence(ram).is_long, _LIMIT_S):
        raise NotReady("the guest keeps meeting its deadlines though its clock was set back")
