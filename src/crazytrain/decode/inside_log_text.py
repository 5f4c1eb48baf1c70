"""The guest's kernel log as it was read in its RAM, as lines of dmesg."""

import msgspec

from crazytrain.model.facts.inside import InsideLog


def log_text(data: bytes) -> bytes:
    """Records as ``[   12.345678] text``, a line each; empty where it is no such JSON."""
    try:
        log = msgspec.json.decode(data, type=InsideLog)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return b""
    rows = (
        f"[{one.at_ns // 10**9:5d}.{one.at_ns % 10**9 // 1000:06d}] {one.text}".replace("\n", "\\n")
        for one in log.records
    )
    return "".join(f"{row}\n" for row in rows).encode("utf-8", "backslashreplace")
