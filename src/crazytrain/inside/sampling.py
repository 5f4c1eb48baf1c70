"""What the guest's CPUs do, counted over a window: who is on each (by memory alone), and where each is (by its registers)."""

from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

import msgspec

from crazytrain.inside.code import code_of
from crazytrain.inside.kernel import Kernel
from crazytrain.inside.registers import CpuRegisters, parse_registers
from crazytrain.inside.stack_places import places_of
from crazytrain.inside.stacks import running_stack
from crazytrain.inside.user_places import UserPlaces
from crazytrain.inside.who import Who, WhoReader
from crazytrain.model.facts.inside import GuestFrame, InsideProfile, Missing, Mode, StackCount, WhoCount
from crazytrain.model.guest_memory import PAGE_BYTES, Unreadable

_MOST_EXACT = 2048  # places, before only their function or page counts
_MOST_PLACES = 4096
_MOST_WHO = 8192
_MOST_REASONS = 16
_LOOKS_BETWEEN = 256  # the CPUs that are online are looked up again, and whether the kernel still is where it was
_BANNER_BYTES = 96
_USER = 3  # the level of privilege of programs

Place = tuple[int, Mode, int | None, str, tuple[GuestFrame, ...], bool]


class _Seat(NamedTuple):
    """A CPU, and where in guest-physical memory the pointer to its current task lies."""

    cpu: int
    place: int


