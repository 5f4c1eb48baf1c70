import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crazytrain.model.evidence import Kind
from crazytrain.store.names import CASE_ID, case_id, evidence_file, is_evidence_file

HOSTILE = [
    "../../x",
    "",
    ".",
    "..",
    "-rf",
    "a/b",
    "\x1b]0;owned\x07",
    "x" * 4096,
    "web 01\n",
    "Büro",
    "\udcff",
    "a\0b",
    ".new-x",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_guest_names_make_harmless_folders(name: str) -> None:
    made = case_id(name, 1_795_417_463_841_070_361)
    assert CASE_ID.fullmatch(made)
    assert re.fullmatch(r"[A-Za-z0-9_.-]{1,40}-20261123T070423Z-[0-9a-f]{6}", made)
    assert not made.startswith((".", "-"))


def test_a_plain_name_stays_readable() -> None:
    assert case_id("web-01.prod", 0).startswith("web-01.prod-19700101T000000Z-")


@given(st.text(), st.one_of(st.none(), st.integers()))
def test_any_name_at_any_time_makes_an_id(name: str, wall_ns: int | None) -> None:
    assert CASE_ID.fullmatch(case_id(name, wall_ns))


@given(st.lists(st.text(), max_size=20), st.sampled_from(list(Kind)))
def test_any_evidence_ids_make_distinct_harmless_files(ids: list[str], kind: Kind) -> None:
    taken: set[str] = set()
    names = [evidence_file(one, kind, taken) for one in ids]
    assert all(is_evidence_file(name) and is_evidence_file(name + ".zst") for name in names)
    assert len({name.lower() for name in names}) == len(names)


def test_file_names_are_for_people() -> None:
    taken: set[str] = set()
    made = [
        evidence_file(one, kind, taken)
        for one, kind in [("tasks.0", Kind.TASKS), ("qmp.1", Kind.QMP), ("a.txt", Kind.TEXT)]
    ]
    assert made == ["evidence/tasks.0.txt", "evidence/qmp.1.jsonl", "evidence/a.txt"]
    assert evidence_file("tasks.0", Kind.TASKS, taken) == "evidence/tasks.0~2.txt"


@pytest.mark.parametrize(
    "name",
    [
        "../x",
        "evidence/../x",
        "/etc/passwd",
        "evidence/.new-x",
        "evidence/a/b",
        "x",
        "",
        "evidence/",
        "evidence/a\n",
        "evidence/-x",
    ],
)
def test_no_other_file_may_be_named_by_a_journal(name: str) -> None:
    assert not is_evidence_file(name)
