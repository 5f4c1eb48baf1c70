"""What the fuzzer begins with: evidence of real looks, texts that tests keep, and the texts that stand in tests.

``python -m tests.fuzzing.decoders.seeds FOLDER`` writes them to ``FOLDER/TARGET/seeds``: reading them takes long where the code is instrumented.
"""

import ast
import functools
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from crazytrain.decode.recognise import split
from crazytrain.model.errors import BadInput
from crazytrain.model.evidence import Evidence, Kind
from crazytrain.store import open_packed
from tests.fuzzing.decoders.targets import Target, targets
from tests.fuzzing.decoders.whole import looks_of_the_lab
from tests.support import ROOT

LONGEST_BYTES = 24 * 1024
_MOST_SEEDS = 150
_MOST_ITEMS = 3
_ROOMS = ("decode", "derive", "diagnose", "inside", "cli", "collect")
_FOUND_ALONE = 24  # characters: texts of one line that are shorter are no seeds


def seeds_of(target: Target) -> tuple[bytes, ...]:
    """Texts of a target's kinds, none of them long, each once; in a fixed order."""
    if target.prefix:
        return tuple(dict.fromkeys(_chosen()))
    found = dict.fromkeys(_spread(tuple(dict.fromkeys(_named(target.name))), _MOST_SEEDS))
    every = [_of_kind(kind) for kind in target.kinds]
    share = max(1, _MOST_SEEDS // len(every))
    for texts in every:
        found.update(dict.fromkeys(_spread(texts, share)))
    return tuple(found)


def _spread(texts: tuple[bytes, ...], count: int) -> Iterator[bytes]:
    """So many of the texts, from all over."""
    for place in range(min(count, len(texts))):
        yield texts[place * len(texts) // min(count, len(texts))]


def _chosen() -> Iterator[bytes]:
    """Each evidence of each look of the lab, behind the two bytes that choose it."""
    for number, look in enumerate(looks_of_the_lab()):
        for place, evidence in enumerate(look.evidence):
            yield bytes((number, place)) + shortened(evidence.data)


@functools.cache
def _of_kind(kind: Kind) -> tuple[bytes, ...]:
    return tuple(dict.fromkeys(shortened(one.data) for one in _all_evidence() if one.kind is kind))


@functools.cache
def _all_evidence() -> tuple[Evidence, ...]:
    return (*_recorded(), *_recognised(_kept()), *_recognised(text for _, text in _written()))


def _recorded() -> Iterator[Evidence]:
    for path in sorted((ROOT / "tests" / "cases").glob("*/case.crazytrain")):
        case = open_packed(path.read_bytes())
        beside = case.baseline.evidence if case.baseline else ()
        yield from (one for one in (*case.evidence, *beside) if one.usable)


def _kept() -> Iterator[bytes]:
    for folder in ("tests/data", "tests/cases"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and path.suffix not in (".crazytrain", ".toml", ".md"):
                yield path.read_bytes()


def _recognised(texts: Iterable[bytes]) -> Iterator[Evidence]:
    for text in texts:
        try:
            yield from split("seed", text)
        except BadInput:
            continue


@functools.cache
def _written() -> tuple[tuple[Path, bytes], ...]:
    """Texts that stand in tests."""
    files = [path for room in _ROOMS for path in sorted((ROOT / "tests" / room).rglob("*.py"))]
    return tuple((path, text) for path in files for text in _literals(path))


def _literals(path: Path) -> Iterator[bytes]:
    for node in ast.walk(ast.parse(path.read_bytes())):
        value = node.value if isinstance(node, ast.Constant) else None
        text = value.encode("utf-8", "replace") if isinstance(value, str) else value
        if isinstance(text, bytes) and (b"\n" in text or len(text) > _FOUND_ALONE):
            yield text


@functools.cache
def _files_that_import(name: str) -> frozenset[Path]:
    return frozenset(path for path in {path for path, _ in _written()} if name in path.read_text())


def _named(name: str) -> Iterator[bytes]:
    """Texts of the tests that call a decoder by its name."""
    files = _files_that_import(name)
    yield from (shortened(text) for path, text in _written() if path in files)


def shortened(text: bytes) -> bytes:
    """A text that is not long: the first lines of one, a document of JSON with few items in its lists."""
    if len(text) <= LONGEST_BYTES:
        return text
    try:
        return json.dumps(_few(json.loads(text))).encode()[:LONGEST_BYTES]
    except ValueError:
        return text[: text.rfind(b"\n", 0, LONGEST_BYTES) + 1 or LONGEST_BYTES]


def _few(value: object) -> object:
    if isinstance(value, dict):
        return {key: _few(inner) for key, inner in value.items()}
    return [_few(inner) for inner in value[:_MOST_ITEMS]] if isinstance(value, list) else value


def write(folder: Path) -> None:
    """Write the seeds of every target."""
    for target in targets():
        own = folder / target.name / "seeds"
        own.mkdir(parents=True, exist_ok=True)
        for number, text in enumerate(seeds_of(target)):
            (own / f"{number:04}").write_bytes(text[:LONGEST_BYTES])


if __name__ == "__main__":
    write(Path(sys.argv[1]))
