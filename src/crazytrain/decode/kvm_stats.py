"""KVM_STATS: KVM's binary statistics, one descriptor a line, each with a header that describes its own values.

Layout: Linux Documentation/virt/kvm/api.rst, KVM_GET_STATS_FD. All numbers are in the host's byte order.
"""

import struct
from collections import Counter
from collections.abc import Iterable, Iterator

import msgspec

from crazytrain.model.errors import BadInput
from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.kvm import KvmCounter, KvmStatReading
from crazytrain.model.fdkind import kind_of

_HEADER = struct.Struct("=IIIIII")  # flags, name size, number of descriptors, where id, descriptors and data begin
_DESCRIPTOR = struct.Struct(
    "=IhHII"
)  # flags, exponent, number of values, where they begin, size of a bucket; then the name
_VALUE = struct.Struct("=Q")
_TYPE, _CUMULATIVE = 0xF, 0
_MOST_DESCRIPTORS = 1024
_MOST_NAME = 256
_OF_VM = "vm."  # before the names of counters that the whole VM has


class _Line(msgspec.Struct, frozen=True):
    fd: int
    target: str
    mono_ns: int
    hex: str = ""
    error: str = ""


def decode_kvm_stats(evidence: Evidence) -> Iterable[object]:
    """Yield one ``KvmStatReading``: counters added up over vCPUs, those of the whole VM named ``vm.``...

    Raises:
        BadInput: a line that is none of ours, or statistics whose own header does not fit them.
    """
    sums: Counter[str] = Counter()
    vcpus, moment_ns = 0, 0
    for number, row in enumerate(evidence.data.splitlines(), 1):
        line, raw = _read(row, number, evidence)
        moment_ns = moment_ns or line.mono_ns
        if not raw or kind_of(line.target) != "kvm-stats":
            continue
        whole_vm = "vm-stats" in line.target
        vcpus += 0 if whole_vm else 1
        try:
            for counter in counters(raw):
                sums[(_OF_VM if whole_vm else "") + counter.name] += counter.value
        except (struct.error, ValueError) as error:
            raise BadInput(f"{evidence.source}: line {number} ({evidence.id}): {error}") from error
    if sums:
        told = tuple(KvmCounter(name, value) for name, value in sorted(sums.items()))
        yield KvmStatReading(mono_ns=moment_ns, counters=told, vcpus=vcpus, ref=evidence.ref())


def _read(row: bytes, number: int, evidence: Evidence) -> tuple[_Line, bytes]:
    try:
        line = msgspec.json.decode(row, type=_Line)
        return line, bytes.fromhex(line.hex)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise BadInput(f"{evidence.source}: line {number} ({evidence.id}) is none of ours: {error}") from error


def counters(raw: bytes) -> Iterator[KvmCounter]:
    """Give the counters of one descriptor: what only grows; states, peaks and histograms are no counters.

    Raises:
        ValueError: the header names more than there is.
        struct.error: it is cut off.
    """
    _flags, name_bytes, many, _id, first, data = _HEADER.unpack_from(raw)
    if many > _MOST_DESCRIPTORS or name_bytes > _MOST_NAME:
        raise ValueError(f"its header speaks of {many} values with names of {name_bytes} bytes")
    for number in range(many):
        at = first + number * (_DESCRIPTOR.size + name_bytes)
        flags, _exponent, size, offset, _bucket = _DESCRIPTOR.unpack_from(raw, at)
        name = raw[at + _DESCRIPTOR.size : at + _DESCRIPTOR.size + name_bytes].split(b"\0")[0]
        if flags & _TYPE == _CUMULATIVE and size == 1 and name:
            (value,) = _VALUE.unpack_from(raw, data + offset)
            yield KvmCounter(name.decode("ascii", "backslashreplace"), value)
