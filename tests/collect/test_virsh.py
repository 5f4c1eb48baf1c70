"""Asking through virsh: one process for all, answers in QMP's form, and what virsh says when it cannot is an outcome."""

import asyncio
import json

import msgspec
import pytest

from crazytrain.collect.virsh import ask_virsh, tell, uri_of
from crazytrain.host.door import Finished
from crazytrain.host.fake import FakeHost
from crazytrain.model.evidence import Outcome
from crazytrain.model.guest import Guest
from tests.collect.making import a_guest

STATUS = b'{"execute": "query-status"}'
GUEST = msgspec.structs.replace(a_guest(700), uuid="4c17c2a0-c396-46e0-8a27-5b1cf1ebe382")


def ended(
    *texts: bytes, status: int = 0, stderr: bytes = b"", outcome: Outcome = Outcome.OK, took_ms: float = 4.5
) -> Finished:
    """What ``virsh -t`` prints: each command's text, then the time that it took."""
    stdout = b"".join(b"%b\n\n(Time: %.3f ms)\n\n" % (text, took_ms) for text in texts)
    return Finished(status=status, stdout=stdout, stderr=stderr, outcome=outcome, detail="told")


def ask(told: Finished | None, *questions: bytes, guest: Guest = GUEST) -> tuple[bytes, Outcome, str, FakeHost]:
    host = FakeHost(commands={"virsh": told} if told else {})
    return *asyncio.run(ask_virsh(host, guest, questions or (STATUS,))), host


def test_many_questions_are_one_process() -> None:
    texts = (b'{"return":{"status":"running"},"id":"libvirt-12"}\n', b'{"return":7,"id":"libvirt-13"}\n')
    data, outcome, detail, host = ask(ended(*texts), STATUS, b'{"execute": "x"}')
    first, second = map(json.loads, data.splitlines())
    assert (outcome, detail) == (Outcome.OK, "")
    assert (first["took_ns"], second["took_ns"]) == (4_500_000, 4_500_000)
    assert second["mono_ns"] - first["mono_ns"] == 4_500_000  # by virsh's own clock
    assert {key: first[key] for key in ("execute", "return")} == {
        "execute": "query-status",
        "return": {"status": "running"},
    }
    line = (
        f"'qemu-monitor-command' '{GUEST.uuid}' '{STATUS.decode()}'; "
        f"'qemu-monitor-command' '{GUEST.uuid}' '{{\"execute\": \"x\"}}'"
    )
    assert host.ran == [("virsh", "-q", "-t", "-c", "qemu:///system", line)]


def test_a_name_with_a_quote_stays_one_word() -> None:
    named = msgspec.structs.replace(GUEST, uuid="", name="it's; destroy x")
    *_, host = ask(ended(b'{"return": 1}'), guest=named)
    assert host.ran[0][-1].startswith("'qemu-monitor-command' 'it'\\''s; destroy x' '")


def test_an_error_of_qemu_is_an_answer() -> None:
    data, outcome, _, _ = ask(ended(b'{"id":"libvirt-13","error":{"class":"CommandNotFound","desc":"no"}}'))
    assert outcome is Outcome.OK
    assert json.loads(data)["error"]["desc"] == "no"


def test_a_command_that_failed_is_told_and_the_others_count() -> None:
    host = FakeHost(commands={"virsh": ended(b"", b"running (booted)", stderr=b"error: failed to get domain 'x'\n")})
    told = asyncio.run(tell(host, GUEST, [("domjobinfo", "x"), ("domstate", "y")]))
    assert [said.text for said in told.said] == [b"", b"running (booted)"]
    assert (told.outcome, told.detail) == (Outcome.OK, "failed to get domain 'x'")


@pytest.mark.parametrize(
    ("told", "outcome", "detail"),
    [
        (None, Outcome.NO_TOOL, "virsh is not installed"),
        (
            ended(outcome=Outcome.TIMED_OUT),
            Outcome.TIMED_OUT,
            "virsh got no answer within 3 s: libvirtd or QEMU's monitor hangs",
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


def test_what_was_answered_before_virsh_was_cut_off_is_kept() -> None:
    data, outcome, _, _ = ask(ended(b'{"return": 1}', outcome=Outcome.TIMED_OUT), *[STATUS] * 3)
    assert outcome is Outcome.TIMED_OUT
    assert len(data.splitlines()) == 1


@pytest.mark.parametrize(
    ("word", "uri"),
    [
        ("/var/lib/libvirt/qemu/domain-1-web01/master-key.aes", "qemu:///system"),
        ("/home/jo/.config/libvirt/qemu/lib/domain-1-web01/master-key.aes", "qemu:///session"),
    ],
)
def test_which_libvirtd_owns_the_guest(word: str, uri: str) -> None:
    assert uri_of(msgspec.structs.replace(GUEST, command_line=("qemu", word))) == uri
