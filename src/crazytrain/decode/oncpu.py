"""ONCPU: samples of running threads as ``perf script -F comm,tid,time,ip,sym,symoff,dso`` writes them."""

import re
from collections.abc import Iterable, Iterator

import msgspec

from crazytrain.model.evidence import Evidence, Ref
from crazytrain.model.facts.stacks import CpuSamples, RunningStack
from crazytrain.model.qemu_functions import GENERATED

_HEAD = re.compile(
    r"\s*(?P<comm>\S.{0,63}?) +(?:\d{1,10}/)?(?P<tid>\d{1,10}) +(?:\[\d{1,5}\] +)?(?P<time>\d{1,12}\.\d{1,9}): *(?:\d{1,15} +)?(?:[\w:.-]{1,60}: *)?$"
)
_FRAME = re.compile(r"\s*(?P<ip>[0-9a-f]{1,16}) (?P<symbol>.*) \((?P<file>[^()]*(?:\([^()]*\))?[^()]*)\)$")
_ASKED = re.compile(r"-F (\d{1,6}) .* sleep (\d{1,6}(?:\.\d+)?)$")
_OFFSET = re.compile(r"\+0x[0-9a-f]+$")
_GENERATED = re.compile(r"/perf-\d+\.map$|^//anon$|^anon$|^\[anon")
_KERNEL_HALF = 1 << 63
_MOST_FRAMES = 127


class _Sample(msgspec.Struct):
    comm: str
    tid: int
    line: int
    frames: list[str]


def decode_oncpu(evidence: Evidence) -> Iterable[object]:
    """Yield one ``CpuSamples``: equal stacks of a thread counted together. What is no sample is left out.

    A sample is a line of who and when, and one of each function, the innermost first, up to an empty line::

        CPU 0/KVM 14384 13028.678791:
        <TAB>ffffffff8127db89 kvm_vcpu_ioctl+0x119 ([kernel.kallsyms])
        <TAB>          7f7324 kvm_cpu_exec+0x84 (/usr/bin/qemu-system-x86_64)
    """
    counted: dict[tuple[int, tuple[str, ...]], RunningStack] = {}
    samples = 0
    for sample in _samples(evidence):
        samples += 1
        frames = tuple(reversed(sample.frames)) or ("[no stack]",)
        before = counted.get((sample.tid, frames))
        counted[sample.tid, frames] = RunningStack(
            tid=sample.tid,
            comm=sample.comm,
            frames=frames,
            count=before.count + 1 if before else 1,
            ref=before.ref if before else Ref(evidence.id, sample.line + evidence.first_line - 1),
        )
    asked = _ASKED.search(evidence.source)
    if samples:
        yield CpuSamples(
            mono_ns=evidence.mono_ns,
            stacks=tuple(sorted(counted.values(), key=lambda stack: -stack.count)),
            samples=samples,
            refs=(evidence.ref(),),
            hz=int(asked[1]) if asked else None,
            length_ns=int(float(asked[2]) * 1e9) if asked else None,
        )


def _samples(evidence: Evidence) -> Iterator[_Sample]:
    sample: _Sample | None = None
    for number, line in enumerate(evidence.data.decode("utf-8", "backslashreplace").split("\n"), 1):
        head = _HEAD.match(line[:200])
        if head:
            if sample is not None:
                yield sample
            sample = _Sample(head["comm"], int(head["tid"]), number, [])
        elif sample is not None and line.strip():
            _add(sample, line[:2000])
    if sample is not None:
        yield sample


def _add(sample: _Sample, line: str) -> None:
    found = _FRAME.match(line)
    if found is None or len(sample.frames) >= _MOST_FRAMES:
        return
    name = _name(found["ip"], found["symbol"], found["file"])
    if name != GENERATED or sample.frames[-1:] != [GENERATED]:
        sample.frames.append(name)


def _name(ip: str, symbol: str, file: str) -> str:
    """A function's name, ``[k]`` behind one of the kernel's; file and offset where it has none."""
    kernel = int(ip, 16) >= _KERNEL_HALF
    if symbol != "[unknown]":
        bare = _OFFSET.sub("", symbol).partition("@")[0]
        return f"{bare} [k]" if kernel else bare
    if _GENERATED.search(file):
        return GENERATED
    return f"{file.rpartition('/')[2] or file}+0x{ip}"
