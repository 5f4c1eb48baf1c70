"""One ELF file: where its functions are, and how to unwind them. Only what is asked for is read of it.

A QEMU has 18 MiB. Its program headers, its symbol table and the sorted index of its unwinding information are one and a half;
an entry of that information is read when a frame needs it.
"""

import io
import struct
from bisect import bisect_right
from collections.abc import Sequence

import msgspec
from elftools.common.exceptions import ELFError
from elftools.dwarf.callframe import FDE, CallFrameInfo, CFARule, RegisterRule
from elftools.dwarf.structs import DWARFStructs
from elftools.elf.elffile import ELFFile

from crazytrain.collect.mappings import Mapping
from crazytrain.host.door import Host

_DEBUG = "/usr/lib/debug/.build-id"
_MOST_SYMBOL_BYTES = 24 << 20
_MOST_INDEX_BYTES = 8 << 20
_MOST_ENTRY_BYTES = 64 << 10
_SYMBOL = struct.Struct("<IBBHQQ")  # Elf64_Sym
_FUNCTIONS = (2, 10)  # STT_FUNC, STT_GNU_IFUNC
_SORTED_TABLE = 0x3B  # DW_EH_PE_datarel | DW_EH_PE_sdata4: what every linker writes
_SYMBOL_TABLES = ((".symtab", ".strtab"), (".dynsym", ".dynstr"))
_SECTION = struct.Struct("<IIQQQQIIQQ")  # Elf64_Shdr
_NO_BYTES = 8  # SHT_NOBITS
_BLOCK_BYTES = 64 << 10
_MOST_BLOCKS = 64


class Unreadable(Exception):
    """A file that is no ELF of a kind that is understood, or not whole."""


class Symbol(msgspec.Struct, frozen=True):
    """A function's name, and how far in it an address is."""

    name: str
    plus: int


class Row(msgspec.Struct, frozen=True):
    """How to find the caller at one instruction: the canonical frame address is ``register`` + ``offset``, and ``saved`` says
    where (from there) registers were saved. ``last``: there is no caller. ``function`` is where the code begins.
    """

    function: int
    register: int
    offset: int
    saved: tuple[tuple[int, int], ...]
    lost: tuple[int, ...] = ()
    last: bool = False


class _Stream(io.BytesIO):
    """A regular file behind the door, as pyelftools reads one; it never holds the whole."""

    def __init__(self, host: Host, path: str) -> None:
        super().__init__()
        self._host, self._path, self._at = host, path, 0
        _, self._size = host.read_tail(path, 1)
        self._blocks: dict[int, bytes] = {}

    def readable(self) -> bool:
        """Whether the file is still there."""
        try:
            return bool(self._host.read_at(self._path, 0, 4))
        except OSError:
            return False

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def read(self, size: int | None = -1) -> bytes:
        data = self.piece(self._at, -1 if size is None else size)
        self._at += len(data)
        return data

    def piece(self, offset: int, length: int) -> bytes:
        """Bytes from anywhere; large ones are not kept."""
        if length < 0 or length > _BLOCK_BYTES:
            return self._host.read_at(self._path, offset, max(length, 0))
        first, end = offset // _BLOCK_BYTES, (offset + length - 1) // _BLOCK_BYTES
        data = b"".join(self._block(number) for number in range(first, end + 1))
        begin = offset - first * _BLOCK_BYTES
        return data[begin : begin + length]

    def _block(self, number: int) -> bytes:
        if number not in self._blocks:
            if len(self._blocks) >= _MOST_BLOCKS:
                self._blocks.clear()
            self._blocks[number] = self._host.read_at(self._path, number * _BLOCK_BYTES, _BLOCK_BYTES)
        return self._blocks[number]


