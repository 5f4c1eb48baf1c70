"""ONCPU, too: folded stacks, a line for each with how often it was seen, as what draws flame graphs reads them.

    CPU 0/KVM;entry_SYSCALL_64_after_hwframe;do_syscall_64;__x64_sys_ioctl;kvm_vcpu_ioctl;vcpu_enter_guest 8123

Sources: FlameGraph (stackcollapse-perf.pl marks the kernel's functions by ``_[k]`` where asked), bcc's ``profile -f``. Stacks of threads
that were taken off a CPU (bcc's ``offcputime -f``) look the same and end in the scheduler: they are read by `folded_sleeps`.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator

import msgspec

from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.profile_table import ProfileRow, ProfileTable
from crazytrain.model.facts.stacks import CpuSamples, RunningStack

WHOLE = re.compile(rb"[^;\n]{1,80}(?:;(?! )[^;\n]{1,300}){2,200} \d{1,12}$")
_LINE = re.compile(r"(?P<frames>[^;\n]{1,80}(?:;[^;\n]{1,300}){2,200}) (?P<count>\d{1,12})$")
_NUMBERS = re.compile(r"-(?:\?|\d{1,9})(?:/(?P<tid>\d{1,9}))?$")
_ENTRY = re.compile(r"entry_SYSCALL|do_syscall_64$|system_call_fastpath|asm_(?:sysvec|exc)_|ret_from_fork|el0t_64_sync")
SCHEDULER = frozenset({"schedule", "__schedule", "finish_task_switch", "finish_task_switch.isra.0"})
_KERNEL = " [k]"
_MOST_LINES, _LONGEST = 50_000, 20_000
_MOST_OFF = 0.5  # of all: more are no samples of what ran


class FoldedStack(msgspec.Struct, frozen=True):
    """One line: the thread's name, its functions, the outermost first and the kernel's with `` [k]``, and the number behind them."""

    comm: str
    frames: tuple[str, ...]
    count: int
    line: int


def decode_folded_stacks(evidence: Evidence) -> Iterable[object]:
    """Yield a ``ProfileTable`` by function and the ``CpuSamples``: of threads whose number is not told, it is a negative one.

    Nothing where half of it ends in the scheduler, for then it is about threads that slept.
    """
    found = folded_stacks(evidence)
    total = sum(one.count for one in found)
    if not total or are_of_sleepers(found):
        return
    ref = evidence.ref(found[0].line, found[-1].line)
    yield ProfileTable(rows=tuple(_rows(found, total)), samples=total, refs=(ref,))
    numbers = {comm: -number for number, comm in enumerate(dict.fromkeys(one.comm for one in found), start=1)}
    yield CpuSamples(
        mono_ns=evidence.mono_ns,
        stacks=tuple(_running(one, numbers[one.comm]) for one in sorted(found, key=_count)),
        samples=total,
        refs=(ref,),
    )


def folded_stacks(evidence: Evidence) -> list[FoldedStack]:
    """The stacks of all lines that are such."""
    return [one for one in _stacks(evidence) if one.frames]


def are_of_sleepers(found: Iterable[FoldedStack]) -> bool:
    """Whether half of them or more end in the scheduler."""
    off, total = 0, 0
    for one in found:
        total += one.count
        off += one.count if one.frames[-1].removesuffix(_KERNEL) in SCHEDULER else 0
    return off > _MOST_OFF * total


def _count(one: FoldedStack) -> int:
    return -one.count


def _stacks(evidence: Evidence) -> Iterator[FoldedStack]:
    lines = evidence.data.decode("utf-8", "replace").split("\n")[:_MOST_LINES]
    for number, line in enumerate(lines, start=1):
        found = _LINE.match(line[:_LONGEST].strip())
        if found and int(found["count"]):
            comm, *names = found["frames"].split(";")
            yield FoldedStack(comm.strip(), tuple(_marked(names)), int(found["count"]), number)


def _marked(names: Iterable[str]) -> Iterator[str]:
    """Names with the kernel's marked: by the mark they have, or because the kernel's entry stands before them."""
    inside = False
    for name in names:
        bare = name.removesuffix("_[k]").removesuffix("_[j]").partition("+0x")[0]
        if bare in ("", "-", "--"):  # between the program's functions and the kernel's
            continue
        inside = inside or name.endswith("_[k]") or _ENTRY.match(bare) is not None
        yield f"{bare}{_KERNEL}" if inside else bare


def _rows(found: Iterable[FoldedStack], total: int) -> Iterator[ProfileRow]:
    own, whole = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for one in found:
        command = _NUMBERS.sub("", one.comm)
        own[command, one.frames[-1]] += one.count
        whole.update(dict.fromkeys(((command, name) for name in one.frames), one.count))
    for (command, name), count in whole.most_common():
        yield ProfileRow(
            symbol=name.removesuffix(_KERNEL),
            own_ratio=round(own[command, name] / total, 6),
            where="k" if name.endswith(_KERNEL) else ".",
            command=command,
            with_calls_ratio=round(count / total, 6),
        )


def _running(one: FoldedStack, number: int) -> RunningStack:
    told = _NUMBERS.search(one.comm)
    tid = int(told["tid"]) if told and told["tid"] else number
    return RunningStack(tid=tid, comm=_NUMBERS.sub("", one.comm), frames=one.frames, count=one.count)
