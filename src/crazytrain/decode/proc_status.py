"""PRINTED_FILES: ``/proc/PID/status`` and ``/proc/PID/syscall`` as people print them: in which state a thread was, and in which call.

Name:   qemu-system-x86
State:  D (disk sleep)
Pid:    4711
"""

import re
from collections.abc import Iterable, Iterator, Sequence

from msgspec.structs import replace

from crazytrain.decode.waits import PAGE_FAULT, call_of
from crazytrain.model.bundle import Part
from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.threads import ThreadRole
from crazytrain.model.facts.waits import KVM_RUN, ThreadWait, WaitInstant

MACHINE = "x86_64"  # whose numbers of calls: the text does not tell
_WORD = r"0x[0-9a-f]{1,16}"
CALL_LINE = rf"(?:\d{{1,4}}(?: {_WORD}){{6}}|-1) {_WORD} {_WORD}$"
# Lines that only this file has; ``Name:`` and ``State:`` alone may stand elsewhere.
STATUS_LINE = (
    r"State:\s+[RSDTtZXIPW] \((?:running|sleeping|disk sleep|stopped|tracing stop|zombie|dead|idle|parked)\) *$"
    r"|(?:Tgid|Ngid|Pid|PPid|TracerPid|FDSize|Threads|Seccomp|Seccomp_filters|NoNewPrivs|THP_enabled|Umask):\s+\d{1,10} *$"
    r"|(?:Vm(?:Peak|Size|Lck|Pin|HWM|RSS|Data|Stk|Exe|Lib|PTE|PMD|Swap)|Rss(?:Anon|File|Shmem)|HugetlbPages):\s+\d{1,15} kB *$"
    r"|(?:Sig(?:Pnd|Blk|Ign|Cgt)|ShdPnd|Cap(?:Inh|Prm|Eff|Bnd|Amb)):\s+[0-9a-f]{16} *$|SigQ:\s+\d{1,9}/\d{1,9} *$"
    r"|(?:non)?voluntary_ctxt_switches:\s+\d{1,18} *$|(?:Cpus|Mems)_allowed(?:_list)?:\s+[0-9a-f,-]{1,2000} *$|CoreDumping:\s+[01] *$"
)
BESIDE = re.compile(
    rb"Name:\s+\S.{0,63}$|(?:Uid|Gid):(?:\s+\d{1,10}){4}\s*$|Groups:[\s\d]{0,400}$|NS(?:tgid|pid|pgid|sid):[\s\d]{1,80}$|Kthread:\s+[01]\s*$"
    rb"|untag_mask:\s+0x[0-9a-f]{16}\s*$|Speculation_\w{1,40}:\s+\S.{0,80}$|x86_Thread_features\w{0,20}:|SpeculationIndirectBranch:\s+\S.{0,60}$"
)
_FIELD = re.compile(r"(?P<name>Name|State|Tgid|Pid):\s+(?P<value>\S.{0,63})")
_CALL = re.compile(CALL_LINE)
_MOST_LINES, _MOST_KEPT = 20_000, 512


def decode_proc_status(evidence: Evidence) -> Iterable[object]:
    """Yield one ``WaitInstant`` of the threads whose ``status`` or bare ``syscall`` stands there; nothing where none does.

    A call without a name above it is of a thread that is not known: it gets a number below zero. Not all threads stand there.
    Source: proc_pid_status(5), proc_pid_syscall(5).
    """
    lines = [
        line[:2000].strip() for line in evidence.data.decode("utf-8", "backslashreplace").split("\n")[:_MOST_LINES]
    ]
    threads = {one.tid: one for one in (*_statuses(lines, evidence), *_calls(lines, evidence))}
    if threads:
        yield WaitInstant(
            mono_ns=evidence.mono_ns, threads=tuple(threads.values())[:_MOST_KEPT], refs=(evidence.ref(),), partial=True
        )


def _statuses(lines: Sequence[str], evidence: Evidence) -> Iterator[ThreadWait]:
    """One for each block; a block begins where a field comes again."""
    fields: dict[str, str] = {}
    first = 1
    for number, line in enumerate((*lines, "Name: end"), start=1):
        found = _FIELD.match(line)
        if found is None:
            continue
        if found["name"] in fields:
            yield from _of_status(fields, evidence.ref(first).line)
            fields = {}
        first = first if fields else number
        fields[found["name"]] = found["value"]
    yield from _of_status(fields, evidence.ref(first).line)


def _of_status(fields: dict[str, str], line: int | None) -> Iterator[ThreadWait]:
    tid = fields.get("Pid", "")
    if "State" in fields and tid.isdecimal() and len(tid) < 10:
        leader = fields.get("Tgid") == tid
        yield ThreadWait(
            tid=int(tid),
            comm=fields.get("Name", ""),
            mono_ns=0,
            state=fields["State"][0],
            line=line,
            role=ThreadRole.MAIN_LOOP if leader else None,
            picked=True,
        )


def _calls(lines: Sequence[str], evidence: Evidence) -> Iterator[ThreadWait]:
    """Lines of ``syscall`` that stand there alone; those below a ``cat`` with its path are read with the thread's other files."""
    for number, line in enumerate(lines, start=1):
        if _CALL.match(line) and not (number > 1 and "/syscall" in lines[number - 2]):
            yield by_call(line, -number, evidence.ref(number).line)


def by_call(text: str, tid: int, line: int | None) -> ThreadWait:
    """A thread of which only its ``syscall`` was printed."""
    call, arguments = call_of(Part("syscall", text.encode()), MACHINE)
    runs = call == "ioctl" and len(arguments) > 1 and arguments[1] == KVM_RUN
    return ThreadWait(
        tid=tid,
        comm="",
        mono_ns=0,
        state="",
        call="" if call == PAGE_FAULT else call,
        arguments=arguments,
        line=line,
        role=ThreadRole.VCPU if runs else None,
        picked=True,
    )


def picked(wait: ThreadWait, *, leader: bool) -> ThreadWait:
    """A thread at which somebody looked by hand at one moment."""
    return replace(wait, picked=True, role=wait.role or (ThreadRole.MAIN_LOOP if leader else None))
