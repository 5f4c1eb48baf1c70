"""Measures of system calls: how often each role calls what on which kind of descriptor, and which of that only looks alarming."""

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence

import msgspec

from crazytrain.derive.compare_names import WAITS, Names, numbers
from crazytrain.derive.compare_threads import spread_of
from crazytrain.derive.compare_weight import CONSOLE
from crazytrain.model import fdrole
from crazytrain.model.evidence import Ref
from crazytrain.model.facts import CallUse, Coverage, Facts, KvmExits, SyscallUse, ThreadRole
from crazytrain.model.measure import Amount, Events, Measure, Sampled

OURS_EACH = 3  # turns of the main loop that one question to the monitor may cause
_READS = frozenset(("read", "readv", "pread64", "recvmsg", "recvfrom", "recv", "accept", "accept4"))
_WRITES = frozenset(("write", "writev", "sendmsg", "sendto", "send"))
_TIMER_CALLS = frozenset(("timer_settime", "timer_gettime"))
_FLOOR_NS = 250_000  # the least that QEMU before 1.7 arms its alarm timer for
_HANDS_OVER = (fdrole.MAIN_LOOP_WAKEUP, fdrole.IOTHREAD_WAKEUP)
_PRINTS_ON = (fdrole.CONSOLE, fdrole.CHARDEV, "standard")
_CONSOLE_TO_PER_S, _CONSOLE_TO_SHARE = 1000.0, 0.3
_ARMED = "by timers of QEMU: each one that is armed anew wakes the loop so"
_ARMED_LEAD = math.log(3)
_STRACE = "strace"
KVM_RUN = "KVM_RUN of vCPUs"  # where there is no KVM, nobody calls it: that is no difference in how often

_FUTEX = "threads hand over to each other by futexes; a wait in one is no load"
_DRAINED = "the queue is drained: each turn's reading ends so"
_NOT_NOW = "there was nothing to take, or no room, at that moment: once in a while it is no error"
_RETRIED = "the value had changed already: the caller looks again"
_INTERRUPTED = "a signal came while it waited: the caller waits again"
_ALARM = "QEMU before 1.7 looks at its alarm timer and arms it anew at every turn"
_ASKS = "it only asks which handler is set"
_FLOOR = "the least that QEMU before 1.7 arms its alarm timer for: some timer was due at once"


def source_of(who: str) -> str:
    """The source of a role's calls."""
    return f"system calls: {who}"


def ours(facts: Facts, names: Names) -> float:
    """How many turns of the main loop, and calls of vCPUs, our own questions to the monitor may have caused."""
    use = facts.get(SyscallUse)
    kicks = (c for c in use.calls if c.tid in names.apart and c.call == "write") if use else ()
    return OURS_EACH * sum(c.count for c in kicks if names.fd(c.fd) == fdrole.MAIN_LOOP_WAKEUP)


def asked_per_s(facts: Facts, names: Names) -> float:
    """The same as a rate; 0 where calls were not seen."""
    use = facts.get(SyscallUse)
    return ours(facts, names) * 1e9 / use.window_ns if use and use.window_ns else 0.0


def calls_by_role(use: SyscallUse, names: Names) -> dict[str, list[CallUse]]:
    """Calls by whose they are; those of the monitor's own thread and on its connections are left out."""
    found: dict[str, list[CallUse]] = defaultdict(list)
    for call in use.calls:
        if call.tid not in names.apart and (call.fd is None or call.fd not in names.own_fds):
            found[names.who(call.tid)].append(call)
    return found


def call_zeros(facts: Facts, names: Names) -> dict[str, Amount]:
    """The roles whose calls were looked at: what is not among them was not called."""
    use = facts.get(SyscallUse)
    if use is None:
        return {}
    by_role = calls_by_role(use, names)
    told_apart = names.grain.threads and names.knows_threads and use.coverage is Coverage.ALL_THREADS
    roles = {role.value for role in ThreadRole} if told_apart else ()
    totals = {who: sum(c.count for c in by_role.get(who, ())) for who in {*roles, *by_role}}
    zeros: dict[str, Amount] = {
        source_of(who): Events(count=0, window_ns=use.window_ns, out_of=total) for who, total in totals.items()
    }
    told = facts.get(KvmExits) is not None
    if not told and names.table and names.table.of("kvm-vcpu") and source_of(ThreadRole.VCPU.value) in zeros:
        zeros[KVM_RUN] = zeros[source_of(ThreadRole.VCPU.value)]
    return zeros


def call_measures(facts: Facts, names: Names) -> Iterator[Measure]:
    """How often each role calls what on what, and how often that ends in an error; waits of loops have measures of their own."""
    use = facts.get(SyscallUse)
    for who, calls in calls_by_role(use, names).items() if use else ():
        role = names.role(calls[0].tid) if names.grain.threads else None
        total = sum(c.count for c in calls)
        groups: dict[tuple[str, str], list[CallUse]] = defaultdict(list)
        for call in calls:
            groups[call.call, names.what(call.fd)].append(call)
        mine = ours(facts, names) if role in (ThreadRole.MAIN_LOOP, ThreadRole.VCPU) else 0.0
        seen = facts.get(KvmExits) is not None  # then exits say it better, and without the calls that looking makes
        for (name, what), group in groups.items():
            if seen and name == "ioctl" and what == fdrole.VCPU:
                continue
            source = KVM_RUN if name == "ioctl" and what == fdrole.VCPU else source_of(who)
            make = _Maker(facts, role, source, use.window_ns if use else None, total, mine)
            if name not in WAITS or not names.grain.descriptors:
                yield from _of_call(make, f"{who}: {name}{f' on {what}' if what else ''}", name, what, group)
            yield from _errors(make, f"{who}: {name}{f' on {what}' if what else ''}", group, names)


