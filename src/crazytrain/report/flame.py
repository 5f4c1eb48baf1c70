"""Flame graphs of running threads, in the formats of other tools: collapsed stacks, and speedscope."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from crazytrain.model.facts.stacks import CpuProfile, RunningStack, ThreadProfile
from crazytrain.report.escape import plain

_SCHEMA = "https://www.speedscope.app/file-format-schema.json"


class _Frame(msgspec.Struct):
    name: str


class _Shared(msgspec.Struct):
    frames: list[_Frame]


class _Profile(msgspec.Struct, rename="camel"):
    name: str
    unit: str
    start_value: float
    end_value: float
    samples: list[list[int]]
    weights: list[float]
    type: str = "sampled"


class _File(msgspec.Struct, rename={"schema": "$schema", "active_profile_index": "activeProfileIndex"}):
    schema: str
    shared: _Shared
    profiles: list[_Profile]
    name: str
    exporter: str
    active_profile_index: int = 0


def collapsed(profile: CpuProfile) -> str:
    """Lines of ``role;thread;function;...;function count``, the outermost function first, as flamegraph.pl reads them."""
    return "".join(f"{line}\n" for line in _lines(profile))


def _lines(profile: CpuProfile) -> Iterator[str]:
    for thread in profile.threads:
        for stack in sorted(thread.stacks, key=lambda one: one.frames):
            yield f"{';'.join((_role(thread), _thread(thread), *_names(stack)))} {stack.count}"


def _role(thread: ThreadProfile) -> str:
    return flame_word(thread.role.value)


def _thread(thread: ThreadProfile) -> str:
    return flame_word(f"{thread.label} {thread.tid}")


def _names(stack: RunningStack) -> tuple[str, ...]:
    return tuple(flame_word(name) for name in stack.frames)


def flame_word(text: str) -> str:
    """A name as a word of a collapsed stack: harmless, never empty, and never a separator."""
    return plain(text).replace(";", ":") or "?"


def speedscope(profile: CpuProfile, name: str, tool: str) -> str:
    """JSON for speedscope.app: one profile a thread. A weight is the time that a sample stands for, or 1 where it is not known."""
    numbers: dict[str, int] = {}
    profiles = [_of_thread(thread, profile, numbers) for thread in profile.threads]
    return _written(profiles, numbers, name, tool)


def speedscope_file(each: Mapping[str, Sequence[tuple[Sequence[str], float]]], unit: str, name: str, tool: str) -> str:
    """JSON for speedscope.app of stacks (the outermost function first) with a weight each, by the name of their profile."""
    numbers: dict[str, int] = {}
    profiles = [
        _Profile(
            name=title,
            unit=unit,
            start_value=0.0,
            end_value=sum(weight for _, weight in stacks),
            samples=[[numbers.setdefault(one, len(numbers)) for one in frames] for frames, _ in stacks],
            weights=[weight for _, weight in stacks],
        )
        for title, stacks in each.items()
    ]
    return _written(profiles, numbers, name, tool)


def _written(profiles: list[_Profile], numbers: Iterable[str], name: str, tool: str) -> str:
    file = _File(_SCHEMA, _Shared([_Frame(one) for one in numbers]), profiles, plain(name), tool)
    return msgspec.json.format(msgspec.json.encode(file), indent=1).decode() + "\n"


def _of_thread(thread: ThreadProfile, profile: CpuProfile, numbers: dict[str, int]) -> _Profile:
    each = 1000.0 / profile.hz if profile.hz else 1.0
    samples = [[numbers.setdefault(one, len(numbers)) for one in _names(stack)] for stack in thread.stacks]
    weights = [stack.count * each for stack in thread.stacks]
    return _Profile(
        name=f"{_role(thread)}: {_thread(thread)}",
        unit="milliseconds" if profile.hz else "none",
        start_value=0.0,
        end_value=sum(weights),
        samples=samples,
        weights=weights,
    )
