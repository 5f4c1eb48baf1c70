"""Files of programs: both kinds of tree that kernels keep mappings in, and trees that lead nowhere."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crazytrain.inside.kernel import Field
from crazytrain.inside.user_places import UserPlaces
from crazytrain.model.guest_memory import Unreadable
from tests.inside.made_stacks import DATA, TASK, MadeStacks

MM, VMAS, FILE, DENTRIES, NODES = (DATA + 0x4000 + 0x1000 * number for number in range(5))
SPANS = ((0x1000, 0x3000), (0x8000, 0x9000), (0x7F00_0000, 0x7F10_0000))
FIELDS = {
    ("vm_area_struct", "vm_start"): Field(0, 8),
    ("vm_area_struct", "vm_end"): Field(8, 8),
    ("vm_area_struct", "vm_rb"): Field(16, 24),
    ("vm_area_struct", "vm_pgoff"): Field(40, 8),
    ("vm_area_struct", "vm_file"): Field(48, 8),
    ("rb_node", "rb_right"): Field(8, 8),
    ("rb_node", "rb_left"): Field(16, 8),
    ("file", "f_path.dentry"): Field(24, 8),
    ("dentry", "d_name.name"): Field(8, 8),
    ("dentry", "d_parent"): Field(16, 8),
}
MAPLE, TREE = {("mm_struct", "mm_mt.ma_root"): Field(8, 8)}, {("mm_struct", "mm_rb.rb_node"): Field(8, 8)}
LEAF, RANGES = 1 << 3 | 2, 3 << 3 | 2  # what a pointer to a node says of it


def _vma(number: int) -> int:
    return VMAS + 0x100 * number


def _made(fields: dict[tuple[str, str], Field]) -> MadeStacks:
    made = MadeStacks()
    made.fields |= FIELDS | fields
    made.u64(TASK + 0x90, MM)
    for number, (start, end) in enumerate(SPANS):
        made.u64(_vma(number), start, end, 0, 0, 0, 16 * number, FILE if number < 2 else 0)
    made.u64(FILE + 24, DENTRIES)
    for number, name in enumerate((b"sh", b"bin", b"/")):
        made.u64(DENTRIES + 0x100 * number + 8, DENTRIES + 0x100 * number + 0x40, DENTRIES + 0x100 * min(number + 1, 2))
        made.put(DENTRIES + 0x100 * number + 0x40, name + b"\0")
    return made


def _with_maple() -> MadeStacks:
    made = _made(MAPLE)
    made.u64(MM + 8, NODES | RANGES)
    made.u64(NODES + 8, 0x7FFF, 0)  # two children: up to there, and all behind
    made.u64(NODES + 80, NODES + 0x100 | LEAF, NODES + 0x200 | LEAF)
    made.u64(NODES + 0x108, 0xFFF, 0x2FFF, 0x7FFF)
    made.u64(NODES + 0x180, 0, _vma(0), 0)
    made.u64(NODES + 0x208, 0x8FFF, 0x7EFF_FFFF, 0x7F0F_FFFF, 0)
    made.u64(NODES + 0x280, _vma(1), 0, _vma(2), 0)
    return made


def _with_tree() -> MadeStacks:
    made = _made(TREE)
    made.u64(MM + 8, _vma(1) + 16)
    made.u64(_vma(1) + 16, 0, _vma(2) + 16, _vma(0) + 16)
    return made


@pytest.mark.parametrize("made", [_with_maple(), _with_tree()], ids=["maple", "red-black"])
def test_an_address_is_a_place_in_a_file(made: MadeStacks) -> None:
    places = UserPlaces(made.kernel())
    first, second, third = (places.frame(TASK, address) for address in (0x2FFF, 0x8004, 0x7F00_0000))
    assert (first.name, first.offset, first.address) == ("/bin/sh", 0x1FFF, 0x2FFF)
    assert (second.name, second.offset) == ("/bin/sh", 16 * 4096 + 4)
    assert (third.name, third.offset) == ("", 0)
    for hole in (0, 0xFFF, 0x3000, 0x9000, 0x7F10_0000, 2**47):
        with pytest.raises(Unreadable):
            places.frame(TASK, hole)


def test_a_tree_that_leads_in_a_circle_ends() -> None:
    made = _with_maple()
    made.u64(NODES + 80, NODES | RANGES)
    with pytest.raises(Unreadable, match="not believed"):
        UserPlaces(made.kernel()).frame(TASK, 0x2000)
    made = _with_tree()
    made.u64(_vma(1) + 16, 0, _vma(1) + 16, _vma(1) + 16)
    with pytest.raises(Unreadable, match="not believed"):
        UserPlaces(made.kernel()).frame(TASK, 0x2000)


def test_folders_that_lead_in_a_circle_end() -> None:
    made = _with_maple()
    made.u64(DENTRIES + 0x210, DENTRIES + 0x100)
    name = UserPlaces(made.kernel()).frame(TASK, 0x2000).name
    assert name.startswith(".../")
    assert len(name) < 200


def test_a_kernel_that_keeps_them_otherwise_says_so() -> None:
    with pytest.raises(Unreadable, match="not known"):
        UserPlaces(_made({}).kernel())


@settings(max_examples=100, deadline=None)
@given(st.binary(min_size=768, max_size=768), st.integers(0, 2**48), st.booleans())
def test_whatever_lies_there_is_a_place_or_none(noise: bytes, address: int, maple: bool) -> None:
    made = _with_maple() if maple else _with_tree()
    made.put(NODES if maple else VMAS, noise)
    made.put(DENTRIES, struct.pack("<Q", address))
    try:
        assert UserPlaces(made.kernel()).frame(TASK, address).address == address
    except Unreadable:
        return
