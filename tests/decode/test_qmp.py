"""Answers of a monitor: recorded from QEMU 7.2, old forms, failures as facts, hostile input."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crazytrain.decode.qmp import decode_qmp
from crazytrain.model.evidence import Evidence, Kind, Outcome
from crazytrain.model.facts import MONITOR_BUSY, IrqCount, IrqReading, KvmCounter, KvmStatReading, QemuState

STATUS = {"status": "running", "singlestep": False, "running": True}
VERSION = {"qemu": {"micro": 22, "minor": 2, "major": 7}, "package": "Debian 1:7.2+dfsg-7+deb12u18+b3"}
CPUS = [
    {
        "thread-id": 25152,
        "props": {"core-id": 1},
        "qom-path": "/machine/unattached/device[2]",
        "cpu-index": 1,
        "target": "x86_64",
    },
    {
        "thread-id": 25151,
        "props": {"core-id": 0},
        "qom-path": "/machine/unattached/device[0]",
        "cpu-index": 0,
        "target": "x86_64",
    },
]
BLOCK = [
    {"io-status": "ok", "device": "ide0-hd0", "locked": False, "inserted": {"drv": "raw"}, "type": "unknown"},
    {"io-status": "nospace", "device": "", "qdev": "/machine/peripheral/disk1", "type": "unknown"},
    {"device": "cd", "type": "unknown"},
]
IRQS = "IRQ statistics for ioapic:\r\n 0: 5\r\n 8: 81920\r\nIRQ statistics for isa-i8259:\r\n 0: 5\r\n"
STATS = [
    {
        "provider": "kvm",
        "stats": [
            {"name": "guest_mode", "value": False},
            {"name": "insn_emulation", "value": 5682},
            {"name": "halt_wait_hist", "value": [0, 0, 1]},
            {"name": "exits", "value": 6},
        ],
        "qom-path": "/machine/unattached/device[2]",
    },
    {"provider": "kvm", "stats": [{"name": "exits", "value": 4}], "qom-path": "/machine/unattached/device[0]"},
    {"provider": "other", "stats": [{"name": "exits", "value": 1000}]},
]


def answer(execute: str, returned: object, mono_ns: int = 9, **arguments: object) -> bytes:
    asked = {"execute": execute, "arguments": arguments} if arguments else {"execute": execute}
    return json.dumps({**asked, "return": returned, "mono_ns": mono_ns, "took_ns": 1}).encode() + b"\n"


def human(line: str, text: object, mono_ns: int = 9) -> bytes:
    return answer("human-monitor-command", text, mono_ns, **{"command-line": line})


def decoded(data: bytes, outcome: Outcome = Outcome.OK, detail: str = "") -> list[object]:
    evidence = Evidence(id="qmp.0", kind=Kind.QMP, source="QMP", outcome=outcome, detail=detail, data=data, mono_ns=3)
    return list(decode_qmp(evidence))


def state(data: bytes, outcome: Outcome = Outcome.OK, detail: str = "") -> QemuState:
    first = decoded(data, outcome, detail)[0]
    assert isinstance(first, QemuState)
    return first


def test_what_qemu_says_of_itself() -> None:
    data = b"".join(
        (
            answer("query-status", STATUS, mono_ns=5),
            answer("query-version", VERSION),
            answer("query-kvm", {"enabled": True, "present": True}),
            answer("query-cpus-fast", CPUS),
            answer("query-block", BLOCK),
        )
    )
    said = state(data)
    assert (said.monitor, said.status, said.kvm, said.mono_ns) == (Outcome.OK, "running", True, 5)
    assert (said.version, said.version_text) == ((7, 2, 22), "Debian 1:7.2+dfsg-7+deb12u18+b3")
    assert said.vcpu_tids == (25151, 25152)
    assert said.io_errors == ("/machine/peripheral/disk1: nospace",)
    assert [str(ref) for ref in said.refs] == ["qmp.0"]


def test_how_asking_ended_is_a_fact() -> None:
    hung = state(
        b"", Outcome.TIMED_OUT, "no greeting within 1 s: no other client is connected, so QEMU hangs or is stopped"
    )
    assert (hung.monitor, hung.monitor_busy, hung.status, hung.version, hung.kvm) == (
        Outcome.TIMED_OUT,
        False,
        "",
        None,
        None,
    )
    assert hung.monitor_detail.startswith("no greeting")
    assert hung.mono_ns == 3
    busy = state(b"", Outcome.TIMED_OUT, f"no greeting within 1 s: {MONITOR_BUSY}")
    assert busy.monitor_busy
    assert state(b"", Outcome.ABSENT, "there is no monitor").monitor is Outcome.ABSENT


def test_what_was_answered_before_it_hung_is_read() -> None:
    said = state(answer("query-status", STATUS), Outcome.TIMED_OUT, "no answer to query-kvm")
    assert (said.monitor, said.status) == (Outcome.TIMED_OUT, "running")


def test_errors_are_no_answers() -> None:
    error = (
        b'{"execute": "query-cpus-fast", "error": {"class": "CommandNotFound", "desc": "not found"}, "mono_ns": 1}\n'
    )
    said = state(error + answer("query-status", STATUS))
    assert (said.vcpu_tids, said.status) == ((), "running")


def test_interrupts() -> None:
    _, reading = decoded(answer("query-status", STATUS) + human("info irq", IRQS, mono_ns=11))
    assert isinstance(reading, IrqReading)
    assert (reading.mono_ns, reading.controllers, str(reading.ref)) == (11, ("ioapic", "isa-i8259"), "qmp.0:2")
    assert reading.counts == (IrqCount("ioapic", 0, 5), IrqCount("ioapic", 8, 81920), IrqCount("isa-i8259", 0, 5))


def test_interrupts_of_a_kernel_that_counts_nothing_and_of_an_old_qemu() -> None:
    (_, reading) = decoded(human("info irq", "IRQ statistics for kvm-ioapic:\r\nIRQ statistics for kvm-i8259:\r\n"))
    assert isinstance(reading, IrqReading)
    assert (reading.controllers, reading.counts) == (("kvm-ioapic", "kvm-i8259"), ())
    (_, reading) = decoded(human("info irq", "IRQ statistics:\r\n 0: 123\r\n"))
    assert isinstance(reading, IrqReading)
    assert reading.counts == (IrqCount("", 0, 123),)


@pytest.mark.parametrize("text", ["", "unknown command: 'info irq'\r\n", "8: 5\r\n", 7, None])
def test_no_interrupts(text: object) -> None:
    assert len(decoded(human("info irq", text))) == 1


def test_counters_of_kvm_are_added_up_over_vcpus() -> None:
    _, reading = decoded(answer("query-stats", STATS, mono_ns=12, target="vcpu"))
    assert isinstance(reading, KvmStatReading)
    assert (reading.mono_ns, reading.vcpus, str(reading.ref)) == (12, 2, "qmp.0:1")
    assert reading.counters == (KvmCounter("exits", 10), KvmCounter("insn_emulation", 5682))


@pytest.mark.parametrize(
    "stats", [[], {}, [{"provider": "kvm", "stats": [{"name": "guest_mode", "value": True}]}], "x"]
)
def test_no_counters(stats: object) -> None:
    assert len(decoded(answer("query-stats", stats))) == 1


def test_text_that_is_no_answer_at_all_is_told() -> None:
    said = state(b"hello\n{}\n")
    assert (said.monitor, said.monitor_detail) == (Outcome.BROKE, "no line of it is an answer of QMP")


def test_answers_of_another_form_are_passed_over() -> None:
    forms: tuple[object, ...] = (7, [], {}, "x", None, {"status": 7}, {"qemu": 1}, [{"thread-id": "x"}])
    for execute in ("query-status", "query-version", "query-kvm", "query-cpus-fast", "query-block"):
        for form in forms:
            assert state(answer(execute, form) + answer("query-name", {})).monitor is Outcome.OK


def test_nested_beyond_measure() -> None:
    deep = b'{"execute": "query-status", "return": ' + b"[" * 100_000 + b"]" * 100_000 + b"}\n"
    assert state(deep + answer("query-status", STATUS)).status == "running"


@given(st.binary(max_size=2048))
def test_any_bytes(data: bytes) -> None:
    state(data)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda x: st.lists(x) | st.dictionaries(st.text(), x),
    max_leaves=8,
)


@given(st.sampled_from(["query-status", "query-stats", "query-block", "query-cpus-fast", "query-version"]), JSON)
def test_any_answer(execute: str, returned: object) -> None:
    state(answer(execute, returned))


@given(st.text(alphabet="IRQ statisicfor-oapi:0123456789 \r\n"))
def test_any_table_of_interrupts(text: str) -> None:
    decoded(human("info irq", text))
