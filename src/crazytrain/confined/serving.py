"""Answering asks about one guest, one after the other. Whatever is wrong with the guest's memory ends up as an answer."""

import os
import time
from collections.abc import Sequence

import msgspec

from crazytrain.confined.bare import BareSampler
from crazytrain.confined.hurried import Hurried
from crazytrain.confined.parts import Parts, Sampling
from crazytrain.host.opened_memory import OpenedMemory
from crazytrain.inside.kernel import Kernel
from crazytrain.inside.layout import WarmLayout
from crazytrain.inside.registers import CpuRegisters, parse_registers
from crazytrain.model.facts.inside import GuestKernel, InsideReading, Missing
from crazytrain.model.guest_memory import Unreadable
from crazytrain.model.inside_talk import (
    Ack,
    Answer,
    Ask,
    Begin,
    Failed,
    GotLog,
    GotProfile,
    GotReading,
    Read,
    ReadLog,
    Spot,
    Summarise,
    Watch,
)

_SEARCH_NS, _BANNER_NS = 8_000_000_000, 4_000_000_000
_FASTEST_PER_S = 2000.0
_MOST_CACHE_BYTES = 16 << 20


class Handed(msgspec.Struct, frozen=True):
    """The descriptors that the child was given: the guest's memory, what is in memory, cached symbols, where to put new ones."""

    mem: int
    pagemap: int
    cached: int
    found: int


def now() -> tuple[int, int]:
    """Monotonic and wall clock in ns."""
    return time.monotonic_ns(), time.time_ns()


def _place(error: BaseException) -> str:
    """Where in our own code it was raised."""
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    return f"({trace.tb_frame.f_code.co_name}, line {trace.tb_lineno})" if trace else ""


