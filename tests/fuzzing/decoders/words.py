"""Words that a decoder looks for, and texts that its patterns match: both make a fuzzer get deep."""

import random
import re
import sys
import types
from collections.abc import Iterable, Iterator
from re import _constants as op  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from types import ModuleType
from typing import Any

import msgspec

_LONGEST_WORD, _SHORTEST_WORD, _MOST_WORDS = 48, 2, 3000
_DEEPEST = 40
_LONGEST_RUN = 4
_MOST_VALUES = 20_000  # of one module
_REPEATS = (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT)
_CLASSES = {
    op.CATEGORY_DIGIT: b"0123456789",
    op.CATEGORY_SPACE: b"  \t",
    op.CATEGORY_WORD: b"abcdefxyzAK_019",
    op.CATEGORY_NOT_SPACE: b"azAK_019.:-/%()[]{}<>=,;",
    op.CATEGORY_NOT_DIGIT: b"azAK_ :",
    op.CATEGORY_NOT_WORD: b" .:-/%,",
}
_ANY = b"abcxyzAK_0129 .:-/%()[]{}<>=,;\"'\\\xff"


def decoders_modules(roots: Iterable[ModuleType]) -> tuple[ModuleType, ...]:
    """The modules, and those of ours that they use, and so on."""
    found: dict[str, ModuleType] = {}
    waiting = list(roots)
    while waiting:
        module = waiting.pop()
        if module.__name__ in found or not module.__name__.startswith(("crazytrain.decode", "crazytrain.model.bundle")):
            continue
        found[module.__name__] = module
        used = {getattr(value, "__module__", "") or "" for value in vars(module).values()}
        waiting.extend(_modules(used))
        waiting.extend(value for value in vars(module).values() if isinstance(value, ModuleType))
    return tuple(found[name] for name in sorted(found))


def _modules(names: Iterable[str]) -> Iterator[ModuleType]:
    for name in names:
        if name in sys.modules:
            yield sys.modules[name]


def patterns(modules: Iterable[ModuleType]) -> tuple[re.Pattern[bytes] | re.Pattern[str], ...]:
    """All compiled patterns of modules, in a fixed order."""
    found: dict[object, re.Pattern[bytes] | re.Pattern[str]] = {}
    for module in modules:
        for value in vars(module).values():
            for pattern in _patterns(value):
                found[pattern.pattern] = pattern
    return tuple(found.values())


def _patterns(value: object) -> Iterator[re.Pattern[bytes] | re.Pattern[str]]:
    waiting, seen = [(value, 0)], 0
    while waiting and seen < 5000:
        one, depth = waiting.pop()
        seen += 1
        owner = getattr(one, "__self__", None)  # a bound match
        if isinstance(one, re.Pattern):
            yield one
        elif isinstance(owner, re.Pattern):
            yield owner
        elif depth < 4 and isinstance(one, tuple | list):
            waiting.extend((inner, depth + 1) for inner in one)
        elif depth < 4 and isinstance(one, msgspec.Struct):
            waiting.extend((getattr(one, name), depth + 1) for name in one.__struct_fields__)
        elif depth < 4 and isinstance(one, dict):
            waiting.extend((inner, depth + 1) for pair in one.items() for inner in pair)


def words(modules: Iterable[ModuleType]) -> tuple[bytes, ...]:
    """Short texts that stand in the code, and the fixed parts of its patterns."""
    modules = tuple(modules)
    found: dict[bytes, None] = {}
    for module in modules:
        for text in _texts(module):
            found[text] = None
    for pattern in patterns(modules):
        for text in _fixed(_parser.parse(pattern.pattern, pattern.flags & ~re.DEBUG)):
            found[text] = None
    short = [word for word in found if _SHORTEST_WORD <= len(word) <= _LONGEST_WORD]
    return tuple(short[:_MOST_WORDS])


def _texts(module: ModuleType) -> Iterator[bytes]:
    waiting: list[object] = [value for value in vars(module).values() if not isinstance(value, ModuleType)]
    for _ in range(_MOST_VALUES):
        if not waiting:
            return
        one = waiting.pop()
        if isinstance(one, bytes):
            yield one
        elif isinstance(one, str):
            yield one.encode("utf-8", "replace")
        else:
            waiting.extend(_parts(one, module))


