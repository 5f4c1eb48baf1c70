"""Tables that a mailer broke at 72 columns tell the same as before."""

import textwrap

import pytest

from crazytrain.decode.recognise import split
from crazytrain.model.case import Case
from crazytrain.pipeline import conclude
from tests.support import ROOT

DATA = ROOT / "tests" / "data" / "host_text"
KVM_EVENTS = """\
 qemu-system-x86-4711  [002] 12345.678901: kvm_exit:             reason IO_INSTRUCTION rip 0xffffffff81001234 info 710009 0
 qemu-system-x86-4711  [002] 12345.678903: kvm_pio:              pio_read at 0x71 size 1 count 1 val 0xc0
 qemu-system-x86-4711  [002] 12345.678905: kvm_entry:            vcpu 0, rip 0xffffffff81001236
 qemu-system-x86-4711  [002] 12345.678911: kvm_msr:              msr_write 6e0 = 0x3fbd56324bfd1e
 qemu-system-x86-4711  [002] 12345.678913: kvm_pio:              pio_write at 0x70 size 1 count 1 val 0xc
"""
STACKS = """\
== /proc/12833/task/12833
[<0>] poll_schedule_timeout.constprop.0+0x37/0x90
[<0>] do_sys_poll+0x437/0x5c0
== /proc/12833/task/12837
[<0>] futex_do_wait+0x46/0x90
"""


def wrapped(text: str) -> str:
    lines = (textwrap.wrap(line, 72, break_long_words=False) or [""] for line in text.split("\n"))
    return "\n".join(piece for pieces in lines for piece in pieces)


def told(text: str) -> list[str]:
    case = Case(id="", guest=None, window=None, evidence=split("x", text.encode()))
    return [line.says for line in conclude(case).story]


@pytest.mark.parametrize(
    "text",
    [
        KVM_EVENTS,
        *((DATA / name).read_text(encoding="utf-8") for name in ("vmstat.txt", "mpstat.txt", "perf-trace-s.txt")),
    ],
    ids=["events", "vmstat", "mpstat", "perf-trace"],
)
def test_wrapped_at_72(text: str) -> None:
    assert wrapped(text) != text
    assert told(text)
    assert told(wrapped(text)) == told(text)


def test_folders_above_stacks_name_their_threads() -> None:
    assert told(STACKS) == ["main loop (thread 12833) was inside ppoll when somebody looked"]
