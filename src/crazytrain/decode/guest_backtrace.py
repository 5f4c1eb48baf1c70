"""BACKTRACE: what a debugger at QEMU's own gdb port printed of the guest's kernel, as the call traces of that kernel."""

from collections.abc import Iterable

from crazytrain.decode.backtrace import decode_backtrace
from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.kernel_traces import KernelTrace
from crazytrain.model.facts.stacks import UserStacks

_KERNEL_FROM = 0xFFFF_8000_0000_0000  # the half of the addresses that Linux and Windows keep for themselves: no process of a host is there


def decode_guest_backtrace(evidence: Evidence) -> Iterable[object]:
    """Yield a ``KernelTrace`` for each stack whose addresses are a kernel's; the innermost function is its place.

    Such lines: ::

    #0  0xffffffff8187e3a4 in delay_tsc ()
    #1  0xffffffff8105d1a1 in panic ()
    """
    for stacks in decode_backtrace(evidence):
        for stack in stacks.stacks if isinstance(stacks, UserStacks) else ():
            addressed = [frame.offset for frame in stack.frames if frame.offset]
            names = tuple(frame.symbol for frame in stack.frames if frame.symbol)
            if names and addressed and min(addressed) >= _KERNEL_FROM:
                yield KernelTrace(host=False, sure=True, functions=names[1:], place=names[0], refs=stack.refs)
