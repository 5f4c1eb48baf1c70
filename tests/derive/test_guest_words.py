"""What the guest said on its console and in its kernel log, as one fact."""

from crazytrain.derive.guest_words import derive_guest_words
from crazytrain.model.evidence import Ref
from crazytrain.model.facts import ConsoleLine, ConsoleLog, Facts, LineMeaning
from crazytrain.model.facts.inside import ClockReading, GuestLog, InsideReading

LOG_REF, CONSOLE_REF = Ref("inside.log"), Ref("console.0", 7)
STUCK = "watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [sh:71]"


def log(*lines: tuple[str, int], last_s: int = 100) -> GuestLog:
    matter = tuple(ConsoleLine(meaning=LineMeaning.SOFT_LOCKUP, text=text, ref=LOG_REF) for text, _ in lines)
    return GuestLog(
        lines=300,
        matter=matter,
        at_ns=tuple(at_s * 10**9 for _, at_s in lines),
        after_last=4,
        last_ns=last_s * 10**9,
        refs=(LOG_REF,),
    )


def reading(up_s: int) -> InsideReading:
    clock = ClockReading(mono_ns=1, wall_ns=1, clocksource="tsc", monotonic_ns=up_s * 10**9)
    return InsideReading(mono_ns=1, took_ns=1, clock=clock)


def console(text: str) -> ConsoleLog:
    line = ConsoleLine(meaning=LineMeaning.SOFT_LOCKUP, text=f"[   74.000000] {text}", ref=CONSOLE_REF)
    return ConsoleLog(lines=20, matter=(line,), after_last=1, refs=(CONSOLE_REF,))


def test_without_a_kernel_log_the_console_stays_as_it_is() -> None:
    assert derive_guest_words(Facts((console(STUCK),))) is None


def test_lines_of_the_log_have_an_age() -> None:
    words = derive_guest_words(Facts((log((STUCK, 74)), reading(1000))))
    assert words is not None
    assert [(line.said_in, line.age_s) for line in words.matter] == [("the guest's kernel log", 926.0)]
    assert words.after_last == 4


def test_without_a_clock_nobody_knows_how_old_a_line_is() -> None:
    words = derive_guest_words(Facts((log((STUCK, 74)),)))
    assert words is not None
    assert words.matter[0].age_s is None


def test_what_both_say_counts_once_and_both_are_named() -> None:
    words = derive_guest_words(Facts((console(STUCK), log((STUCK, 74)), reading(80))))
    assert words is not None
    assert len(words.matter) == 1
    assert words.refs == (CONSOLE_REF, LOG_REF)
    assert words.lines == 320


def test_a_log_with_nothing_that_matters_hides_no_line_of_the_console() -> None:
    words = derive_guest_words(Facts((console(STUCK), log(), reading(80))))
    assert words is not None
    assert words.matter == console(STUCK).matter
    assert words.after_last == 1