class Serving:
    """The guest as far as it is known. ``notes`` are said with the first answer: what could not be given up."""

    def __init__(self, handed: Handed, parts: Parts, notes: tuple[str, ...]) -> None:
        self._handed = handed
        self._parts = parts
        self._notes = tuple(Missing("confinement", note) for note in notes)
        self._kernel: Kernel | None = None
        self._why = "nothing was begun"
        self._sampler: Sampling | None = None
        self._asked_of_layout = self._last = b""
        self._until_ns = self._next_ns = self._apart_ns = 0

    def answer(self, ask: Ask) -> Answer:
        """Answer one ask. The only guard: a defect is named by class and place, for its text may hold the guest's bytes."""
        try:
            return self._answer(ask)
        except Unreadable as error:
            return Failed(why=str(error))
        except Exception as error:  # noqa: BLE001 - see above
            return Failed(why=f"reading it went wrong: {type(error).__name__} {_place(error)}")

    def _answer(self, ask: Ask) -> Answer:
        if not isinstance(ask, Spot | Watch):
            self._until_ns = 0
        match ask:
            case Begin():
                return self._begin(ask)
            case Read():
                return GotReading(reading=self._read(ask), cache_bytes=self._kept(self._learnt()))
            case ReadLog():
                return GotLog(log=self._parts.read_log(self._known(), ask.most_records))
            case Watch():
                self._watch(ask)
            case Spot():
                self._sampling().spot(ask.registers, ask.mono_ns, ask.stopped, late=ask.late)
            case Summarise():
                return GotProfile(profile=self._sampling().profile(now()[0], ask.paused_ns))
        return Ack()

    def _known(self, registers: Sequence[CpuRegisters] = ()) -> Kernel:
        """The kernel, if it still is the one that was found. Its translations are asked for anew: the guest may have changed its tables."""
        if self._kernel is None:
            raise Unreadable(self._why)
        self._kernel.space.forget()
        self._parts.check(self._kernel, registers)
        return self._kernel

    def _sampling(self) -> Sampling:
        if self._sampler is None:
            raise Unreadable(self._why)
        return self._sampler

    def _begin(self, ask: Begin) -> GotReading:
        begin_ns, missing = now()[0], self._notes
        self._kernel, self._notes, fresh = None, (), b""
        try:
            self._kernel, fresh = self._found(ask)
            about: GuestKernel | None = self._kernel.about
        except Unreadable as error:
            self._why = str(error)
            about = self._banner(ask)
            missing = (*missing, Missing("kernel", self._why))
        self._sampler = self._parts.sampler(self._kernel, now) if self._kernel else BareSampler(now, self._why)
        took_ns = now()[0] - begin_ns
        about = msgspec.structs.replace(about, took_ns=took_ns) if about else None
        reading = InsideReading(mono_ns=begin_ns, took_ns=took_ns, kernel=about, missing=missing)
        return GotReading(reading=reading, cache_bytes=self._kept(fresh))

    def _found(self, ask: Begin) -> tuple[Kernel, bytes]:
        """Find the kernel; what was kept before, or was found when it was begun the last time, is tried first."""
        cached = os.pread(self._handed.cached, min(ask.cache_bytes, _MOST_CACHE_BYTES), 0)
        memory, registers = self._opened(ask), parse_registers(ask.registers)
        hurried = Hurried(memory, now()[0] + _SEARCH_NS)
        kernel, fresh = self._parts.find_kernel(hurried, registers, self._last or cached)
        kernel.memory = kernel.space.memory = memory
        self._last = fresh or self._last
        return kernel, fresh

    def _banner(self, ask: Begin) -> GuestKernel | None:
        """What calls itself a kernel in RAM, where none was found."""
        hurried = Hurried(self._opened(ask), now()[0] + _BANNER_NS)
        try:
            banners = self._parts.find_banners(hurried, parse_registers(ask.registers))
        except Unreadable:
            return None
        return banners[0] if banners else None

    def _opened(self, ask: Begin) -> OpenedMemory:
        return OpenedMemory(self._handed.mem, self._handed.pagemap, ask.segments)

    def _kept(self, fresh: bytes) -> int:
        """Write symbols to be kept; how many bytes they are, 0 where they are too many or cannot be written."""
        if len(fresh) > _MOST_CACHE_BYTES:
            return 0
        done = 0
        try:
            os.lseek(self._handed.found, 0, os.SEEK_SET)
            while done < len(fresh):
                done += os.write(self._handed.found, fresh[done:])
        except OSError:
            return 0
        return done

    def _read(self, ask: Read) -> InsideReading:
        begin_ns, registers = now()[0], parse_registers(ask.registers)
        try:
            kernel = self._known(registers)
        except Unreadable as error:
            missing = tuple(Missing(part, str(error)) for part in ask.parts)
            return InsideReading(mono_ns=begin_ns, took_ns=now()[0] - begin_ns, missing=missing)
        return self._parts.read_instant(kernel, ask.parts, ask.most_tasks, now, registers)

    def _learnt(self) -> bytes:
        """What to keep since the last reading asked the kernel's types for more than was known."""
        layout = self._kernel.layout if self._kernel else None
        if self._kernel is None or not isinstance(layout, WarmLayout) or not layout.changed:
            return b""
        before, self._asked_of_layout = self._asked_of_layout, layout.pack()
        return self._parts.keep(self._kernel) if self._asked_of_layout != before else b""

    def _watch(self, ask: Watch) -> None:
        if self._kernel is not None and now()[0] >= self._until_ns:
            self._kernel.space.forget()
        self._apart_ns = int(1e9 / min(max(ask.per_s, 1e-3), _FASTEST_PER_S))
        self._next_ns, self._until_ns = now()[0], ask.until_ns

    def wait_ns(self) -> int | None:
        """For how long to wait for an ask until the next look is due; ``None`` where none is."""
        moment_ns = now()[0]
        return max(0, self._next_ns - moment_ns) if moment_ns < self._until_ns and self._kernel else None

    def look(self) -> None:
        """Take the look that is due; who is late leaves looks out. One that goes wrong ends them: the profile counts them."""
        self._next_ns = max(self._next_ns + self._apart_ns, now()[0])
        try:
            self._sampling().look()
        except Exception:  # noqa: BLE001 - as in ``answer``; nobody waits for an answer here
            self._until_ns = 0
