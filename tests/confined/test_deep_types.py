"""A kernel's BTF as drgn types: a blob made by hand, and blobs that a hostile guest would make."""

import struct
from typing import Any

import drgn
import pytest

from crazytrain.confined.deep_types import DeepTypes
from crazytrain.model.guest_memory import Unreadable

INT, PTR, ARRAY, STRUCT, ENUM, TYPEDEF, CONST, PROTO, FUNC, VAR = 1, 2, 3, 4, 6, 8, 10, 13, 12, 14


class Blob:
    """Writes BTF, one type after the other; numbers begin at 1."""

    def __init__(self) -> None:
        self.types = b""
        self.strings = b"\0"

    def name(self, text: str) -> int:
        if not text:
            return 0
        at = len(self.strings)
        self.strings += text.encode() + b"\0"
        return at

    def add(self, kind: int, name: str, third: int, *rest: int, many: int = 0, flag: bool = False) -> None:
        info = kind << 24 | many | (1 << 31 if flag else 0)
        self.types += struct.pack(
            f"<III{len(rest)}I", self.name(name), info, third, *(one & 0xFFFFFFFF for one in rest)
        )

    def data(self) -> bytes:
        sizes = (0, len(self.types), len(self.types), len(self.strings))
        return struct.pack("<HBBIIIII", 0xEB9F, 1, 0, 24, *sizes) + self.types + self.strings


def a_kernel() -> bytes:
    blob = Blob()
    blob.add(INT, "int", 4, 1 << 24 | 32)  # 1
    blob.add(INT, "unsigned int", 4, 32)  # 2
    blob.add(PTR, "", 4)  # 3: struct task *
    members = (
        blob.name("pid"),
        1,
        0,
        blob.name("flag"),
        2,
        3 << 24 | 32,
        blob.name("next"),
        3,
        64,
        blob.name("comm"),
        6,
        128,
    )
    blob.add(STRUCT, "task", 32, *members, many=4, flag=True)  # 4
    blob.add(INT, "char", 1, 1 << 24 | 8)  # 5
    blob.add(ARRAY, "", 0, 5, 2, 16)  # 6: char [16]
    blob.add(ENUM, "mode", 4, blob.name("OFF"), -1, blob.name("ON"), 7, many=2, flag=True)  # 7
    blob.add(TYPEDEF, "task_t", 4)  # 8
    blob.add(PROTO, "", 1, blob.name("who"), 3, many=1)  # 9
    blob.add(FUNC, "wake", 9)  # 10
    blob.add(VAR, "runs", 3, 0)  # 11
    blob.add(CONST, "", 1)  # 12
    return blob.data()


def a_program(data: bytes) -> tuple[Any, DeepTypes]:
    program = drgn.Program(drgn.Platform(drgn.Architecture.X86_64))
    types = DeepTypes(program, data)
    program.register_type_finder("ours", types.find, enable_index=0)
    return program, types


def test_a_structure_with_a_bit_field_and_a_pointer_to_itself() -> None:
    program, _ = a_program(a_kernel())
    task = program.type("struct task")
    assert drgn.sizeof(task) == 32
    assert [(member.name, member.bit_offset, member.bit_field_size) for member in task.members] == [
        ("pid", 0, None),
        ("flag", 32, 3),
        ("next", 64, None),
        ("comm", 128, None),
    ]
    assert task.members[2].type.type.tag == "task"
    assert task.members[3].type.length == 16
    raw = struct.pack("<iIQ16s", -5, 0b101, 0, b"busy")
    value = drgn.Object.from_bytes_(program, task, raw)
    assert (value.pid.value_(), value.flag.value_(), value.comm.string_()) == (-5, 5, b"busy")
    assert program.type("task_t").type.tag == "task"


def test_enumerators_functions_and_variables() -> None:
    _, types = a_program(a_kernel())
    off = types.constant("OFF")
    assert off is not None
    assert off.value_() == -1
    assert types.constant("task") is None
    wake = types.of("wake")
    assert wake is not None
    assert [parameter.name for parameter in wake.parameters] == ["who"]
    variable = types.variable("runs")
    assert variable is not None
    assert variable.kind is drgn.TypeKind.POINTER
    assert types.variable("wake") is None


@pytest.mark.parametrize("kind", [TYPEDEF, CONST, PTR])
def test_types_that_stand_for_each_other_come_to_an_end(kind: int) -> None:
    blob = Blob()
    blob.add(kind, "round" if kind == TYPEDEF else "", 2)
    blob.add(kind, "about" if kind == TYPEDEF else "", 1)
    _, types = a_program(blob.data())
    with pytest.raises(Unreadable, match="without end"):
        types.type(1)


@pytest.mark.parametrize("number", [99, -1])
def test_a_type_that_is_not_there(number: int) -> None:
    _, types = a_program(a_kernel())
    with pytest.raises(Unreadable, match="no type"):
        types.type(number)


@pytest.mark.parametrize("data", [b"", b"\x9f\xeb\x01", a_kernel()[:60], b"x" * 4096])
def test_what_is_no_btf_is_refused(data: bytes) -> None:
    with pytest.raises((Unreadable, struct.error)):
        a_program(data)
