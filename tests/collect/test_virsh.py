"""Asking through virsh: answers have the form of QMP, and what virsh says when it cannot is an outcome."""

import asyncio
import json

import pytest

from crazytrain.collect.virsh import ask_virsh
from crazytrain.host.door import Finished
from crazytrain.host.fake import FakeHost
from crazytrain.model.evidence import Outcome

STATUS = b'{"execute": "query-status"}'


def ended(stdout: bytes = b"", *, status: int = 0, stderr: bytes = b"", outcome: Outcome = Outcome.OK) -> Finished:
    return Finished(status=status, stdout=stdout, stderr=stderr, outcome=outcome, detail="told")


def ask(told: Finished | None, *questions: bytes, tick_ns: int = 1000) -> tuple[bytes, Outcome, str, FakeHost]:
    host = FakeHost(commands={"virsh": told} if told else {}, tick_ns=tick_ns)
    return *asyncio.run(ask_virsh(host, "web01", questions or (STATUS,))), host


def test_an_answer() -> None:
    data, outcome, detail, host = ask(ended(b'{"return":{"status":"running"},"id":"libvirt-12"}\n\n'))
    answer = json.loads(data)
    assert (outcome, detail) == (Outcome.OK, "")
    assert answer.pop("mono_ns") > 0
    assert answer.pop("took_ns") > 0
    assert answer == {"execute": "query-status", "return": {"status": "running"}}
    command = ("virsh", "-c", "qemu:///system", "qemu-monitor-command", "--domain", "web01", STATUS.decode())
    assert host.ran == [command]


def test_an_error_of_qemu_is_an_answer() -> None:
    data, outcome, _, _ = ask(ended(b'{"id":"libvirt-13","error":{"class":"CommandNotFound","desc":"no"}}'))
    assert outcome is Outcome.OK
    assert json.loads(data)["error"]["desc"] == "no"


@pytest.mark.parametrize(
    ("told", "outcome", "detail"),
    [
        (None, Outcome.NO_TOOL, "virsh is not installed"),
        (
            ended(outcome=Outcome.TIMED_OUT),
            Outcome.TIMED_OUT,
            "virsh got no answer within 2 s: libvirtd or QEMU's monitor hangs",
        ),
        (
            ended(status=1, stderr=b"error: failed to get domain 'web01'\n"),
            Outcome.ABSENT,
            "failed to get domain 'web01'",
        ),
        (
            ended(status=1, stderr=b"error: failed to connect to the hypervisor\nerror: access denied\n"),
            Outcome.DENIED,
            "access denied",
        ),
        (
            ended(status=1, stderr=b"error: Timed out during operation: cannot acquire state change lock (held by x)"),
            Outcome.TIMED_OUT,
            "Timed out during operation: cannot acquire state change lock (held by x)",
        ),
        (ended(status=3), Outcome.ABSENT, "virsh ended with status 3"),
        (ended(b"not json"), Outcome.BROKE, "virsh's answer is no QMP"),
        (ended(b"[" * 100_000), Outcome.BROKE, "virsh's answer is no QMP"),
        (ended(b"{}"), Outcome.BROKE, "virsh's answer is no QMP"),
        (ended(b"[]"), Outcome.BROKE, "virsh's answer is no QMP"),
    ],
)
def test_no_answer(told: Finished | None, outcome: Outcome, detail: str) -> None:
    data, ended_as, said, host = ask(told, STATUS, STATUS, STATUS)
    assert (data, ended_as, said) == (b"", outcome, detail)
    assert len(host.ran) == 1


def test_a_slow_virsh_is_left() -> None:
    data, outcome, detail, host = ask(ended(b'{"return": 1}'), *[STATUS] * 10, tick_ns=500_000_000)
    assert outcome is Outcome.TRUNCATED
    assert 1 <= len(host.ran) < 10
    assert len(data.splitlines()) == len(host.ran)
    assert detail == f"left after {len(host.ran)} of 10 questions: virsh is slow"
