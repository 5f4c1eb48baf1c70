"""Threads of QEMU that a kernel log shows asleep in the kernel: SysRq-W, and what the hung-task watch prints."""

import re
from collections.abc import Iterable, Iterator

import msgspec

from crazytrain.decode.kernel_stack import call_by_functions, runs_a_vcpu
from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.threads import ThreadRole
from crazytrain.model.facts.waits import KVM_RUN, ThreadWait, WaitInstant
from crazytrain.model.thread_names import role_by_name

_MOST_LINES, _MOST_FRAMES, _MOST_THREADS = 200_000, 64, 1024
_QEMU = r"(?P<comm>qemu[\w-]{0,12}|kvm|CPU \d{1,4}/\w{1,6}|worker|IO \S{1,12}|call_rcu|vhost-\d{1,8}|live_migration|migration)"
# Since 5.10 `task:NAME state:D stack:0 pid:N`, before that `NAME D 0 N 1 0x00000000` (kernel/sched/core.c, sched_show_task).
_OLD = _QEMU.replace("comm", "old")
_TASK = re.compile(
    rf"task:{_QEMU}\s+state:(?P<state>[A-Z])\S*\s.{{0,80}}?\bpid:\s*(?P<pid>\d{{1,9}})"
    rf"|{_OLD}\s+(?P<was>[DS])\s*\S.{{0,60}}?\s(?P<tid>\d{{1,9}})\s+\d{{1,9}}\s+0x"
)
_HUNG = re.compile(rf"INFO: task {_QEMU}:(?P<pid>\d{{1,9}}) blocked for more than (?P<seconds>\d{{1,7}}) seconds")
_FRAME = re.compile(r"(?:.*\s)?(?P<name>[\w.]{1,100})\+0x[0-9a-f]{1,8}/0x[0-9a-f]{1,8}(?: \[\w{1,60}\])?$")


class _Open(msgspec.Struct):
    line: int
    tid: int
    comm: str
    state: str
    frames: list[str] = []


def decode_blocked_log(evidence: Evidence) -> Iterable[object]:
    """Yield a ``WaitInstant`` of QEMU's threads whose stacks the log holds; nothing without one.

    The hung-task watch says for how long at least a thread has slept; SysRq-W shows one moment. Only threads with names that
    QEMU gives are read. ::

        INFO: task qemu-system-x86:4711 blocked for more than 120 seconds.
        task:qemu-system-x86 state:D stack:0     pid:4711  ppid:1      flags:0x00004006
        Call Trace:
         io_schedule+0x42/0x70
    """
    text = evidence.data.decode("utf-8", "replace")
    lines = text.split("\n")[:_MOST_LINES]
    slept = {int(found["pid"]): int(found["seconds"]) for line in lines if (found := _HUNG.search(line[:400]))}
    threads = {one.tid: _wait(one, slept.get(one.tid), evidence) for one in _threads(lines) if one.frames}
    if threads:
        kept = tuple(threads.values())[:_MOST_THREADS]
        yield WaitInstant(mono_ns=evidence.mono_ns, threads=kept, refs=(evidence.ref(),), partial=True)


def _threads(lines: Iterable[str]) -> Iterator[_Open]:
    current: _Open | None = None
    for number, raw in enumerate(lines, 1):
        line = raw[:400].rstrip()
        task = _TASK.search(line)
        frame = _FRAME.match(line)
        if task:
            if current:
                yield current
            tid = int(task["pid"] or task["tid"])
            current = _Open(number, tid, task["comm"] or task["old"], task["state"] or task["was"])
        elif current and frame:
            if not line[: frame.start("name")].endswith("? ") and len(current.frames) < _MOST_FRAMES:
                current.frames.append(frame["name"])
        elif current and ("task:" in line or "</TASK>" in line or "INFO: task" in line):
            yield current
            current = None
    if current:
        yield current


def _wait(one: _Open, slept_s: int | None, evidence: Evidence) -> ThreadWait:
    runs = runs_a_vcpu(one.frames)
    role = ThreadRole.VCPU if runs else role_by_name(one.comm)[0]
    inner = next((name for name in one.frames if not name.startswith(("__schedule", "schedule", "io_schedule"))), "")
    return ThreadWait(
        tid=one.tid,
        comm=one.comm,
        mono_ns=evidence.mono_ns,
        state=one.state,
        call="ioctl" if runs else call_by_functions(one.frames),
        arguments=(1 << 30, KVM_RUN) if runs else (),
        wchan=inner,
        kernel=tuple(one.frames),
        asleep_ns=None if slept_s is None else slept_s * 10**9,
        line=one.line,
        role=None if role is ThreadRole.OTHER else role,
        picked=slept_s is None,
    )