class _Maker:
    """Makes measures of one role's calls."""

    def __init__(
        self, facts: Facts, role: ThreadRole | None, source: str, window_ns: int | None, total: int, ours: float
    ) -> None:
        self._of = source, window_ns, total, ours
        self._spread = spread_of(facts, role)
        self.role = role

    def __call__(
        self,
        title: str,
        count: float,
        calls: Sequence[CallUse],
        odd: str = "",
        *,
        follows: bool,
        refs: tuple[Ref, ...] = (),
    ) -> Measure:
        source, window_ns, total, mine = self._of
        kicked = follows or self.role is ThreadRole.MAIN_LOOP  # asking kicks a vCPU; what its guest does is its own
        return Measure(
            title=title,
            source=source,
            amount=Events(
                count=count,
                window_ns=window_ns,
                out_of=total,
                ours=min(count, mine) if kicked else 0.0,
                spread=self._spread,
            ),
            name=numbers(c.fd for c in calls),
            odd=odd,
            follows=follows,
            refs=refs or tuple(dict.fromkeys(ref for c in calls for ref in c.refs)),
        )


def _of_call(make: _Maker, title: str, name: str, what: str, group: Sequence[CallUse]) -> Iterator[Measure]:
    hands_over = name == "futex" or what.startswith(_HANDS_OVER)
    runs = what == fdrole.VCPU and name == "ioctl"
    odd = _FUTEX if name == "futex" else _ALARM if name in _TIMER_CALLS else ""
    little = CONSOLE if name in _WRITES and what.startswith(_PRINTS_ON) else ""
    arms = make.role is ThreadRole.MAIN_LOOP and name == "write" and what.startswith(fdrole.MAIN_LOOP_WAKEUP)
    made = make(title, sum(c.count for c in group), group, odd, follows=(hands_over and not arms) or runs)
    if arms:
        made = msgspec.structs.replace(made, by=_ARMED, lead=_ARMED_LEAD)
    timed = isinstance(made.amount, Events) and made.amount.window_ns
    little_to = _CONSOLE_TO_PER_S if timed else _CONSOLE_TO_SHARE
    yield msgspec.structs.replace(made, little=little, little_to=little_to)


def _errors(make: _Maker, title: str, group: Sequence[CallUse], names: Names) -> Iterator[Measure]:
    """Errors by their name, where both sides name them. On descriptors that queue up messages, EAGAIN is the normal end."""
    if not names.grain.descriptors:
        if failed := sum(call.failed for call in group):
            yield make(f"{title} fails", failed, group, _FUTEX if group[0].call == "futex" else "", follows=True)
        return
    counts: dict[str, int] = defaultdict(int)
    for call in group:
        for error in call.errors:
            counts[error.errno] += error.count
    queue = any(names.is_queue(call.fd) for call in group)
    for errno, count in counts.items():
        odd, refs = _odd(group[0].call, errno, queue=queue), _lines(group, errno, names)
        yield make(f"{title} ends in {errno}", count, group, odd, follows=True, refs=refs)


def _lines(group: Sequence[CallUse], errno: str, names: Names) -> tuple[Ref, ...]:
    """The very lines of a strace in which a read found nothing."""
    fds = {call.fd for call in group}
    seen = names.story.drained if names.story and errno == "EAGAIN" else ()
    return tuple(one.ref for one in seen if one.fd in fds and one.call == group[0].call)[:4]


def _odd(call: str, errno: str, *, queue: bool) -> str:
    if errno in ("EAGAIN", "EWOULDBLOCK"):
        if call == "futex":
            return _RETRIED
        return _DRAINED if queue and call in _READS else _NOT_NOW
    if errno == "ETIMEDOUT" and call == "futex":
        return _FUTEX
    return (
        _INTERRUPTED if errno in ("EINTR", "ERESTART", "ERESTARTNOHAND", "ERESTARTSYS", "ERESTART_RESTARTBLOCK") else ""
    )


def story_measures(facts: Facts, names: Names) -> Iterator[Measure]:
    """What single lines of a strace tell: timers armed at the floor, and questions that change nothing."""
    story = names.story
    if story is None:
        return
    if story.arms:
        low = [arm for arm in story.arms if arm.value_ns == _FLOOR_NS]
        yield Measure(
            title="timer armed at the floor of 250,000 ns",
            source="what timers are armed for",
            amount=Sampled(len(low), len(story.arms)),
            odd=_FLOOR,
            refs=tuple(arm.ref for arm in low[:4]),
        )
    use = facts.get(SyscallUse)
    asked = [c for c in use.calls if c.call == "rt_sigaction"] if use else []
    if story.queries and use:
        total = sum(c.count for c in use.calls)
        yield Measure(
            title="rt_sigaction(SIG, NULL)",
            source=source_of(names.who(asked[0].tid)) if asked else _STRACE,
            amount=Events(count=sum(c.count for c in asked), window_ns=use.window_ns, out_of=total),
            odd=_ASKS,
            follows=True,
            refs=tuple(query.ref for query in story.queries[:4]),
        )
