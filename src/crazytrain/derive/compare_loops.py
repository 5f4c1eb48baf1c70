"""Measures of event loops: how often they turn, what ends their waits, and by which descriptor."""

import math
from collections import defaultdict
from collections.abc import Iterator

import msgspec

from crazytrain.derive.compare_calls import ours, source_of
from crazytrain.derive.compare_names import Names, numbers
from crazytrain.derive.compare_threads import spread_of
from crazytrain.model import fdrole
from crazytrain.model.facts import Facts, LoopActivity, Loops, SyscallUse, ThreadRole
from crazytrain.model.measure import Events, Measure

_TIMEOUT = "QEMU's timers fire so"
_AT_ONCE = "it only looks whether something is ready, while there is still work"
_LONG = "there is nothing to do until then"
_HALF_A_S_NS = 500_000_000
_TIMERS_LEAD = math.log(3)


def loop_measures(facts: Facts, names: Names) -> Iterator[Measure]:
    """Measures of the main loop and of iothreads. Waits that our own questions to the monitor ended are told as ours."""
    loops, use = facts.get(Loops), facts.get(SyscallUse)
    for loop in loops.loops if loops else ():
        role = names.loop_role(loop)
        if role in (ThreadRole.MAIN_LOOP, ThreadRole.IOTHREAD):
            yield from _of_loop(facts, loop, role, _Waits(facts, names, role, use, loop))


class _Waits:
    """Makes measures of one loop's waits."""

    def __init__(
        self, facts: Facts, names: Names, role: ThreadRole, use: SyscallUse | None, loop: LoopActivity
    ) -> None:
        self._window_ns = int(loop.turns * 1e9 / loop.turns_per_s) if loop.turns_per_s else None
        calls = use.calls if use else ()
        mine = [c for c in calls if c.tid not in names.apart and names.role(c.tid) is role]
        self._total = max(sum(c.count for c in mine), loop.turns)
        self._ours = ours(facts, names) if role is ThreadRole.MAIN_LOOP else 0.0
        self._spread, self._refs = spread_of(facts, role), loop.refs
        self._source = source_of(role.value)
        self.names = names

    def __call__(self, title: str, count: float, odd: str = "", name: str = "", *, follows: bool = False) -> Measure:
        amount = Events(
            count=count,
            window_ns=self._window_ns,
            out_of=self._total,
            ours=min(count, self._ours),
            spread=self._spread,
        )
        return Measure(
            title=title, source=self._source, amount=amount, name=name, odd=odd, follows=follows, refs=self._refs
        )


def _of_loop(facts: Facts, loop: LoopActivity, role: ThreadRole, make: _Waits) -> Iterator[Measure]:
    who = role.value
    yield make(f"{who} turns", loop.turns)
    if loop.ready_turns is not None:
        by = timer_way(facts, make.names) if role is ThreadRole.MAIN_LOOP else ""
        ended = make(f"{who}: wait ends by its timeout", max(0, loop.turns - loop.ready_turns), _TIMEOUT)
        yield msgspec.structs.replace(ended, by=by, lead=_TIMERS_LEAD)
    if loop.buckets or loop.zero or loop.infinite:
        yield make(f"{who}: does not wait (timeout 0)", loop.zero, _AT_ONCE, follows=True)
        long = loop.infinite + sum(b.count for b in loop.buckets if b.low_ns >= _HALF_A_S_NS)
        yield make(f"{who}: may wait for 0.5 s or more", long, _LONG, follows=True)
    ready: dict[str, list[tuple[int | None, int]]] = defaultdict(list)
    for use in loop.ready:
        if use.fd is not None and use.fd not in make.names.own_fds:
            ready[make.names.fd(use.fd)].append((use.fd, use.turns))
    for what, uses in ready.items():
        count = sum(turns for _, turns in uses)
        yield make(f"{who}: woken by {what}", count, name=numbers(fd for fd, _ in uses))


def timer_way(facts: Facts, names: Names) -> str:
    """How a timer of QEMU reaches its main loop in this guest, with the descriptor."""
    loops = facts.get(Loops)
    main = loops.main if loops else None
    if main is None:
        return ""
    signals = sorted({s.fd for s in names.story.signals}) if names.story else []
    if signals:
        return f"by SIGALRM, read from the signalfd {numbers(signals)}"
    says = f"by the timeout of the main loop's {main.call}, which has no descriptor of its own"
    kicks = _kicks(facts, names)
    return f"{says}; vCPUs have it armed anew through the main loop wake-up, {numbers(kicks)}" if kicks else says


def _kicks(facts: Facts, names: Names) -> list[int]:
    """Descriptors by which vCPU threads wake the main loop, the busiest first."""
    use = facts.get(SyscallUse)
    found = [
        (c.count, c.fd)
        for c in (use.calls if use else ())
        if c.call == "write" and c.fd is not None and names.role(c.tid) is ThreadRole.VCPU
        if names.fd(c.fd) == fdrole.MAIN_LOOP_WAKEUP
    ]
    return [fd for _, fd in sorted(found, reverse=True)[:1]]
