"""Nothing that the guest can write reaches a terminal as anything but text."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crazytrain.report.escape import plain


@pytest.mark.parametrize(
    ("given_text", "shown"),
    [
        ("web01", "web01"),
        ("\x1b[2Jgone", "\\x1b[2Jgone"),
        ("a\r\nb\tc", "a\\x0d\\x0ab\\x09c"),
        ("\u202egnp", "\\u202egnp"),
        ("Größe µs …", "Größe µs …"),
        ("\x9b31m", "\\x9b31m"),
    ],
)
def test_control_characters_are_shown_as_escapes(given_text: str, shown: str) -> None:
    assert plain(given_text) == shown


def test_long_text_is_cut() -> None:
    assert plain("x" * 1000, 10) == "x" * 10 + "…"


@given(st.text())
def test_any_text_becomes_harmless(text: str) -> None:
    shown = plain(text, 10_000)
    assert all(unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") for c in shown)
