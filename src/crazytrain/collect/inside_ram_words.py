"""What a QEMU command line says about RAM: its backends and their order, the hole below 4 GiB, whether the host may read it."""

import itertools
import json
import re
from collections.abc import Iterator, Sequence

import msgspec

_UNITS = {"": 1 << 20, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40, "p": 1 << 50, "e": 1 << 60}
_SIZE = re.compile(r"(\d{1,19}(?:\.\d{1,9})?)([bkmgtpe]?)(?:i?b)?", re.IGNORECASE)
_ENCRYPTING = re.compile(r"sev-guest|sev-snp-guest|tdx-guest|s390-pv-guest|pef-guest|arm-rme-guest|arm-cca-guest")


class Backend(msgspec.Struct, frozen=True, kw_only=True):
    """A ``-object memory-backend-*``: its id, kind (``ram``, ``memfd``, ``file``, ``epc``, ``shm``), size and file."""

    id: str
    kind: str
    size_bytes: int
    path: str = ""


class RamWords(msgspec.Struct, frozen=True, kw_only=True):
    """``backends`` of the RAM in guest order, empty where QEMU makes one by itself. ``most_below_4g`` as the machine was told."""

    size_bytes: int | None
    machine: str
    backends: tuple[Backend, ...] = ()
    most_below_4g: int | None = None
    why_unclear: str = ""


def ram_words(argv: Sequence[str]) -> RamWords:
    """Read them. What contradicts itself, or names a backend that is not there, is said in ``why_unclear``."""
    options = [(name, _pairs(value, first)) for name, value, first in _options(argv)]
    machine = _last(options, "machine")
    memory = _last(options, "m")
    kept = [_backend(pairs) for name, pairs in options if name == "object"]
    known = {backend.id: backend for backend in kept if backend}
    named = _named(options, machine)
    missing = [name for name in named if name not in known]
    return RamWords(
        size_bytes=size_of(memory.get("size", "")),
        machine=machine.get("type", ""),
        backends=() if missing else tuple(known[name] for name in named),
        most_below_4g=size_of(machine.get("max-ram-below-4g", ""), "b"),
        why_unclear=f"its memory backend {missing[0][:60]} is not on the command line" if missing else "",
    )


def why_encrypted(argv: Sequence[str]) -> str:
    """Say why the host cannot read this guest's RAM at all; empty where nothing on the command line forbids it."""
    options = [(name, _pairs(value, first)) for name, value, first in _options(argv)]
    by = _last(options, "machine").get("confidential-guest-support") or _last(options, "machine").get(
        "memory-encryption"
    )
    kinds = {pairs.get("id", ""): pairs.get("qom-type", "") for name, pairs in options if name == "object"}
    kind = kinds.get(by or "") or next((kind for kind in kinds.values() if _ENCRYPTING.fullmatch(kind)), "")
    if not by and not kind:
        return ""
    return f"the guest's memory is encrypted ({kind or by}): the host cannot read it, by design"


def _named(options: Sequence[tuple[str, dict[str, str]]], machine: dict[str, str]) -> list[str]:
    """The ids of the backends that RAM is made of: of each NUMA node in order, or the machine's one."""
    nodes = [pairs for name, pairs in options if name == "numa" and pairs.get("type") == "node"]
    given = [
        (_number(pairs.get("nodeid", ""), at), pairs["memdev"]) for at, pairs in enumerate(nodes) if "memdev" in pairs
    ]
    if given:
        return [memdev for _, memdev in sorted(given)]
    return [machine["memory-backend"]] if "memory-backend" in machine else []


def _number(text: str, otherwise: int) -> int:
    return int(text) if text.isdecimal() and len(text) < 9 else otherwise


def _backend(pairs: dict[str, str]) -> Backend | None:
    kind = pairs.get("qom-type", "")
    size = size_of(pairs.get("size", ""), "b")
    if not kind.startswith("memory-backend-") or "id" not in pairs or size is None:
        return None
    path = pairs.get("mem-path", "")
    return Backend(id=pairs["id"], kind=kind.removeprefix("memory-backend-"), size_bytes=size, path=path)


def size_of(text: str, unit: str = "") -> int | None:
    """A size as QEMU takes it (``4G``, ``512``: MiB unless another ``unit`` is meant); ``None`` where it is none."""
    if re.fullmatch(r"0x[0-9a-fA-F]{1,16}", text):
        return int(text, 16)
    found = _SIZE.fullmatch(text)
    if not found:
        return None
    times = _UNITS[(found[2] or unit).lower()]
    return int(float(found[1]) * times) if "." in found[1] else int(found[1]) * times


_FIRST = {"machine": "type", "M": "type", "m": "size", "object": "qom-type", "numa": "type"}


def _options(argv: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """Name, value, and what a leading word of the value means."""
    for option, value in itertools.pairwise(argv):
        name = option.lstrip("-") if option.startswith("-") else ""
        if name in _FIRST:
            yield "machine" if name == "M" else name, value, _FIRST[name]


def _last(options: Sequence[tuple[str, dict[str, str]]], wanted: str) -> dict[str, str]:
    """All that was said with an option: later words replace earlier ones."""
    merged: dict[str, str] = {}
    for name, pairs in options:
        merged.update(pairs if name == wanted else {})
    return merged


def _pairs(value: str, first: str) -> dict[str, str]:
    """``a,b=c,,d,e=on`` or JSON, as words: a doubled comma is one of the text."""
    if value.startswith("{"):
        return _json(value)
    pieces = [piece.replace("\0", ",") for piece in value.replace(",,", "\0").split(",")]
    pairs: dict[str, str] = {}
    for position, piece in enumerate(pieces):
        key, equals, text = piece.partition("=")
        pairs[key if equals or position else first] = text if equals else (piece if position == 0 else "on")
    return pairs


def _json(value: str) -> dict[str, str]:
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        return {}
    return (
        {key: str(text) for key, text in found.items() if isinstance(text, str | int)}
        if isinstance(found, dict)
        else {}
    )
