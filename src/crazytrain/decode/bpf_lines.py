r"""The lines of ``bpftrace -f json`` as typed counts, those of one process only.

    {"type":"crazytrain","data":{"pid":4711,"arch":"x86_64","kvm":true,"left_out":[],"full":[]}}
    {"type": "attached_probes", "data": {"probes": 13}}
    {"type": "printf", "data": "pvclock pid=4711 vcpu=0 version=4 tsc_timestamp=98 ... flags=1\n"}
    {"type": "map", "data": {"@ioctl": {"4711,4715,16,13": 125630}}}
    {"type": "stats", "data": {"@call": {"4711,4711,271,4294967295": {"count": 8, "average": 205, "total": 1641}}}}
    {"type": "stats", "data": {"@outside": {"4711,4715,2": {"count": 292, "average": 4526, "total": 1321773}}}}
    {"type": "hist", "data": {"@wait_ns": {"4711,4711,271": [{"min": 131072, "max": 262143, "count": 5}]}}}
    {"type": "printf", "data": "over\n"}
    {"type": "map", "data": {"@from": 6273631272783}}
    {"type": "map", "data": {"@until": 6275171272660}}

The first line is ours: whose entries count. In a map's key stand the process and, depending on the map, thread, call, ...
Maps behind the line ``over`` hold what came after the window, while bpftrace was detaching.
Manual: bpftrace(8), and docs/reference_guide.md of its sources.
"""

from collections.abc import Mapping
from typing import TypeVar

import msgspec

from crazytrain.model.errors import BadInput
from crazytrain.model.evidence import Evidence, Outcome, Ref

T = TypeVar("T")

Key = tuple[int, ...]
_MOST_KEY_CHARACTERS = 200
_OVER = "over"
_KEY_PARTS = {
    "@call": 4,  # process, thread, call, first argument
    "@ioctl": 4,
    "@failed": 5,  # and the negative errno
    "@entered": 2,  # process, thread
    "@entered_call": 2,
    "@wait_ns": 3,  # process, thread, call
    "@wait_s": 3,
    "@wait_other": 4,  # and 0, -1 or -2
    "@kvm_run": 2,
    "@kvm_exit": 4,  # process, thread, isa, reason
    "@kvm_userspace_exit": 4,  # process, thread, reason, negative errno or not
    "@kvm_pio": 3,  # process, port, write
    "@kvm_mmio": 3,  # process, page number, type
    "@kvm_msr": 3,  # process, index, write
    "@kvm_page_fault": 2,  # process, page number
    "@kvm_inj_virq": 2,  # process, vector
    "@kvm_hypercall": 2,  # process, number
    "@empty": 4,  # process, thread, call, descriptor
    "@waited_ns": 3,
    "@waited_s": 3,
    "@ready_turns": 3,  # process, thread, call: how many descriptors were ready
    "@ready": 4,  # process, thread, descriptor, events
    "@ready_epoll": 5,  # process, thread, epoll set, data, events
    "@outside": 3,  # process, thread, reason: from an exit to QEMU to the next KVM_RUN
    "@exit_ns": 4,  # process, thread, isa, reason: from an exit to the next entry
    "@exit_rip": 3,  # process, thread, address
    "@kvm_set_irq": 3,  # process, GSI, level
    "@kvm_msi_set_irq": 2,  # process, vector
    "@kvm_apic_accept_irq": 3,  # process, local APIC, vector
    "@kvm_vcpu_wakeup": 4,  # process, thread, waited, valid: ns
    "@kvm_halt_poll_ns": 2,  # process, vCPU: ns
    "@kvm_ple_window_update": 2,  # process, vCPU: cycles
}


class Header(msgspec.Struct, frozen=True):
    """Whose entries count, how its system calls are numbered, whether KVM was looked at, and what could not be counted.

    ``kvm_events`` is how many of KVM's events were counted, ``None`` in older records. One exit in ``one_in`` was timed.
    """

    pid: int
    arch: str = ""
    kvm: bool = False
    left_out: tuple[str, ...] = ()
    full: tuple[str, ...] = ()
    kvm_events: int | None = None
    one_in: int = 64


class Timed(msgspec.Struct, frozen=True):
    """A map of ``stats``: how many, and the sum of them (for calls that came back: ns)."""

    count: int
    total: int


class Bucket(msgspec.Struct, frozen=True):
    """Values from ``min`` to ``max``, both included."""

    min: int
    max: int
    count: int


