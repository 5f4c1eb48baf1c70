"""A made-up kernel with code, an ORC table and stacks: four functions that call each other, entered from user mode."""

import struct
from collections.abc import Mapping, Sequence

from crazytrain.inside.kernel import Bits, Field, Kernel
from crazytrain.inside.memory import Recorded
from crazytrain.inside.orc import FIRST, RENUMBERED, WITH_KINDS, WITH_SIGNAL, Base, Dialect, Kind
from crazytrain.inside.paging import AddressSpace
from crazytrain.inside.symbols import Symbols
from crazytrain.model.facts.inside import FoundBy, GuestKernel
from crazytrain.model.guest_memory import PAGE_BYTES, Unreadable

TOP = 0xFFFF_FFFF_8000_0000
TEXT, ORC_IP, ORC, HEADER, DATA = (TOP + offset for offset in (0x1000, 0x10000, 0x20000, 0x30000, 0x40000))
TASK, STACK = TOP + 0x50000, TOP + 0x60000
STACK_BYTES = 16 << 10
ALL_BYTES = 0x70000
NAMES = ("inner", "middle", "outer", "entry", "born")
INNER, MIDDLE, OUTER, ENTRY, BORN = (TEXT + 0x100 * number for number in range(5))
PER_CPU = 0x100
HASHES = {
    id(WITH_SIGNAL): "db84aed4103b31dd51e017f8f79783ca985c2c51",
    id(WITH_KINDS): "fe5d32bf581bd63b2ca9a5c65ba5a625eab3fe24",
    id(RENUMBERED): "137c36ad7627c4dd55932176bb0ecdbd5041fc82",
}
Entry = tuple[int, Kind, Base, int, Base, int]
RULES: tuple[Entry, ...] = (
    (INNER, Kind.CALL, Base.SP, 8, Base.UNDEFINED, 0),
    (INNER + 0x10, Kind.CALL, Base.SP, 24, Base.PREV_SP, -16),
    (MIDDLE, Kind.CALL, Base.SP, 8, Base.UNDEFINED, 0),
    (MIDDLE + 0x10, Kind.CALL, Base.BP, 16, Base.PREV_SP, -16),
    (OUTER, Kind.CALL, Base.SP, 16, Base.UNDEFINED, 0),
    (ENTRY, Kind.REGS, Base.SP, 0, Base.UNDEFINED, 0),
    (BORN, Kind.END, Base.UNDEFINED, 0, Base.UNDEFINED, 0),
)
FIELDS = {
    ("task_struct", "stack"): Field(0x20, 8),
    ("task_struct", "thread.sp"): Field(0x80, 8),
    ("task_struct", "on_cpu"): Field(0x40, 4),
    ("task_struct", "pid"): Field(0x50, 4),
    ("task_struct", "tgid"): Field(0x54, 4),
    ("task_struct", "comm"): Field(0x60, 16),
    ("task_struct", "mm"): Field(0x90, 8),
    ("mm_struct", "pgd"): Field(0x10, 8),
}
MEMBERS = {
    id(FIRST): ("sp_reg", "end"),
    id(WITH_SIGNAL): ("sp_reg", "end", "signal"),
    id(WITH_KINDS): ("sp_reg", "signal"),
}


class Layout:
    """A layout of what is listed."""

    def __init__(self, fields: Mapping[tuple[str, str], Field]) -> None:
        self._fields = fields

    def field(self, struct: str, path: str) -> Field:
        if (struct, path) not in self._fields:
            raise Unreadable(f"no {struct}.{path}")
        return self._fields[struct, path]

    def bits(self, struct: str, path: str) -> Bits:
        raise Unreadable(f"no {struct}.{path}")

    def size(self, struct: str) -> int:
        raise Unreadable(f"no {struct}")

    def value(self, enum: str, name: str) -> int:
        raise Unreadable(f"no {enum}.{name}")


def word_of(dialect: Dialect, kind: Kind, sp_base: Base, bp_base: Base) -> int:
    """Write the bits of an entry as a kernel of that dialect has them."""
    if kind in (Kind.END, Kind.UNDEFINED) and dialect.end_mask:
        return dialect.end_mask if kind is Kind.END else 0
    return dialect.bases.index(sp_base) | dialect.bases.index(bp_base) << 4 | dialect.kinds.index(kind) << 8


