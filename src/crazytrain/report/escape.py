"""The guest is hostile: nothing that comes from it reaches a terminal or page as anything but printable text."""

import unicodedata

_KEEP = frozenset({" "})
# Formatting characters that reorder or hide text; the rest of category Cf is as invisible, so all of it goes.
_BAD = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def plain(text: str, limit: int = 400) -> str:
    """Text in which every control, formatting and unassigned character is shown as an escape; cut at ``limit``
    characters.
    """
    cut = text[:limit]
    shown = "".join(c if c in _KEEP or unicodedata.category(c) not in _BAD else _escaped(c) for c in cut)
    return shown + ("…" if len(text) > limit else "")


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
