"""KERNEL_STACK, too: ``bt`` of the crash utility, of a dump of the guest or of the host."""

import re
from collections.abc import Iterable, Iterator

import msgspec

from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.kernel_traces import KernelTrace

WHOLE = re.compile(
    rb"#\d{1,3} \[[0-9a-f]{8,16}\] [\w.]{1,100}(?: \(via [\w.]{1,100}\))? at [0-9a-f]{8,16}|PID: \d{1,9} +TASK: [0-9a-f]{8,16} "
    rb"|\[exception RIP: "
)
BESIDE = re.compile(rb"(?:RIP|R[A-DS][XIP]|R\d{1,2}|CS|SS|ORIG_RAX|RFLAGS): |--- <|crash> ")
_HEAD = re.compile(r'PID: (\d{1,9}) +TASK: [0-9a-f]{8,16} +CPU: (\d{1,5}) +COMMAND: "([^"\n]{0,64})"')
_FRAME = re.compile(r"#\d{1,3} \[[0-9a-f]{8,16}\] ([\w.]{1,100})")
_PLACE = re.compile(r"\[exception RIP: ([\w.]{1,100})")
_OF_QEMU = re.compile(r"qemu|kvm$|CPU \d+/|IO \w|worker$|vhost-\d")
_MOST_FRAMES = 64


class _Open(msgspec.Struct):
    line: int
    pid: int | None = None
    cpu: int | None = None
    comm: str = ""
    place: str = ""
    functions: list[str] = []


def decode_crash_bt(evidence: Evidence) -> Iterable[object]:
    """Yield a ``KernelTrace`` for each task.

    That a task of QEMU's is in it shows that the dump is the host's; else it is taken for
    the guest's, which is what people dump. Source: crash, its command bt. ::

        PID: 0      TASK: ffffffff81610040  CPU: 0   COMMAND: "swapper/0"
         #0 [ffff88003fc03df0] pvclock_clocksource_read at ffffffff8102cbb3
    """
    tasks = [one for one in _tasks(evidence.data.decode("utf-8", "replace").split("\n")[:200_000]) if one.functions]
    host = any(_OF_QEMU.match(one.comm) for one in tasks)
    for one in tasks[:1024]:
        yield KernelTrace(
            host=host,
            sure=host,
            functions=tuple(one.functions),
            place=one.place,
            cpu=one.cpu,
            pid=one.pid,
            comm=one.comm,
            refs=(evidence.ref(one.line),),
        )


def _tasks(lines: list[str]) -> Iterator[_Open]:
    current = _Open(1)
    for number, raw in enumerate(lines, 1):
        line = raw[:400].strip()
        head, frame, place = _HEAD.match(line), _FRAME.match(line), _PLACE.match(line)
        if head:
            yield current
            current = _Open(number, int(head[1]), int(head[2]), head[3])
        elif frame and len(current.functions) < _MOST_FRAMES:
            current.functions.append(frame[1])
        elif place and not current.place:
            current.place = place[1]
    yield current
