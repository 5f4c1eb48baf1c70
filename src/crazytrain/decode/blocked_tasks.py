"""LOG_TEXT: what SysRq-W shows of a machine on which no thread of QEMU hangs: tasks that wait for a disk, most likely a guest's own.

     jbd2/sdb1-8     D    0   611      2 0x80000000
     io_schedule+0x12/0x40
     blk_mq_get_tag+0x11e/0x2c0

The same of tasks that sleep in a dump, as ``bt`` of the crash utility prints them. Source: Linux kernel/sched/core.c (sched_show_task).
What the hung-task watch prints is read with the log itself.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from crazytrain.model.evidence import Evidence, Kind
from crazytrain.model.facts.tool_lines import ToolLine, ToolMeaning
from crazytrain.model.kernel_waits import WaitsFor, waits_for

_MOST_LINES, _MOST_FRAMES, _LONGEST = 200_000, 32, 400
_SHOWN = re.compile(r"Show Blocked State\b")
_STAMP = r"(?:.{0,80}?\[ {0,8}\d{1,11}\.\d{6}\] ?(?:\[ *[TC]\d{1,9}\] ?)?)?"
_NEW = r"task:(?P<comm>\S.{0,30}?)\s+state:D\b"
_OLD = r"(?P<old>\S.{0,30}?)\s+D\s+(?:[0-9a-f]{8,16} )?\s*\d{1,9}\s+\d{1,9}\s+\d{1,9}\s+0x"
_CRASH = r'PID: \d{1,9} +TASK: [0-9a-f]{8,16} +CPU: \d{1,5} +COMMAND: "(?P<task>[^"\n]{0,30})"'
_TASK = re.compile(rf"{_STAMP}\s*(?:{_NEW}|{_OLD}|{_CRASH})")
_CALLED = r"\s*#\d{1,3} \[[0-9a-f]{8,16}\] (?P<called>[\w.]{1,100}) at "
_PRINTED = _STAMP + r"\s*(?:\[<[0-9a-f]{8,16}>\] )?(?P<name>[\w.]{1,100})\+0x[0-9a-f]{1,8}/0x[0-9a-f]{1,8}\b"
_FRAME = re.compile(f"{_CALLED}|{_PRINTED}")
_OF_HOST = re.compile(r"\b(?:qemu[\w-]{0,12}|kvm|CPU \d{1,4}/KVM|IO \w{1,12}|worker|vhost-\d{1,8})\b")


class _Open(msgspec.Struct):
    comm: str
    line: int
    frames: list[str] = []


def decode_blocked_tasks(evidence: Evidence) -> Iterable[object]:
    """Yield one ``ToolLine``: how many tasks wait so, and the first of them. Nothing where QEMU's own threads are among them."""
    text = evidence.data.decode("utf-8", "replace")
    if not (_SHOWN.search(text) or evidence.kind is Kind.KERNEL_STACK):
        return
    tasks = list(_tasks(text.split("\n")[:_MOST_LINES]))
    hang = [one for one in tasks if waits_for(one.frames) is WaitsFor.STORAGE]
    if hang and not any(_OF_HOST.match(one.comm) for one in tasks):
        where = next(name for name in hang[0].frames if waits_for([name]) is WaitsFor.STORAGE)
        says = f"{len(hang)} of {len(tasks)} tasks, {hang[0].comm} in {where}"
        yield ToolLine(meaning=ToolMeaning.TASKS_AT_DISK, text=says, ref=evidence.ref(hang[0].line))


def _tasks(lines: Sequence[str]) -> Iterator[_Open]:
    current: _Open | None = None
    for number, line in enumerate(lines, start=1):
        task, frame = _TASK.match(line[:_LONGEST]), _FRAME.match(line[:_LONGEST])
        if task:
            if current:
                yield current
            current = _Open(task["comm"] or task["old"] or task["task"], number)
        elif current and frame and len(current.frames) < _MOST_FRAMES:
            current.frames.append(frame["name"] or frame["called"])
    if current:
        yield current