class Elf:
    """An x86-64 ELF file. Addresses are the file's own, as ``readelf`` shows them.

    Raises:
        Unreadable: it is none.
        OSError: it cannot be read.
    """

    def __init__(self, host: Host, path: str) -> None:
        self._host = host
        self._stream = _Stream(host, path)
        self._rows: dict[int, Row | None] = {}
        try:
            self._file = ELFFile(self._stream)
            if self._file["e_machine"] != "EM_X86_64":
                raise Unreadable(f"{self._file['e_machine']} is not understood")
            self._loads = [
                (s["p_offset"], s["p_filesz"], s["p_vaddr"])
                for s in self._file.iter_segments()
                if s["p_type"] == "PT_LOAD"
            ]
            self._index()
            self._names()
        except (ELFError, struct.error, IndexError, KeyError, UnicodeDecodeError, AssertionError) as error:
            raise Unreadable(f"not understood: {error}") from error

    @property
    def readable(self) -> bool:
        """Whether the file can still be read; one that was opened by way of a process is gone with it."""
        return self._stream.readable()

    def address_of(self, mapping: Mapping, address: int) -> int | None:
        """The file's own address of a place in one of its mappings; ``None`` where no segment is mapped there."""
        at = address - mapping.start + mapping.file_offset
        return next((at - begin + vaddr for begin, size, vaddr in self._loads if begin <= at < begin + size), None)

    def code(self, address: int, length: int) -> bytes:
        """Bytes at an address of the file; fewer where it ends, none where it cannot be read any more."""
        for begin, size, vaddr in self._loads:
            if vaddr <= address < vaddr + size:
                try:
                    return self._stream.piece(address - vaddr + begin, min(length, vaddr + size - address))
                except OSError:  # it was opened by way of a process that has ended
                    return b""
        return b""

    def symbol(self, address: int) -> Symbol | None:
        """The function in which an address lies; ``None`` where the tables have none that reaches there."""
        at = bisect_right(self._starts, address) - 1
        for number in range(at, max(at - 4, -1), -1):  # a smaller one may lie in a larger one
            start, size, name, strings = self._symbols[number]
            if start <= address < start + max(size, 1):
                end = strings.find(b"\0", name)
                bare = strings[name:end].partition(b"@")[0]  # without the version that a debug file adds
                return Symbol(bare.decode("utf-8", "backslashreplace"), address - start)
        return None

    def row(self, address: int) -> Row | None:
        """How to unwind at an address; ``None`` where the file does not say, or says it in a way that is not understood."""
        if address not in self._rows:
            try:
                self._rows[address] = self._unwinding(address)
            except (ELFError, struct.error, IndexError, KeyError, AssertionError, ValueError):
                self._rows[address] = None
        return self._rows[address]

    def _index(self) -> None:
        """Read the sorted table of .eh_frame_hdr: where each function begins, and where its entry is."""
        self._code_starts: Sequence[int] = ()
        self._entries: Sequence[int] = ()
        header = next((s for s in self._file.iter_segments() if s["p_type"] == "PT_GNU_EH_FRAME"), None)
        if header is None:
            return
        data = self._stream.piece(header["p_offset"], min(header["p_filesz"], _MOST_INDEX_BYTES))
        if len(data) < 12 or data[0] != 1 or data[3] != _SORTED_TABLE or data[2] & 0x0F != 3:
            return
        (count,) = struct.unpack_from("<I", data, 8)
        count = min(count, (len(data) - 12) // 8)
        table = struct.unpack_from(f"<{count * 2}i", data, 12)
        base = header["p_vaddr"]
        self._code_starts = [base + start for start in table[0::2]]
        self._entries = [base + entry for entry in table[1::2]]

    def _unwinding(self, address: int) -> Row | None:
        at = bisect_right(self._code_starts, address) - 1
        entry = self._entry(self._entries[at]) if at >= 0 else None
        if entry is None:
            return None
        begin, length = entry.header["initial_location"], entry.header["address_range"]
        if not begin <= address < begin + length:
            return None
        lines = [line for line in entry.get_decoded().table if line["pc"] <= address]
        return _row(begin, lines[-1]) if lines else None

    def _entry(self, address: int) -> FDE | None:
        """Read one entry and the one that it builds upon, put side by side as a section of their own."""
        own = self._record(address)
        (back,) = struct.unpack_from("<I", own, 4)
        above = self._record(address + 4 - back)
        moved = own[:4] + struct.pack("<I", len(above) + 4) + own[8:]
        structs = DWARFStructs(little_endian=True, dwarf_format=32, address_size=8)
        section = CallFrameInfo(
            io.BytesIO(above + moved), len(above) + len(moved), address - len(above), structs, for_eh_frame=True
        )
        last = section.get_entries()[-1]
        return last if isinstance(last, FDE) else None

    def _record(self, address: int) -> bytes:
        (length,) = struct.unpack("<I", self.code(address, 4))
        if not 8 <= length <= _MOST_ENTRY_BYTES:
            raise ValueError("an entry of unlikely length")
        return self.code(address, length + 4)

    def _names(self) -> None:
        own = _Sections(self._stream)
        found: list[tuple[int, int, int, bytes]] = []
        for sections in (own, *self._debug_files(own)):
            for table, strings in _SYMBOL_TABLES:
                found.extend(_functions(sections.bytes_of(table), sections.bytes_of(strings)))
        # Of several names for one place the last one counts: the larger, then the one with fewer underscores before it.
        found.sort(key=lambda symbol: (symbol[0], symbol[1], not symbol[3].startswith(b"_", symbol[2])))
        self._symbols = found
        self._starts = [symbol[0] for symbol in found]

    def _debug_files(self, own: "_Sections") -> list["_Sections"]:
        """The file with the names that were taken out of this one, where a package has put it."""
        build_id = own.bytes_of(".note.gnu.build-id")[16:].hex()
        if len(build_id) < 8:
            return []
        try:
            return [_Sections(_Stream(self._host, f"{_DEBUG}/{build_id[:2]}/{build_id[2:]}.debug"))]
        except (OSError, struct.error):
            return []


class _Sections:
    """The sections of a file by name. pyelftools reads each one that it passes, a table of hashes word by word."""

    def __init__(self, stream: _Stream) -> None:
        self._stream = stream
        header = stream.piece(0, 64)
        (table,) = struct.unpack_from("<Q", header, 40)
        count, names = struct.unpack_from("<HH", header, 60)
        rows = list(_SECTION.iter_unpack(stream.piece(table, count * _SECTION.size))) if table else []
        words = stream.piece(rows[names][4], rows[names][5]) if names < len(rows) else b""
        self._rows = {words[row[0] :].partition(b"\0")[0].decode("ascii", "replace"): row for row in rows}

    def bytes_of(self, name: str) -> bytes:
        """What a section holds; empty where it is not there or too large to be looked at."""
        row = self._rows.get(name)
        if row is None or row[1] == _NO_BYTES or row[5] > _MOST_SYMBOL_BYTES:
            return b""
        return self._stream.piece(row[4], row[5])


def _functions(table: bytes, strings: bytes) -> list[tuple[int, int, int, bytes]]:
    whole = len(table) - len(table) % _SYMBOL.size
    return [
        (value, size, name, strings)
        for name, info, _, section, value, size in _SYMBOL.iter_unpack(table[:whole])
        if info & 0x0F in _FUNCTIONS and section != 0
    ]


def _row(function: int, line: dict[object, object]) -> Row | None:
    """A line of the decoded table; ``None`` where it computes the frame by an expression."""
    frame = line["cfa"]
    if not isinstance(frame, CFARule) or frame.reg is None or frame.offset is None:
        return None
    rules = {
        number: rule for number, rule in line.items() if isinstance(number, int) and isinstance(rule, RegisterRule)
    }
    places = {number: rule.arg for number, rule in rules.items() if rule.type == RegisterRule.OFFSET}
    saved = tuple((number, place) for number, place in places.items() if isinstance(place, int))
    kept = (RegisterRule.OFFSET, RegisterRule.SAME_VALUE)
    lost = tuple(number for number, rule in rules.items() if rule.type not in kept)
    return Row(function, frame.reg, frame.offset, saved, lost, last=RETURN_ADDRESS in lost)


RETURN_ADDRESS = 16  # the column of the x86-64 psABI
