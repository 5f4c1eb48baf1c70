"""The kernel's own type information is read right; a broken one is said to be broken, soon."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crazytrain.inside.btf import Btf
from crazytrain.inside.kernel import Bits
from crazytrain.model.guest_memory import Unreadable
from tests.inside.made_btf import CONST, VOLATILE, BtfWriter, M


def written() -> BtfWriter:
    made = BtfWriter()
    made.noise()
    made.structure("list_head", 16, [M("next", "*", 0), M("prev", "*", 8)])
    made.structure("", 8, [M("owner", "u64", 0), M("raw", "u32", 4)], union=True, known_as="union in lock")
    made.structure("lock", 24, [M("", "union in lock", 0), M("waiters", "list_head", 8)])
    made.alias("lock_t", "lock")
    made.alias("const lock_t", "lock_t", CONST)
    made.alias("volatile u32", "u32", VOLATILE)
    made.noise()
    members = [
        M("state", "volatile u32", 0),
        M("flags", "u8", 19, 0, 5),
        M("level", "u8", 19, 5, 3),
        M("sleeping", "u32", 20, 11, 1),
        M("lock", "const lock_t", 24),
        M("names", "char[4][3]", 48),
        M("locks", "lock[2]", 64),
        M("comm", "char[16]", 112),
    ]
    made.structure("thing", 128, members)
    made.structure("thing", 8, [M("other", "u64", 0)])
    made.alias("thing", "u64")
    made.enum("mood", {"GOOD": 0, "BAD": 7, "MISSING": -1})
    return made


BLOB = written().blob()


@pytest.mark.parametrize(
    ("path", "offset", "size", "shift", "width"),
    [
        ("state", 0, 4, 0, 32),
        ("flags", 19, 1, 0, 5),
        ("level", 19, 1, 5, 3),
        ("sleeping", 20, 4, 11, 1),
        ("lock", 24, 24, 0, 192),
        ("lock.owner", 24, 8, 0, 64),
        ("lock.raw", 28, 4, 0, 32),
        ("lock.waiters.prev", 40, 8, 0, 64),
        ("names", 48, 12, 0, 96),
        ("names[2]", 56, 4, 0, 32),
        ("names[2][3]", 59, 1, 0, 8),
        ("locks[1].waiters.next", 96, 8, 0, 64),
        ("comm", 112, 16, 0, 128),
        ("other", 0, 8, 0, 64),
    ],
)
def test_a_member_is_found_by_its_path(path: str, offset: int, size: int, shift: int, width: int) -> None:
    assert Btf(BLOB).member("thing", path) == Bits(offset, size, shift, width)


@pytest.mark.parametrize(
    ("struct", "path"),
    [
        ("thing", "nothing"),
        ("thing", "stat"),
        ("thing", "tate"),
        ("thing", "state.x"),
        ("thing", "names[3]"),
        ("thin", "state"),
        ("", "state"),
    ],
)
def test_what_is_not_there_is_said_not_to_be(struct: str, path: str) -> None:
    with pytest.raises(Unreadable, match="this kernel has no"):
        Btf(BLOB).member(struct, path)


def test_sizes_and_numbers() -> None:
    btf = Btf(BLOB)
    assert [btf.size(name) for name in ("thing", "lock_t", "list_head")] == [128, 24, 16]
    assert [btf.value("mood", name) for name in ("GOOD", "BAD", "MISSING")] == [0, 7, -1]
    with pytest.raises(Unreadable):
        btf.value("mood", "SO_SO")
    with pytest.raises(Unreadable):
        btf.size("only_declared")


def test_a_type_that_leads_to_itself_ends() -> None:
    made = BtfWriter()
    made.ids["round"] = len(made.types) + 2  # the alias after this one
    made.alias("round", "round")
    made.alias("again", "round")
    made.ids["inner"] = len(made.types) + 1
    made.structure("inner", 8, [M("", "inner", 0)])
    btf = Btf(made.blob())
    for name in ("round", "inner"):
        with pytest.raises(Unreadable):
            btf.member(name, "anything")


@pytest.mark.parametrize(
    "blob", [b"", b"\x9f\xeb", BLOB[:23], b"\0" * 200, BLOB[: len(BLOB) // 2], b"\x9f\xeb\x02" + BLOB[3:]]
)
def test_what_is_no_btf_is_refused(blob: bytes) -> None:
    with pytest.raises(Unreadable):
        Btf(blob)


@settings(deadline=None, max_examples=300)
@given(st.lists(st.tuples(st.integers(0, len(BLOB) - 1), st.integers(0, 255)), min_size=1, max_size=12))
def test_a_broken_one_is_unreadable_or_lies_but_soon(changes: list[tuple[int, int]]) -> None:
    blob = bytearray(BLOB)
    for place, value in changes:
        blob[place] = value
    start = time.process_time()
    for struct, path in (
        ("thing", "lock.waiters.prev"),
        ("lock", "raw"),
        ("list_head", "next"),
        ("thing", "names[1][1]"),
    ):
        try:
            btf = Btf(bytes(blob))
            btf.member(struct, path)
            btf.size(struct)
            btf.value("mood", "BAD")
        except (
            Unreadable,
            IndexError,
            ValueError,
            OverflowError,
        ):  # the latter are turned into the first by the layout
            pass
    assert time.process_time() - start < 5
