"""What people say is read in the field's terms: what is there, what is not, what cures it, what is only guessed."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crazytrain.decode.recognise import split
from crazytrain.decode.told import LIMIT_BYTES, MOST_STATEMENTS, as_told, decode_told
from crazytrain.decode.told_words import WORDS
from crazytrain.model.evidence import Evidence, Kind
from crazytrain.model.facts.told import Stance, Told, Topic

S, T = Stance, Topic

SAID: tuple[tuple[str, Topic, Stance], ...] = (
    ("The qemu process takes about 140% on the host.", T.CPU_FULL, S.SEEN),
    ("One core of the host sits at 100% since this morning.", T.CPU_FULL, S.SEEN),
    ("The host load of the guest is some 40% CPU.", T.CPU_SOME, S.SEEN),
    ("All vCPUs stand at 100% for hours.", T.VCPUS_FULL, S.SEEN),
    ("The main thread of it is spinning without pause.", T.MAIN_FULL, S.SEEN),
    ("Most of that is system time of the host.", T.SYSTEM_TIME, S.SEEN),
    ("According to itself the guest is idle all day.", T.GUEST_IDLE, S.SEEN),
    ("Then the guest freezes completely.", T.GUEST_HUNG, S.SEEN),
    ("Everything in it is sluggish and slow.", T.GUEST_SLOW, S.SEEN),
    ("The QEMU monitor does not answer any more.", T.QEMU_HUNG, S.SEEN),
    ("It begins after a live migration to another node.", T.MIGRATION, S.SEEN),
    ("It begins when the virtual disk is moved to the new storage.", T.STORAGE_COPY, S.SEEN),
    ("A drive_del in the monitor starts it every time.", T.BLOCK_JOB, S.SEEN),
    ("The guest was stopped for three weeks before that.", T.LONG_STOP, S.SEEN),
    ("The laptop was suspended and woke up again.", T.HOST_SLEEP, S.SEEN),
    ("It happens only when shutting down the machine.", T.AT_SHUTDOWN, S.SEEN),
    ("A Windows Server 2019 runs in it.", T.WINDOWS, S.SEEN),
    ("The guest's log has RCU stalls by the dozen.", T.SOFT_LOCKUP, S.SEEN),
    ("QEMU stops as the result of a triple fault.", T.TRIPLE_FAULT, S.SEEN),
    ("The time in the guest jumped by 584 years.", T.TIME_JUMP, S.SEEN),
    ("Its clock runs too fast by a minute an hour.", T.CLOCK_DRIFT, S.SEEN),
    ("Both hosts have a different TSC frequency.", T.TSC_FREQUENCY, S.SEEN),
    ("It reads port 0x71 some thousand times per second.", T.RTC_PORT, S.SEEN),
    ("We count 90,000 timer interrupts per second.", T.TIMER_RATE, S.SEEN),
    ("perf shows IO_INSTRUCTION above all else.", T.IO_EXITS, S.SEEN),
    ("The host's dmesg complains of a split lock in it.", T.SPLIT_LOCK, S.SEEN),
    ("write on the pty gives EAGAIN for ever.", T.EAGAIN, S.SEEN),
    ("The client has died and the socket stays open.", T.CLIENT_GONE, S.SEEN),
    ("Its status is paused (io-error) since midnight.", T.IO_ERROR, S.SEEN),
    ("The thin pool below it is full, says lvs.", T.NO_SPACE, S.SEEN),
    ("KVM: entry failed, and the guest is gone.", T.ENTRY_FAILED, S.SEEN),
    ("The screen of the firmware is never seen.", T.NO_SCREEN, S.SEEN),
    ("The guest runs without KVM on this machine.", T.EMULATED, S.SEEN),
    ("Without the USB tablet everything is fine.", T.USB_TABLET, S.CURED),
    ("With halt_poll_ns set to 0 it is gone.", T.HALT_POLL, S.CURED),
    ("A build with --disable-linux-io-uring works.", T.IO_URING, S.CURED),
    ("With a tap device all is well again.", T.TAP, S.GOOD_WITH),
    ("Switching off KSM made no difference at all.", T.KSM, S.NO_MATTER),
    ("I suspect that the balloon does this.", T.BALLOON, S.GUESS),
    ("This guest has no HPET at all.", T.HPET, S.ABSENT),
)


def told(text: str) -> list[Told]:
    return list(decode_told(Evidence(id="mail", kind=Kind.TOLD, source="mail", data=text.encode())))


@pytest.mark.parametrize(("text", "topic", "stance"), SAID, ids=[topic.name.lower() for _, topic, _ in SAID])
def test_a_statement_is_understood(text: str, topic: Topic, stance: Stance) -> None:
    assert (topic, stance) in {(one.topic, one.stance) for one in told(text)}


def test_figures_are_read_as_ratios() -> None:
    assert next(
        one.value for one in told("The qemu process takes 130% CPU.") if one.topic is T.CPU_FULL
    ) == pytest.approx(1.3)


def test_a_share_of_something_else_is_no_cpu() -> None:
    assert not [one for one in told("The migration reaches 99% and the disk is 100% full.") if one.topic is T.CPU_FULL]


def test_it_means_what_was_spoken_of_before() -> None:
    said = told("NUMA balancing is on in this host; when it is switched off the problem is gone.")
    assert (T.NUMA_BALANCING, S.CURED) in {(one.topic, one.stance) for one in said}


def test_a_guess_behind_an_observation_is_a_guess_alone() -> None:
    said = {(one.topic, one.stance) for one in told("A build without io_uring is fine, I suspect the balloon.")}
    assert said == {(T.IO_URING, S.CURED), (T.BALLOON, S.GUESS)}


def test_what_is_only_listed_is_listed() -> None:
    said = told("We have a VNC console, the balloon and the guest agent in all of them.")
    assert {one.stance for one in said} == {S.LISTED}


def test_a_sentence_may_be_quoted_wrapped_and_end_in_crlf() -> None:
    text = "> The guest hangs each time\r\n> after it was restored from a\r\n> snapshot of last week.\r\n"
    assert {T.GUEST_HUNG, T.RESUME} <= {one.topic for one in told(text)}


def test_lines_are_named() -> None:
    said = told("Dear list,\n\nfirst nothing special is to be seen here.\nThen the balloon comes into play with us.\n")
    assert [one.ref.line for one in said if one.topic is T.BALLOON] == [4]


@pytest.mark.parametrize(
    "text",
    [
        "[  310.791732] watchdog: BUG: soft lockup - CPU#1 stuck for 25s! [swapper/1:0]",
        "<timer name='rtc' tickpolicy='catchup'/>",
        "qemu-system-x86_64 -m 256 -smp 1 -no-hpet -device usb-tablet -rtc base=localtime,driftfix=slew",
        "0x00007f549d0bda0f in poll () from target:/lib64/libc.so.6",
        "#1  0x0000000000475df9 in send_all (fd=9, buf=<value optimized out>) at qemu-char.c:477",
    ],
)
def test_what_machines_print_is_no_speech(text: str) -> None:
    assert told(text) == []


def test_prose_is_recognised_among_what_is_pasted() -> None:
    text = b"The guest hangs since the migration.\n\nThe weather is fine here.\n"
    assert [one.kind for one in split("mail", text)] == [Kind.TOLD]


def test_prose_that_observes_nothing_stays_unrecognised() -> None:
    seen = Evidence(
        id="mail", kind=Kind.TEXT, source="mail", data=b"Thank you very much for all your work, dear people."
    )
    assert as_told(seen).kind is Kind.TEXT


def test_every_topic_has_words() -> None:
    by_figures = {T.CPU_FULL, T.CPU_SOME, T.VCPUS_FULL, T.MAIN_FULL}
    assert {topic for topic, _ in WORDS} == set(T) - by_figures


@given(st.text(max_size=4000))
def test_any_text_is_read(text: str) -> None:
    said = told(text)
    assert len(said) <= MOST_STATEMENTS
    assert all(len(one.words) <= 200 for one in said)


@given(st.binary(max_size=2000))
def test_any_bytes_are_read(data: bytes) -> None:
    for one in decode_told(Evidence(id="x", kind=Kind.TOLD, source="x", data=data)):
        assert one.ref.evidence == "x"


@pytest.mark.parametrize(
    "piece", ["a ", "the guest hangs ", "no no no ", "host host ", "clock " * 3 + "\n", "cpu cpu. "]
)
def test_long_text_is_bounded(piece: str) -> None:
    text = piece * (3 * LIMIT_BYTES // len(piece))
    begin = time.process_time()
    assert len(told(text)) <= MOST_STATEMENTS
    assert time.process_time() - begin < 20
