"""Stacks that somebody printed one after the other: together they are one moment of one QEMU."""

from crazytrain.decode.backtrace import decode_backtrace
from crazytrain.derive.waits import derive_waits
from crazytrain.model.evidence import Evidence, Kind, Ref
from crazytrain.model.facts import Facts, ProcessFacts
from crazytrain.model.facts.stacks import UserStacks
from crazytrain.model.facts.waits import ThreadWait, WaitInstant, Waits

STACK = b"#0  0x00007f6bdfb1f4dc in ppoll ()\n#1  0x000055c7cd2cf9ee in main_loop_wait ()\n#2  0x000055c7cd0bfc34 in main ()\n"


def instant(name: str, *threads: ThreadWait, mono_ns: int = 0) -> WaitInstant:
    return WaitInstant(mono_ns=mono_ns, threads=threads, refs=(Ref(name),), partial=True)


def caught(tid: int, call: str, *, picked: bool = True, mono_ns: int = 0) -> ThreadWait:
    return ThreadWait(tid=tid, comm="", mono_ns=mono_ns, state="S", call=call, picked=picked, line=3)


def derived(*instants: WaitInstant) -> Waits:
    found = derive_waits(Facts([*instants, ProcessFacts(pid=10, start_ticks=1)]))
    assert found is not None
    return found


def test_both_pieces_threads_are_there_and_say_where_they_stand() -> None:
    waits = derived(instant("first", caught(11, "recvmsg")), instant("second", caught(12, "ppoll")))
    assert {(one.tid, one.refs[0].evidence) for one in waits.threads} == {(11, "first"), (12, "second")}


def test_a_thread_that_was_printed_twice_stands_as_it_was_later() -> None:
    waits = derived(instant("first", caught(11, "recvmsg")), instant("second", caught(11, "ppoll")))
    assert [one.call for one in waits.threads] == ["ppoll"]


def test_moments_that_are_known_stay_apart() -> None:
    waits = derived(
        instant("first", caught(11, "read", picked=False)),
        instant("second", caught(12, "ppoll", picked=False, mono_ns=10**9), mono_ns=10**9),
    )
    assert [one.tid for one in waits.threads] == [12]


def test_threads_without_a_number_are_others_in_another_piece() -> None:
    tids = set()
    for name in ("paste-1", "paste-2"):
        facts = decode_backtrace(Evidence(id=name, kind=Kind.BACKTRACE, source=name, data=STACK))
        tids |= {stack.tid for fact in facts if isinstance(fact, UserStacks) for stack in fact.stacks}
    assert len(tids) == 2
