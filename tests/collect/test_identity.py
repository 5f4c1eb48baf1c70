"""Identity and host: what is there is kept, what is not is told, and a command line that hangs holds back nothing else."""

import asyncio

import pytest

from crazytrain.collect.host_facts import collect_host
from crazytrain.collect.identity import collect_identity
from crazytrain.decode.versions_program import decode_program_version
from crazytrain.host.fake import FakeHost
from crazytrain.model.bundle import unpack
from crazytrain.model.evidence import Outcome
from tests.collect.making import DENIED, HOST_FILES, a_guest, look_at, process

FILES = {**HOST_FILES, **process(700, "qemu-system-x86", ["qemu-system-x86_64", "-m", "64"])}


def test_the_process_and_its_command_line_are_two_evidences() -> None:
    look, kept = look_at(FakeHost(FILES, links={"/proc/700/exe": "/usr/bin/qemu-system-x86_64"}), a_guest(700))
    asyncio.run(collect_identity(look))
    assert [(e.id, e.outcome) for e in kept[:2]] == [("identity.0", Outcome.OK), ("identity.1", Outcome.OK)]
    parts = {p.name: p for p in unpack(kept[0].data)}
    assert parts["/proc/700/exe"].data == b"/usr/bin/qemu-system-x86_64"
    assert parts["/proc/700/status"].outcome is Outcome.ABSENT
    assert [p.data for p in unpack(kept[1].data)] == [b"qemu-system-x86_64\0-m\x0064\0"]


def test_a_command_line_that_never_comes_is_a_timeout_of_its_own() -> None:
    look, kept = look_at(FakeHost({**FILES, "/proc/700/cmdline": TimeoutError()}), a_guest(700))
    asyncio.run(collect_identity(look))
    assert [e.outcome for e in kept[:2]] == [Outcome.OK, Outcome.TIMED_OUT]


VERSION = b"QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7)"


@pytest.mark.parametrize("before", [0, 100, (4 << 20) - 10, (4 << 20) + 1])
def test_the_program_s_own_version_is_read_wherever_it_stands(before: int) -> None:
    program = b"\0" * before + VERSION + b"\nCopyright (c) 2003\0" + b"\0" * 500
    look, kept = look_at(FakeHost({**FILES, "/proc/700/exe": program}), a_guest(700))
    asyncio.run(collect_identity(look))
    assert (kept[2].id, kept[2].outcome) == ("identity.2", Outcome.OK)
    assert [p.data for p in unpack(kept[2].data)] == [VERSION]
    assert [(one.number, one.micro) for one in decode_program_version(kept[2])] == [((7, 2), 22)]
    assert not [one for other in kept[:2] for one in decode_program_version(other)]


@pytest.mark.parametrize(("program", "outcome"), [(b"\x7fELF" + b"x" * 100, Outcome.ABSENT), (DENIED, Outcome.DENIED)])
def test_a_program_without_a_version_or_a_denied_one_says_so(program: bytes | OSError, outcome: Outcome) -> None:
    look, kept = look_at(FakeHost({**FILES, "/proc/700/exe": program}), a_guest(700))
    asyncio.run(collect_identity(look))
    assert kept[2].outcome is outcome


def test_a_light_look_leaves_the_program_alone() -> None:
    look, kept = look_at(FakeHost({**FILES, "/proc/700/exe": VERSION}), a_guest(700), light=True)
    asyncio.run(collect_identity(look))
    assert [e.id for e in kept] == ["identity.0", "identity.1"]


def test_a_denied_link_is_told_and_hides_no_other_file() -> None:
    look, kept = look_at(FakeHost(FILES, links={"/proc/700/exe": DENIED}), a_guest(700))
    asyncio.run(collect_identity(look))
    assert kept[0].outcome is Outcome.OK
    assert kept[0].detail.startswith("/proc/700/exe: denied; ")


def test_another_process_under_the_same_pid_is_not_read() -> None:
    look, kept = look_at(FakeHost(FILES), a_guest(700, start=499))
    asyncio.run(collect_identity(look))
    assert [(e.outcome, e.detail, e.data) for e in kept] == [(Outcome.ABSENT, "pid 700 is another process now", b"")]


def test_the_host_is_looked_at_at_both_ends() -> None:
    files = {**FILES, "/proc/loadavg": b"1.00 1.00 1.00 1/100 9\n", "/proc/cpuinfo": b"flags\t: fpu\n\nflags\t: x\n\n"}
    look, kept = look_at(FakeHost(files), a_guest(700))
    asyncio.run(collect_host(look))
    assert [(e.id, e.outcome) for e in kept] == [("host.0", Outcome.OK), ("host.1", Outcome.OK)]
    assert kept[1].mono_ns >= look.end_ns
    parts = {p.name: p for p in unpack(kept[0].data)}
    assert parts["/proc/cpuinfo"].data == b"flags\t: fpu"
    assert parts["/proc/pressure/cpu"].outcome is Outcome.ABSENT


def test_a_host_that_tells_nothing_is_an_outcome() -> None:
    look, kept = look_at(FakeHost({}), a_guest(700))
    asyncio.run(collect_host(look))
    assert {e.outcome for e in kept} == {Outcome.ABSENT}
