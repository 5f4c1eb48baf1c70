"""The log of kernels 3.5 to 5.9: one ring of records, each a head (``struct printk_log``), its text, and a dictionary.

::

    u64 ts_nsec   u16 len   u16 text_len   u16 dict_len   u8 facility   u8 flags:5, level:3

A record never wraps: where it would, a length of 0 stands, and it lies at the start. The layout was never another.
"""

import struct
from collections.abc import Iterator

from crazytrain.inside.kernel import Kernel
from crazytrain.model.facts.inside import InsideLog, LogRecord
from crazytrain.model.guest_memory import Unreadable

_HEAD = struct.Struct("<QHHHBB")
_MOST_BYTES = 32 << 20
_ALIGNED = 4
_TRIES = 4
_VARIABLES = ("log_first_seq", "log_first_idx", "log_next_seq", "log_next_idx")
_Ends = tuple[int, int, int, int]


def read_old_log(kernel: Kernel, most: int) -> InsideLog:
    """Read the last ``most`` records. Raises ``Unreadable``, also where the log is written to all the time."""
    space, symbols = kernel.space, kernel.symbols
    place, size = space.u64(symbols["log_buf"]), space.u32(symbols["log_buf_len"])
    if not _HEAD.size <= size <= _MOST_BYTES:
        raise Unreadable("the log has no believable size")
    for _ in range(_TRIES):
        before = _ends(kernel)
        data = space.read(place, size)
        if _ends(kernel)[:2] == before[:2]:
            return _log(data, before, most)
    raise Unreadable("the log was written to all the time while it was read")


def _ends(kernel: Kernel) -> _Ends:
    """The number and the place of the first record, and of the one that comes next."""
    space, symbols = kernel.space, kernel.symbols
    first_seq, first, next_seq, onward = (symbols[name] for name in _VARIABLES)
    return space.u64(first_seq), space.u32(first), space.u64(next_seq), space.u32(onward)


def _log(data: bytes, ends: _Ends, most: int) -> InsideLog:
    records = tuple(_records(data, ends))
    expected = ends[2] - ends[0]
    if not 0 <= expected <= len(data):
        raise Unreadable("the log's ends are not believed")
    return InsideLog(records=records[-most:], lost=expected - len(records), cut=len(records) > most)


def _records(data: bytes, ends: _Ends) -> Iterator[LogRecord]:
    """Yield the records from the first on, as long as each is believable."""
    seq, at, last, _ = ends
    wrapped = False
    while seq < last:
        if at + _HEAD.size > len(data):
            return
        at_ns, length, text_length, _, _, flags = _HEAD.unpack_from(data, at)
        if not length:
            if wrapped:
                return
            at, wrapped = 0, True
            continue
        if length % _ALIGNED or length < _HEAD.size + text_length or at + length > len(data):
            return
        text = data[at + _HEAD.size : at + _HEAD.size + text_length]
        yield LogRecord(seq, at_ns, flags >> 5, text.decode("utf-8", "backslashreplace"))
        seq, at = seq + 1, at + length
