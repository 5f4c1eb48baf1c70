"""Every decoder under atheris for a moment, and inputs that did harm once."""

import os
import platform
import random
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from crazytrain.decode.registry import DECODERS, decoders_of
from crazytrain.model.errors import BadInput
from crazytrain.model.evidence import Evidence, Kind
from crazytrain.model.facts.services import Migration
from tests.fuzzing.decoders.growth import search
from tests.fuzzing.decoders.judge import Unsound, judge
from tests.fuzzing.decoders.targets import is_declared, streamed, targets
from tests.support import ROOT

_LIMIT_S = 20.0  # of CPU time, for what takes some ms
_DIGITS = 200_000


def fed(kind: Kind, data: bytes) -> list[object]:
    seen = Evidence(id="x", kind=kind, source="x", data=data)
    facts: list[object] = []
    for decode in decoders_of(seen):
        try:
            facts.extend(decode(seen))
        except BadInput:
            continue
    return facts


def test_every_decoder_is_a_target() -> None:
    names = [target.name for target in targets()]
    assert len(names) == len(set(names))
    assert {decode.__name__ for _, decode in DECODERS} | {"split", "stream", "clean", "explain", "why"} == set(names)


@pytest.mark.timeout(1200)
@pytest.mark.skipif(
    platform.machine() != "x86_64" or sys.version_info >= (3, 14),
    reason="atheris is installed on x86_64 up to Python 3.13",
)
def test_a_moment_under_atheris_finds_nothing(tmp_path: Path) -> None:
    # Counted, not timed: the same code meets the same inputs on every machine. More of them is `tools/fuzz-decoders`.
    words = ["--seconds", "60", "--runs", "110", "--seed", "1", "--jobs", str(os.cpu_count())]
    fuzzed = subprocess.run(
        [sys.executable, "-m", "tests.fuzzing.decoders", *words, "--keep", tmp_path, "--json", tmp_path / "ran"],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert fuzzed.returncode == 0, fuzzed.stdout + fuzzed.stderr
    ran = [msgspec.json.decode(line) for line in (tmp_path / "ran").read_bytes().splitlines()]
    assert {one["name"] for one in ran} == {target.name for target in targets()}
    assert min(one["executions"] for one in ran) >= 1


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Kind.QEMU_TEXT, "d1: rd_bytes=\u00b2 wr_bytes=1\n"),
        (Kind.QEMU_TEXT, f"d1: rd_bytes={'9' * 5000} wr_bytes=1\n"),
        (Kind.LIBVIRT_XML, "<domain type='kvm'><name>a</name><vcpu current='\u00b2'>\u00b2</vcpu></domain>\n"),
        (Kind.LIBVIRT_XML, "<domain type='kvm'><name>a</name><vcpu current='\u00b2'>2</vcpu></domain>\n"),
        (Kind.LIBVIRT_XML, f"<domain type='kvm'><name>a</name><iothreads>{'9' * 5000}</iothreads></domain>\n"),
        (Kind.LIBVIRT_XML, "<domain type='kvm'><name>a</name><memory unit='KiB'>\u00b2</memory></domain>\n"),
        (Kind.LIBVIRT_TEXT, "Name:           a\nCPU(s):         \u00b2\nMax memory:     \u00b2 KiB\n"),
        (Kind.STORAGE, "==> block/8:0/stat (4 bytes) <==\n\u00b2 1\n==> block/8:0/inflight (4 bytes) <==\n\u00b2 1\n"),
    ],
)
def test_digits_that_are_no_number(kind: Kind, text: str) -> None:
    judge(fed(kind, text.encode()), len(text))


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (Kind.QMP_TEXT, b'{"return": "\xd8(qemu) info status"}\n'),
        (Kind.STACKS, b'{"tid": 1, "comm": "\xbd", "mono_ns": 1, "ended": "end"}\n'),
        (Kind.STACKS, b"[" * 100_000),
        (Kind.LAB, b"[" * 100_000),
        (Kind.SPENT, b"[" * 100_000),
        (Kind.SPENT, b'{"\x90": 1}'),
        (Kind.SPENT, b"1"),
    ],
)
def test_json_that_is_none(kind: Kind, data: bytes) -> None:
    assert fed(kind, data) == []


@pytest.mark.parametrize("mbps", [b"1e308", b"-1e308", b"-1.0"])
def test_a_rate_that_is_none(mbps: bytes) -> None:
    answer = (
        b'{"execute": "query-migrate", "return": {"status": "active", "ram": {"mbps": ' + mbps + b'}}, "mono_ns": 1}\n'
    )
    facts = fed(Kind.QMP, answer)
    judge(facts, len(answer))
    (found,) = (fact for fact in facts if isinstance(fact, Migration))
    assert (found.status, found.bits_per_s) == ("active", None)


READS = b'read(1, "a", 3) = 0\n' * 3


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    "text",
    [
        READS + b"write(" + b"9" * _DIGITS + b", x)\n",
        b"    os.write(" + b"9" * _DIGITS + b", f(x))\n",
        b"12:00:00.000001 read(1) = 0 <0.1>\n" * 3 + b"12:00:00.000001 write(" + b"9" * _DIGITS + b" <0.1>\n",
        READS + b"write(1" + b") = " * (_DIGITS // 4) + b"(\n",
        READS + b"write(1) =" + b" " * _DIGITS + b"(\n",
        READS + b"a\n" * (_DIGITS // 2),
        READS + b"--- SIGALRM {si_signo=SIGALRM} ---\n" * (_DIGITS // 35),
    ],
    ids=["digits", "code", "timed", "results", "blanks", "words", "signals"],
)
def test_strace_of_one_thing_takes_no_time(text: bytes) -> None:
    began_s = time.thread_time()
    fed(Kind.STRACE, text)
    assert time.thread_time() - began_s < _LIMIT_S


@pytest.mark.parametrize(
    "line", [b"x" * 100_000, b'read(1, "' + b"a" * 100_000 + b'", 3) = 3', b"write(1, " + b"9" * 100_000]
)
@pytest.mark.parametrize("end", [b"", b"\n", b"\nread(1) = 0\n"])
def test_a_long_line_of_a_large_text_is_taken_whole(line: bytes, end: bytes) -> None:
    for before in (b"", READS, b"words\n" * 20_000):
        streamed(before + line + end)


def test_work_that_grows_like_a_square_is_found() -> None:
    def squares(data: bytes) -> list[object]:
        for _ in range(len(data) >> 11):
            sum(data)
        return []

    end_s = time.process_time() + 60
    found = search(squares, [b"a line\n"], lambda _: b"b", random.Random(1), end_s)
    assert "s of CPU time" in next(found)[1]


def test_facts_without_bounds_are_found() -> None:
    with pytest.raises(Unsound, match="the number nan"):
        judge([(float("nan"),)], 1)
    with pytest.raises(Unsound, match="a text of"):
        judge([["x" * 100_000]], 1)
    with pytest.raises(Unsound, match="became"):
        judge([[1] * 200_000], 1)
    assert not is_declared(ValueError("invalid literal"))
