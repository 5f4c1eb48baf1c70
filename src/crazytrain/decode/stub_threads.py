"""What a debugger at QEMU's own gdb port lists: for each vCPU where it is, by the symbols of the guest's kernel.

    * 1    Thread 1.1 (CPU#0 [running]) 0xffffffff810e3a1b in native_queued_spin_lock_slowpath ()
      2    Thread 1.2 (CPU#1 [halted ]) native_safe_halt () at ./arch/x86/include/asm/irqflags.h:61

Source: QEMU, gdbstub.c (the extra info of a thread), docs/system/gdb.rst.
"""

import re
from collections.abc import Iterable

from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.kernel_traces import KernelTrace

_VCPU = re.compile(
    r"[* ]{0,4}\d{1,4} +Thread [\d.]{1,9} \((?:[\w-]{1,40} )?CPU ?#(?P<cpu>\d{1,4}) \[(?:running|halted) ?\]\) +"
    r"(?:0x(?P<at>[0-9a-f]{1,16}) in )?(?P<place>[A-Za-z_][\w.]{1,120}) \("
)
_KERNEL_FROM = 0xFFFF_8000_0000_0000  # the half of the addresses that Linux and Windows keep for themselves
_IN_KERNEL = re.compile(
    r"(?:native|__?pv|pv|kvm|queued|_raw|default_idle|arch|smp|rcu|cpu_idle|cpuidle|do_idle|mwait_idle|delay)_?\w*"
)
_MOST_LINES, _LONGEST = 20_000, 400


def decode_stub_threads(evidence: Evidence) -> Iterable[object]:
    """Yield a ``KernelTrace`` of one function for each vCPU that is in a kernel; a vCPU in a program's function is left out."""
    for number, line in enumerate(
        evidence.data.decode("utf-8", "replace").split("\n", _MOST_LINES)[:_MOST_LINES], start=1
    ):
        found = _VCPU.match(line[:_LONGEST])
        if found is None or not _of_kernel(found):
            continue
        yield KernelTrace(
            host=False,
            sure=True,
            functions=(),
            place=found["place"],
            cpu=int(found["cpu"]),
            refs=(evidence.ref(number),),
        )


def _of_kernel(found: re.Match[str]) -> bool:
    if found["at"]:
        return int(found["at"], 16) >= _KERNEL_FROM
    return _IN_KERNEL.fullmatch(found["place"]) is not None
