"""RAM without a monitor: the mappings of the process, told apart by size and name, laid out as the machine does it."""

import re
from collections.abc import Sequence

import msgspec

from crazytrain.collect.inside_ram_words import Backend, RamWords, ram_words
from crazytrain.model.guest import Guest
from crazytrain.model.guest_memory import RamMap, Segment, Unreadable

_GIB = 1 << 30
_MAPPING = re.compile(
    rb"^([0-9a-f]+)-([0-9a-f]+) (?P<perms>\S{4}) (?P<offset>[0-9a-f]+) (?P<device>\S+) (?P<inode>\d+) *(?P<name>[^\n]*)",
    re.MULTILINE,
)
_MOST_MAPPINGS = 1 << 17
_HIGH_RAM = 4 * _GIB
# From this size on RAM below 4 GiB makes room for PCI and ends at that address (hw/i386/pc_q35.c, pc_piix.c, microvm.c).
_HOLES = {"q35": (0xB000_0000, 2 * _GIB), "microvm": (3 * _GIB, 3 * _GIB), "pc": (0xE000_0000, 3 * _GIB)}
# Beyond, QEMU lays the rest above 1 TiB on some hosts (hw/i386/pc.c, the HyperTransport hole).
_MOST_CERTAIN = 1000 * _GIB


class Mapped(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of one mapping of the process, put together where the kernel shows it in pieces."""

    start: int
    stop: int
    writable: bool
    inode: int
    name: str

    @property
    def size_bytes(self) -> int:
        """Its size."""
        return self.stop - self.start

    def holds(self, place: int, size_bytes: int) -> bool:
        """Whether all of this lies in it."""
        return self.start <= place and place + size_bytes <= self.stop


def mapped_in(maps: bytes) -> tuple[Mapped, ...]:
    """Read ``/proc/PID/maps``; neighbours that go on in one file, or are both anonymous, count as one."""
    spans: list[Mapped] = []
    ends = 0
    for _, found in zip(range(_MOST_MAPPINGS), _MAPPING.finditer(maps), strict=False):
        one = _mapped(found)
        offset = int(found["offset"], 16)
        if spans and _goes_on(spans[-1], one) and (not one.inode or offset == ends):
            spans[-1] = msgspec.structs.replace(spans[-1], stop=one.stop)
        else:
            spans.append(one)
        ends = offset + one.size_bytes
    return tuple(spans)


def _mapped(found: "re.Match[bytes]") -> Mapped:
    return Mapped(
        start=int(found[1], 16),
        stop=int(found[2], 16),
        writable=found["perms"].startswith(b"rw-"),  # code that TCG makes is writable, too
        inode=int(found["inode"]),
        name=found["name"].decode("utf-8", "replace"),
    )


def _goes_on(before: Mapped, one: Mapped) -> bool:
    return (before.stop, before.writable, before.inode, before.name) == (one.start, one.writable, one.inode, one.name)


def ram_by_mappings(guest: Guest, mapped: Sequence[Mapped]) -> RamMap:
    """Find the RAM. Raises ``Unreadable`` where more than one mapping would do, or none: it is never guessed."""
    if any("secretmem" in one.name for one in mapped):
        raise Unreadable("the guest's memory is secret memory (memfd_secret): the host cannot read it, by design")
    words = ram_words(guest.command_line)
    if words.why_unclear:
        raise Unreadable(f"where the guest's RAM lies is not known: {words.why_unclear}")
    size = words.size_bytes or guest.memory_bytes
    writable = [one for one in mapped if one.writable]
    if words.backends:
        return _of_backends(guest, words, writable)
    if not size:
        raise Unreadable("the size of the guest's RAM is not known")
    return _laid_out(guest, words, [(_alone(writable, size), size)], "the mapping of just the RAM's size")


def _alone(mapped: Sequence[Mapped], size: int) -> int:
    """Where the RAM begins that QEMU made by itself: a mapping of just that size, or the end of a larger anonymous one.

    RAM is followed by a guard page, so it ends where its mapping ends, and other memory may have come to lie before it.
    """
    exact = [one for one in mapped if one.size_bytes == size]
    if len(exact) == 1:
        return exact[0].start
    larger = [one for one in mapped if one.size_bytes > size and not one.inode]
    if exact or len(larger) != 1:
        raise Unreadable(f"{len(exact) or len(larger) or 'no'} mappings may be the guest's RAM of {size >> 20} MiB")
    return larger[0].stop - size


def _of_backends(guest: Guest, words: RamWords, mapped: Sequence[Mapped]) -> RamMap:
    """Each backend by its own mapping: its file's or memfd's name, else its size where no other has that."""
    whole = sum(backend.size_bytes for backend in words.backends)
    if words.size_bytes and whole != words.size_bytes:
        raise Unreadable(f"the memory backends make {whole >> 20} MiB, but -m says {words.size_bytes >> 20} MiB")
    parts = [(_of_backend(backend, words.backends, mapped), backend.size_bytes) for backend in words.backends]
    how = "the mapping of its backend" if len(parts) == 1 else f"the mappings of {len(parts)} backends"
    return _laid_out(guest, words, parts, how)


def _of_backend(backend: Backend, backends: Sequence[Backend], mapped: Sequence[Mapped]) -> int:
    sized = [one for one in mapped if one.size_bytes == backend.size_bytes]
    named = [one for one in sized if _is_named(one.name, backend)]
    if len(named) == 1:
        return named[0].start
    if named or sum(one.size_bytes == backend.size_bytes for one in backends) > 1:
        raise Unreadable(f"which mapping is the memory backend {backend.id[:60]} cannot be told: others have its size")
    return _alone(sized, backend.size_bytes) if backend.kind != "ram" else _alone(mapped, backend.size_bytes)


def _is_named(name: str, backend: Backend) -> bool:
    """Whether a mapping's file is the backend's: its path, QEMU's own name for one in a folder, or that of its memfd."""
    bare = name.removesuffix(" (deleted)")
    ids = (backend.id, f"/objects/{backend.id}", f"_objects_{backend.id}")
    ours = [f"/memfd:{one}" for one in ids] if backend.kind == "memfd" else []
    own_name = bare.rpartition("/qemu_back_mem.")[2].rpartition(".")[0]
    return bare in ours or (bool(backend.path) and (bare == backend.path or own_name in ids))


def _laid_out(guest: Guest, words: RamWords, parts: Sequence[tuple[int, int]], how: str) -> RamMap:
    """Lay the parts (place, size) out as the guest has them: one behind the other, with a hole below 4 GiB."""
    size = sum(size for _, size in parts)
    if size > _MOST_CERTAIN:
        raise Unreadable(f"where {size >> 30} GiB of RAM lie in the guest only its monitor knows")
    below = _below(size, words.machine or guest.machine, words.most_below_4g)
    segments: list[Segment] = []
    done = 0
    for place, length in parts:
        low = min(length, max(0, below - done))
        if low:
            segments.append(Segment(done, low, place))
        if low < length:
            segments.append(Segment(_HIGH_RAM + done + low - below, length - low, place + low))
        done += length
    return RamMap(segments=tuple(segments), how=f"{how}; memory that was plugged in later is not known")


def _below(size: int, machine: str, most: int | None) -> int:
    kind = next((kind for kind in ("q35", "microvm") if kind in machine), "pc")
    limit, end = _HOLES[kind]
    below = end if size >= limit else limit
    if most and most < below:
        below = most
    return min(size, below)
