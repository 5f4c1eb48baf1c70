"""Walks the stacks of all sleeping threads of a process; each only if the thread did not run while its stack was copied."""

import msgspec

from crazytrain.collect.elf import Elf, Unreadable
from crazytrain.collect.mappings import MAPS_LIMIT_BYTES, Mapping, mapping_of, mappings, where_to_read
from crazytrain.collect.parts import read_part
from crazytrain.collect.unwind import Frame, Process, Stack, unwind
from crazytrain.host.door import Host, outcome_of

THREAD_LIMIT = 64
_STACK_BYTES = 64 << 10
_TRIES = 3
_MOST_NS = 1_500_000_000
_RUNNING = b"running"


class Walked(msgspec.Struct, frozen=True, omit_defaults=True):
    """A line of the evidence: one thread's frames, the innermost first, and why there are no more (or none).

    ``switches`` is how often it had been on a CPU: the same before and behind the copy. ``stopped_ns``: it was stopped for
    the copy, for so long.
    """

    tid: int
    comm: str
    mono_ns: int
    ended: str
    frames: tuple[Frame, ...] = ()
    switches: int | None = None
    stopped_ns: int | None = None


# Guests of one host run the same QEMU, so each file is read once for all of them. By device and inode: that is the file itself.
_READ: dict[tuple[str, int, str], Elf] = {}
_MOST_FILES = 64


class Library:
    """The files behind a process' code, each read once: QEMU's own takes 50 ms of CPU time."""

    def __init__(self, host: Host, pid: int) -> None:
        self._host, self._pid = host, pid
        self._files: dict[tuple[str, int, str], Elf | None] = {}
        self.failed: dict[str, str] = {}

    def of(self, mapping: Mapping) -> Elf | None:
        """The file behind a mapping; ``None`` where it cannot be read."""
        key = (mapping.device, mapping.inode, mapping.path)
        if key not in self._files:
            known = _READ.get(key)
            found = known if known is not None and known.readable else self._opened(mapping)
            self._files[key] = found
            if found is not None and (known is not None or len(_READ) < _MOST_FILES):
                _READ[key] = found
        return self._files[key]

    def _opened(self, mapping: Mapping) -> Elf | None:
        for path in where_to_read(self._pid, mapping):
            try:
                return Elf(self._host, path)
            except Unreadable as error:
                self.failed[mapping.name] = str(error)
                break  # by another path it is the same file
            except OSError as error:
                self.failed[mapping.name] = outcome_of(error)[1]
        return None


def walk_all(host: Host, pid: int, library: Library, walked: list[Walked]) -> str:
    """Put a line for each thread into the list; say what was left out."""
    end_ns = host.mono_ns() + _MOST_NS
    process = Process(mappings(host.read(f"/proc/{pid}/maps", MAPS_LIMIT_BYTES)), library.of)
    tids = host.names(f"/proc/{pid}/task")
    for tid in tids[:THREAD_LIMIT]:
        if host.mono_ns() > end_ns:
            return f"cut after {len(walked)} of {len(tids)} threads: it took longer than {_MOST_NS / 1e9:g} s"
        walked.append(_walked(host, pid, int(tid), process))
    return f"{THREAD_LIMIT} of {len(tids)} threads" if len(tids) > THREAD_LIMIT else ""


def _walked(host: Host, pid: int, tid: int, process: Process) -> Walked:
    folder = f"/proc/{pid}/task/{tid}"
    comm = read_part(host, f"{folder}/comm", 128).text.removesuffix("\n")
    mono_ns, ended = host.mono_ns(), "it ran while it was looked at, each time"
    for _ in range(_TRIES):
        mono_ns = host.mono_ns()
        before, count = _asleep(host, folder)
        if not before:
            ended = "it was on a CPU, or is none of QEMU's own"
            continue
        stack = _copy(host, pid, int(before[-2], 16), process)
        if stack is None:
            return Walked(tid, comm, mono_ns, "its stack cannot be read")
        if _asleep(host, folder) == (before, count):
            frames, ended = unwind(process, int(before[-1], 16), stack)
            return Walked(tid, comm, mono_ns, ended, frames, count)
    return Walked(tid, comm, mono_ns, ended)


def _asleep(host: Host, folder: str) -> tuple[tuple[bytes, ...], int | None]:
    """The words of ``syscall`` (the last two are stack pointer and instruction) and how often it was on a CPU."""
    words = tuple(read_part(host, f"{folder}/syscall", 512).data.split())
    counts = read_part(host, f"{folder}/schedstat", 128).data.split()
    count = int(counts[2]) if len(counts) == 3 and counts[2].isdigit() else None
    return ((), None) if len(words) < 3 or words[0] == _RUNNING else (words, count)


def _copy(host: Host, pid: int, top: int, process: Process) -> Stack | None:
    mapping = mapping_of(top, process.mappings)
    if mapping is None:
        return None
    try:
        return Stack(top, host.read_at(f"/proc/{pid}/mem", top, min(_STACK_BYTES, mapping.stop - top)))
    except OSError:
        return None