def _parts(value: object, module: ModuleType) -> Iterable[object]:
    """What stands in a value; of functions and classes only in those of the module itself."""
    if isinstance(value, types.CodeType):
        documented = value.co_consts and isinstance(value.co_consts[0], str)
        return value.co_consts[1 if documented else 0 :]
    if isinstance(value, tuple | list | frozenset | set):
        return value
    if isinstance(value, dict):
        return (*value, *value.values())
    if getattr(value, "__module__", "") != module.__name__:
        return ()
    if isinstance(value, types.FunctionType):
        return (value.__code__,)
    return tuple(vars(value).values()) if isinstance(value, type) else ()


def _fixed(tree: Iterable[tuple[object, object]]) -> Iterator[bytes]:
    run = bytearray()
    for code, value in tree:
        if code is op.LITERAL and isinstance(value, int):
            run += _byte(value)
            continue
        if run:
            yield bytes(run)
            run.clear()
        for inner in _trees(value):
            yield from _fixed(inner)
    if run:
        yield bytes(run)


def _trees(value: object) -> Iterator[Iterable[tuple[object, object]]]:
    if isinstance(value, _parser.SubPattern):
        yield value
    elif isinstance(value, tuple | list):
        for inner in value:
            yield from _trees(inner)


def sample(pattern: re.Pattern[bytes] | re.Pattern[str], rolls: random.Random) -> bytes:
    """A text that a pattern most likely matches: what stands ahead and behind is not looked at."""
    return _Drawn(rolls).text(_parser.parse(pattern.pattern, pattern.flags & ~re.DEBUG))


class _Drawn:
    """One text, as it is put together from the parts of a pattern."""

    def __init__(self, rolls: random.Random) -> None:
        self._rolls = rolls
        self._groups: dict[object, bytes] = {}
        self._depth = 0

    def text(self, tree: Any) -> bytes:
        """What fits a part, and the parts within."""
        if self._depth > _DEEPEST:
            return b""
        self._depth += 1
        found = b"".join(self._one(code, value) for code, value in tree)
        self._depth -= 1
        return found

    def _one(self, code: object, value: Any) -> bytes:
        if code in _REPEATS:
            return self._repeated(*value)
        match code:
            case op.LITERAL:
                return _byte(value)
            case op.ANY | op.NOT_LITERAL:
                return bytes([self._rolls.choice(_ANY)])
            case op.IN:
                return _of_class(value, self._rolls)
            case op.GROUPREF:
                return self._groups.get(value, b"")
        return self._nested(code, value)

    def _nested(self, code: object, value: Any) -> bytes:
        match code:
            case op.BRANCH:
                return self.text(self._rolls.choice(value[1]))
            case op.SUBPATTERN:
                self._groups[value[0]] = self.text(value[3])
                return self._groups[value[0]]
            case op.ATOMIC_GROUP:
                return self.text(value)
            case op.ASSERT if value[0] > 0 and self._rolls.random() < 0.5:
                return self.text(value[1])
        return b""

    def _repeated(self, least: int, most: int, tree: Any) -> bytes:
        count = self._rolls.randint(least, max(least, min(int(most), least + _LONGEST_RUN)))
        return b"".join(self.text(tree) for _ in range(count))


def _of_class(parts: list[tuple[object, object]], rolls: random.Random) -> bytes:
    if parts[0][0] is op.NEGATE:
        return bytes([rolls.choice(_ANY)])
    code, value = rolls.choice(parts)
    if code is op.RANGE and isinstance(value, tuple):
        return _byte(rolls.randint(*value))
    if code is op.CATEGORY:
        return bytes([rolls.choice(_CLASSES.get(value, b"a"))])
    return _byte(value) if isinstance(value, int) else b""


def _byte(value: int) -> bytes:
    return bytes([value]) if value < 128 else chr(value).encode("utf-8", "replace") if value > 255 else bytes([value])