class Sampler:
    """Counts what it sees of a kernel that was found, between two profiles. ``now`` gives the monotonic and the wall clock in ns.

    A CPU is the one that the guest's kernel knows by that number; where that cannot be told it is QEMU's number of the vCPU.
    """

    def __init__(self, kernel: Kernel, now: Callable[[], tuple[int, int]]) -> None:
        self._kernel = kernel
        self._now = now
        self._reader: WhoReader | None = None
        self._user_places: UserPlaces | None = None
        self._seats: tuple[_Seat, ...] = ()
        self._banner = self._read_banner()
        self._moved = False
        self._begin()

    def _begin(self) -> None:
        self._start_ns = self._now()[0]
        self._looks = self._samples = self._vcpus = self._left_out = 0
        self._who: Counter[tuple[int, Who]] = Counter()
        self._places: Counter[Place] = Counter()
        self._reasons: dict[str, Missing] = {}

    def look(self) -> None:
        """Look at every CPU's current task once."""
        if self._looks % _LOOKS_BETWEEN == 0:
            self._take_seats()
        self._looks += 1
        if self._reader is None:
            return
        read, seen = self._kernel.memory.read, self._who
        for cpu, place in self._seats:
            try:
                who = cpu, self._reader.read(int.from_bytes(read(place, 8), "little"))
            except Unreadable as error:
                self._miss("current tasks", f"some looks at them failed: {error}")
                continue
            if len(seen) < _MOST_WHO or who in seen:
                seen[who] += 1
            else:
                self._miss("current tasks", f"more than {_MOST_WHO} tasks ran: the rest are left out")

    def _take_seats(self) -> None:
        """Find out which CPUs there are and where each keeps its current task."""
        self._check_kernel()
        if self._moved:
            self._seats = ()
            return
        try:
            self._reader = self._reader or WhoReader(self._kernel)
            cpus, translate = places_of(self._kernel).cpus, self._kernel.space.translate
            self._seats = tuple(_Seat(cpu, translate(cpus.current_place(cpu))[0]) for cpu in cpus.online())
        except Unreadable as error:
            self._seats = ()
            self._miss("current tasks", str(error))

    def spot(self, registers: str, mono_ns: int, stopped: bool, *, late: bool = False) -> None:
        """Name and count where every vCPU is (``registers``: what ``info registers -a`` printed at ``mono_ns``).

        ``late``: that is a while ago, so only the function is named, for RAM tells of now.
        """
        self._check_kernel()
        read = parse_registers(registers)
        if not read:
            self._miss("registers", "what the monitor printed has no registers of an x86 CPU")
            return
        self._start_ns = min(self._start_ns, mono_ns)
        self._samples += 1
        self._vcpus = max(self._vcpus, len(read))
        for one in read:
            self._count(self._late_place(one) if late else self._place(one, stopped))

    def _place(self, registers: CpuRegisters, stopped: bool) -> Place:
        cpu, task = self._occupant(registers)
        who = self._who_is(task)
        frames, whole = self._frames(registers, stopped, task)
        return cpu, mode_of(registers), who.pid if who else None, who.comm if who else "", frames, whole

    def _late_place(self, registers: CpuRegisters) -> Place:
        cpu, _ = self._occupant(registers)
        frame, ip = GuestFrame("", 0, linear(registers)), registers.ip
        if registers.is_long and registers.cpl != _USER and not self._moved:
            try:
                code = code_of(self._kernel)
                frame = code.frame(ip, returns=False) if code.holds(ip) else frame
            except Unreadable as error:
                self._miss("names", str(error))
        return cpu, mode_of(registers), None, "", (frame,), False

    def _occupant(self, registers: CpuRegisters) -> tuple[int, int | None]:
        """Which CPU of the guest's kernel a vCPU is, and its task; QEMU's number where that cannot be told."""
        if self._moved or not registers.is_long:
            return registers.vcpu, None
        try:
            places = places_of(self._kernel)
            cpu = places.cpus.of(registers)
        except Unreadable as error:
            self._miss("who runs", str(error))
            return registers.vcpu, None
        try:
            return cpu, places.occupant(registers, cpu)
        except Unreadable as error:
            self._miss("who runs", str(error))
            return cpu, None

    def _who_is(self, task: int | None) -> Who | None:
        try:
            self._reader = self._reader or WhoReader(self._kernel)
            return self._reader.read(task) if task is not None else None
        except Unreadable as error:
            self._miss("who runs", str(error))
            return None

    def _frames(self, registers: CpuRegisters, stopped: bool, task: int | None) -> tuple[tuple[GuestFrame, ...], bool]:
        unnamed = (GuestFrame("", 0, linear(registers)),), False
        if self._moved or not registers.is_long:
            return unnamed
        if registers.cpl == _USER:
            return ((self._user_frame(task, registers.ip),), False) if task is not None else unnamed
        try:
            return running_stack(self._kernel, registers, stopped=stopped)
        except Unreadable:
            code_of(self._kernel).forget_modules()  # it may be one that has come since
            return unnamed

    def _user_frame(self, task: int, address: int) -> GuestFrame:
        try:
            if self._user_places is None:
                self._user_places = UserPlaces(self._kernel)
            return self._user_places.frame(task, address)
        except Unreadable as error:
            self._miss("files of programs", str(error))
            return GuestFrame("", 0, address)

    def _count(self, place: Place) -> None:
        if len(self._places) >= _MOST_EXACT and place not in self._places:
            place = coarse(place)
        if len(self._places) < _MOST_PLACES or place in self._places:
            self._places[place] += 1
        else:
            self._left_out += 1

    def _read_banner(self) -> bytes:
        try:
            return self._kernel.space.read(self._kernel.symbols["linux_banner"], _BANNER_BYTES)
        except Unreadable:
            return b""

    def _check_kernel(self) -> None:
        """See whether the kernel still is where it was. Once it has gone, its names are used no more."""
        if not self._moved and self._read_banner() != self._banner:
            self._moved = True
            self._miss("names", "the guest's kernel went away meanwhile: it rebooted, or was replaced")

    def _miss(self, what: str, why: str) -> None:
        if len(self._reasons) < _MOST_REASONS:
            self._reasons.setdefault(what, Missing(what, why))

    def profile(self, end_ns: int, paused_ns: int) -> InsideProfile:
        """Give what was counted since the last one, and begin anew."""
        self._check_kernel()
        if self._left_out:
            self._miss("places", f"there were more than {_MOST_PLACES}: {self._left_out} looks at vCPUs are left out")
        done = InsideProfile(
            start_ns=self._start_ns,
            end_ns=end_ns,
            vcpus=self._vcpus or len(self._seats),
            task_samples=self._looks,
            samples=self._samples,
            who=tuple(_who_count(cpu, who, count) for (cpu, who), count in self._who.most_common()),
            stacks=tuple(_stack_count(place, count) for place, count in self._places.most_common()),
            paused_ns=paused_ns,
            missing=tuple(self._reasons.values()),
        )
        self._begin()
        return done


def mode_of(registers: CpuRegisters) -> Mode:
    """Tell what a vCPU does."""
    if registers.halted:
        return Mode.HALTED
    return Mode.USER if registers.cpl == _USER else Mode.KERNEL


def linear(registers: CpuRegisters) -> int:
    """Where the next instruction lies: in code of 64 bits the segment's base does not count."""
    return registers.ip if registers.is_long else (registers.cs_base + registers.ip) & 0xFFFF_FFFF


def coarse(place: Place) -> Place:
    """Give a place to the function, or to the page where there is none."""
    cpu, mode, pid, comm, frames, whole = place
    first, *others = frames
    back = first.offset if first.name and mode is not Mode.USER else first.address % PAGE_BYTES
    first = msgspec.structs.replace(first, offset=max(0, first.offset - back), address=first.address - back)
    return cpu, mode, pid, comm, (first, *others), whole


def _who_count(cpu: int, who: Who, count: int) -> WhoCount:
    return WhoCount(cpu=cpu, pid=who.pid, tgid=who.tgid, comm=who.comm, count=count)


def _stack_count(place: Place, count: int) -> StackCount:
    cpu, mode, pid, comm, frames, whole = place
    return StackCount(cpu=cpu, mode=mode, pid=pid, comm=comm, frames=frames, whole=whole, count=count)