class _Line(msgspec.Struct, frozen=True):
    type: str
    data: msgspec.Raw


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """All lines of one process. Keys are without the process; ``lines`` says in which line a map stands."""

    header: Header
    maps: dict[str, dict[Key, int]]
    numbers: dict[str, int]
    timed: dict[str, dict[Key, Timed]]
    histograms: dict[str, dict[Key, tuple[Bucket, ...]]]
    printed: tuple[str, ...]
    lines: dict[str, int]

    def of(self, name: str) -> dict[Key, int]:
        """One map of counts; empty where nothing was counted."""
        return self.maps.get(name, {})

    def refs(self, evidence: Evidence, *names: str) -> tuple[Ref, ...]:
        """Where these maps stand; the whole evidence where none of them was printed, for then nothing was counted."""
        found = sorted({self.lines[name] for name in names if name in self.lines})
        return tuple(evidence.ref(line) for line in found) or (evidence.ref(),)

    def sums(self, name: str) -> dict[Key, Timed]:
        """One map of sums; empty where nothing was counted."""
        return self.timed.get(name, {})

    @property
    def window_ns(self) -> int:
        """How long it was counted."""
        return max(0, self.numbers.get("@until", 0) - self.numbers.get("@from", 0))


def read_lines(evidence: Evidence) -> Counted:
    """Read all lines.

    Raises:
        BadInput: a line that bpftrace does not write (the last one may be cut off where the evidence says so), or no
            first line of ours.
    """
    gathering = _Gathering()
    rows = evidence.data.split(b"\n")
    for number, row in enumerate(rows, 1):
        cut_off = number == len(rows) and evidence.outcome is Outcome.TRUNCATED
        try:
            if row.strip():
                gathering.take(msgspec.json.decode(row, type=_Line), number)
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            if not cut_off:
                raise BadInput(
                    f"{evidence.source}: line {number} ({evidence.id}) is none of bpftrace: {error}"
                ) from error
    return gathering.counted(evidence)


class _Gathering:
    """What the lines read so far hold."""

    def __init__(self) -> None:
        self._header: Header | None = None
        self._maps: dict[str, dict[Key, int]] = {}
        self._numbers: dict[str, int] = {}
        self._timed: dict[str, dict[Key, Timed]] = {}
        self._histograms: dict[str, dict[Key, tuple[Bucket, ...]]] = {}
        self._printed: list[str] = []
        self._lines: dict[str, int] = {}
        self._over = False

    def take(self, line: _Line, number: int) -> None:
        """Take one line in; other kinds (attached_probes, lost_events) count nothing."""
        match line.type:
            case "crazytrain":
                self._header = self._header or _as(line, Header)
            case "map":
                self._take_map(_as(line, dict[str, dict[str, int] | int]), number)
            case "stats" if not self._over:
                for name, times in _as(line, dict[str, dict[str, Timed]]).items():
                    self._timed[name] = self._own(name, times, number)
            case "hist" if not self._over:
                for name, rows in _as(line, dict[str, dict[str, tuple[Bucket, ...]]]).items():
                    self._histograms[name] = self._own(name, rows, number)
            case "printf":
                self._take_text(_as(line, str).rstrip("\n"))

    def _take_map(self, maps: Mapping[str, dict[str, int] | int], number: int) -> None:
        for name, counts in maps.items():
            if isinstance(counts, int):
                self._numbers[name] = counts
            elif not self._over:
                self._maps[name] = self._own(name, counts, number)

    def _take_text(self, text: str) -> None:
        self._over = self._over or text == _OVER
        if not self._over:
            self._printed.append(text)

    def _own(self, name: str, entries: Mapping[str, T], number: int) -> dict[Key, T]:
        """Give the entries of our process, their keys without it."""
        self._lines[name] = number
        pid = self._header.pid if self._header else None
        keyed = ((_key(name, text), value) for text, value in entries.items())
        return {key[1:]: value for key, value in keyed if key[0] == pid}

    def counted(self, evidence: Evidence) -> Counted:
        if self._header is None:
            raise BadInput(
                f"{evidence.source}: its first line ({evidence.id}) does not say which process was counted",
                'Such a line is {"type":"crazytrain","data":{"pid":4711,"arch":"x86_64","kvm":true}}',
            )
        return Counted(
            header=self._header,
            maps=self._maps,
            numbers=self._numbers,
            timed=self._timed,
            histograms=self._histograms,
            printed=tuple(self._printed),
            lines=self._lines,
        )


def _as(line: _Line, kind: type[T]) -> T:
    return msgspec.json.decode(line.data, type=kind)


def _key(name: str, text: str) -> Key:
    if len(text) > _MOST_KEY_CHARACTERS:
        raise ValueError(f"a key of {name} is too long")
    key = tuple(int(word) for word in text.split(","))
    if len(key) != _KEY_PARTS.get(name, len(key)):
        raise ValueError(f"a key of {name} has {len(key)} parts, not {_KEY_PARTS[name]}: {text}")
    return key
