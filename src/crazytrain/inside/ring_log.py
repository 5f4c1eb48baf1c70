"""The log of kernels since 5.10: descriptors, each with its information, and the text apart.

A descriptor's state variable holds its number and, in the two highest bits, its state: only what is committed or finalised is
there to be read. The descriptors are read before and after all else: what changed between is lost.
"""

import struct
from typing import NamedTuple

from crazytrain.inside.kernel import Bits, Kernel
from crazytrain.model.facts.inside import InsideLog, LogRecord
from crazytrain.model.guest_memory import Unreadable

_MOST_COUNT_BITS = 20
_TEXT_BITS = range(4, 26)  # up to 32 MiB
_MOST_ROWS = 48 << 20  # bytes of all descriptors, or of all that is known of them
_STATE_SHIFT = 62
_ID = (1 << _STATE_SHIFT) - 1
_RESERVED, _REUSABLE = 0, 3  # not written yet, and overwritten already: nobody would read these
_DATALESS = 1
_EMPTY = 3  # where an empty line has its text
_BLOCK_HEAD = 8  # a text block begins with the number of its descriptor
_U64 = struct.Struct("<Q")


class _Ring(NamedTuple):
    """Where all parts of the ring lie, as read from its head."""

    descriptors: int
    descs: int
    infos: int
    head: int
    tail: int
    text: int
    text_size: int


class _Shape(NamedTuple):
    """How a descriptor and what is known of it are laid out."""

    desc: int
    state: int
    begin: int
    next: int
    info: int
    seq: int
    time: int
    text_length: int
    level: Bits


def read_ring(kernel: Kernel, most: int) -> InsideLog:
    """Read the last ``most`` records. Raises ``Unreadable``."""
    ring, shape = _ring(kernel), _shape(kernel)
    space = kernel.space
    descs = _rows(kernel, ring.descs, ring.descriptors * shape.desc)
    infos = _rows(kernel, ring.infos, ring.descriptors * shape.info)
    text = space.read(ring.text, ring.text_size)
    again = _rows(kernel, ring.descs, ring.descriptors * shape.desc)
    first = max(ring.tail, ring.head - most + 1)
    records, lost = [], 0
    for number in range(first, ring.head + 1):
        at = number % ring.descriptors
        desc = descs[at * shape.desc : (at + 1) * shape.desc]
        state = _u64(desc, shape.state)
        if state & _ID == number & _ID and state >> _STATE_SHIFT in (_RESERVED, _REUSABLE):
            continue
        same = state & _ID == number & _ID and desc == again[at * shape.desc : (at + 1) * shape.desc]
        record = _record(shape, desc, infos[at * shape.info : (at + 1) * shape.info], text) if same else None
        if record is None:
            lost += 1
        else:
            records.append(record)
    return InsideLog(records=tuple(records), lost=lost, cut=first > ring.tail)


def _record(shape: _Shape, desc: bytes, info: bytes, text: bytes) -> LogRecord | None:
    """One record; ``None`` where its text is gone."""
    said = _text(text, _u64(desc, shape.state) & _ID, _u64(desc, shape.begin), _u64(desc, shape.next))
    if said is None:
        return None
    said = said[: _u16(info, shape.text_length)]
    level = info[shape.level.offset] >> shape.level.shift & ((1 << shape.level.width) - 1)
    return LogRecord(_u64(info, shape.seq), _u64(info, shape.time), level, said.decode("utf-8", "backslashreplace"))


def _text(text: bytes, number: int, begin: int, end: int) -> bytes | None:
    """The text of a block: it never wraps, one that would begins anew at the start. ``None`` where it is not this record's."""
    if begin & _DATALESS or end & _DATALESS:
        return b"" if begin == end == _EMPTY else None
    size = len(text)
    start, stop = begin % size, end % size or size
    if stop <= start:
        start = 0
    if start + _BLOCK_HEAD > stop or _u64(text, start) & _ID != number:
        return None
    return text[start + _BLOCK_HEAD : stop]


def _u64(data: bytes, at: int) -> int:
    return int(_U64.unpack_from(data, at)[0])


def _u16(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 2], "little")


def _rows(kernel: Kernel, place: int, size: int) -> bytes:
    if size > _MOST_ROWS:
        raise Unreadable("the log has no believable size")
    return kernel.space.read(place, size)


def _ring(kernel: Kernel) -> _Ring:
    layout, space = kernel.layout, kernel.space
    size = layout.size("printk_ringbuffer")
    if not 0 < size <= 4096:
        raise Unreadable("the log's head has no believable size")
    head = space.read(space.u64(kernel.symbols["prb"]), size)

    def number(path: str) -> int:
        field = layout.field("printk_ringbuffer", path)
        return int.from_bytes(head[field.offset : field.offset + field.size], "little")

    count_bits, size_bits = number("desc_ring.count_bits"), number("text_data_ring.size_bits")
    if count_bits > _MOST_COUNT_BITS or size_bits not in _TEXT_BITS:
        raise Unreadable("the log has no believable size")
    ring = _Ring(
        descriptors=1 << count_bits,
        descs=number("desc_ring.descs"),
        infos=number("desc_ring.infos"),
        head=number("desc_ring.head_id"),
        tail=number("desc_ring.tail_id"),
        text=number("text_data_ring.data"),
        text_size=1 << size_bits,
    )
    return ring._replace(head=ring.tail + _apart(ring))


def _apart(ring: _Ring) -> int:
    """How many descriptors are between the tail and the head; their numbers wrap at 62 bits."""
    apart = (ring.head - ring.tail) & _ID
    if apart >= ring.descriptors:
        raise Unreadable("the log's ends were torn while they were read")
    return apart


def _shape(kernel: Kernel) -> _Shape:
    layout = kernel.layout
    shape = _Shape(
        desc=layout.size("prb_desc"),
        state=layout.field("prb_desc", "state_var").offset,
        begin=layout.field("prb_desc", "text_blk_lpos.begin").offset,
        next=layout.field("prb_desc", "text_blk_lpos.next").offset,
        info=layout.size("printk_info"),
        seq=layout.field("printk_info", "seq").offset,
        time=layout.field("printk_info", "ts_nsec").offset,
        text_length=layout.field("printk_info", "text_len").offset,
        level=layout.bits("printk_info", "level"),
    )
    within_desc = max(shape.state, shape.begin, shape.next) + 8 <= shape.desc
    within_info = max(shape.seq, shape.time, shape.text_length, shape.level.offset) + 8 <= shape.info
    if not within_desc or not within_info or max(shape.desc, shape.info) > 4096:
        raise Unreadable("the kernel's type information tells nonsense of the log")
    return shape