class MadeStacks:
    """Memory of one kernel, to be filled; the stack is a run of words that ends at its end."""

    def __init__(
        self, dialect: Dialect = WITH_KINDS, rules: Sequence[Entry] = RULES, *, told_by: str = "members"
    ) -> None:
        self.data = bytearray(ALL_BYTES)
        self.fields = dict(FIELDS)
        self.symbols = dict(zip(NAMES, (INNER, MIDDLE, OUTER, ENTRY, BORN), strict=True))
        self.symbols |= {"_text": TEXT, "_stext": TEXT, "_etext": TEXT + 0x800, "_end": TOP + ALL_BYTES}
        self.symbols |= {"__start_orc_unwind_ip": ORC_IP, "__start_orc_unwind": ORC, "linux_banner": DATA}
        self.symbols["__stop_orc_unwind_ip"] = ORC_IP + 4 * len(rules)
        if told_by == "hash" and id(dialect) in HASHES:
            self.symbols["__start_orc_header"] = HEADER
            self.put(HEADER, bytes.fromhex(HASHES[id(dialect)]))
        elif told_by == "members":
            for member in MEMBERS.get(id(dialect), ("sp_reg", "signal")):
                self.fields["orc_entry", member] = Field(4, 2)
        for number, (address, kind, sp_base, sp_offset, bp_base, bp_offset) in enumerate(rules):
            place = ORC_IP + 4 * number
            self.put(place, struct.pack("<i", address - place))
            self.put(
                ORC + 6 * number, struct.pack("<hhH", sp_offset, bp_offset, word_of(dialect, kind, sp_base, bp_base))
            )
        self.put(DATA, b"Linux version 9")
        self.put(TASK + 0x50, struct.pack("<II", 42, 41))
        self.put(TASK + 0x60, b"made")
        self.u64(TASK + 0x20, STACK)
        self.call(MIDDLE + 0x20, INNER)
        self.call(OUTER + 0x20, MIDDLE)
        self.call(ENTRY + 0x20, OUTER)

    def put(self, address: int, content: bytes) -> None:
        self.data[address - TOP : address - TOP + len(content)] = content

    def u64(self, address: int, *values: int) -> None:
        self.put(address, struct.pack(f"<{len(values)}Q", *(value & 0xFFFF_FFFF_FFFF_FFFF for value in values)))

    def call(self, returns_to: int, target: int) -> None:
        """Write the call before a return address."""
        self.put(returns_to - 5, b"\xe8" + struct.pack("<i", target - returns_to))

    def cpu(self, task: int = TASK) -> int:
        """Make one CPU, on which a task is; gives its offset, which its GS holds."""
        area = DATA + 0x1000
        self.symbols |= {
            "__per_cpu_offset": DATA + 0x100,
            "nr_cpu_ids": DATA + 0x108,
            "__cpu_online_mask": DATA + 0x110,
        }
        self.symbols["current_task"] = PER_CPU
        self.u64(DATA + 0x100, area, 1, 1)
        self.u64(area + PER_CPU, task)
        return area

    def in_a_call(self, cs: int = 0x33) -> int:
        """Put inner < middle < outer < entry on the stack, as a task leaves it when it sleeps; gives its stack pointer."""
        end = STACK + STACK_BYTES
        regs = [0] * 16 + [0x40_1000, cs, 0x202, 0x7FFF_0000, 0x2B]
        middle_bp = end - 8 * len(regs) - 16 - 16
        words = [0] * 5 + [middle_bp, INNER + 0x20]  # struct inactive_task_frame
        words += [0xAA, middle_bp, MIDDLE + 0x20]  # inner's frame: a local, the saved frame pointer
        words += [0xBB, OUTER + 0x20]  # middle's, by its frame pointer
        words += [0xCC, ENTRY + 0x20]
        sp = end - 8 * (len(words) + len(regs))
        self.u64(sp, *words, *regs)
        self.u64(TASK + 0x80, sp)
        return sp

    def kernel(self) -> Kernel:
        pages = {at // PAGE_BYTES: bytes(self.data[at : at + PAGE_BYTES]) for at in range(0, ALL_BYTES, PAGE_BYTES)}
        root, top = bytearray(PAGE_BYTES), bytearray(PAGE_BYTES)
        first = ALL_BYTES // PAGE_BYTES
        struct.pack_into("<Q", root, 511 * 8, (first + 1) * PAGE_BYTES | 1)
        struct.pack_into("<Q", top, 510 * 8, 1 | 1 << 7)
        memory = Recorded({**pages, first: bytes(root), first + 1: bytes(top)})
        ordered = sorted(self.symbols.items(), key=lambda one: one[1])
        symbols = Symbols([address for _, address in ordered], [name for name, _ in ordered], "t" * len(ordered))
        about = GuestKernel(system="Linux", banner="", found_by=FoundBy.SIGNATURE)
        space = AddressSpace(memory, ALL_BYTES)
        return Kernel(memory, space, symbols, Layout(self.fields), about)
