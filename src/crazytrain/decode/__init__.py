"""Evidence to facts, pure: one file per format. ``DECODERS`` is the registry: which kind is read by whom."""

from collections.abc import Callable, Iterable

from crazytrain.decode.bpf import decode_bpf
from crazytrain.decode.command_line import decode_command_line
from crazytrain.decode.console import decode_console
from crazytrain.decode.descriptors import decode_descriptors
from crazytrain.decode.fd_listing import decode_fd_listing
from crazytrain.decode.host import decode_host
from crazytrain.decode.identity import decode_identity
from crazytrain.decode.lab import decode_lab
from crazytrain.decode.pvclock import decode_pvclock
from crazytrain.decode.qmp import decode_qmp
from crazytrain.decode.registers import decode_registers
from crazytrain.decode.strace import decode_strace
from crazytrain.decode.strace_summary import decode_strace_summary
from crazytrain.decode.tasks import decode_tasks
from crazytrain.decode.top import decode_top
from crazytrain.model.evidence import Evidence, Kind

Decoder = Callable[[Evidence], Iterable[object]]

DECODERS: tuple[tuple[Kind, Decoder], ...] = (
    (Kind.IDENTITY, decode_identity),
    (Kind.TASKS, decode_tasks),
    (Kind.DESCRIPTORS, decode_descriptors),
    (Kind.BPF, decode_bpf),
    (Kind.STRACE, decode_strace),
    (Kind.STRACE_SUMMARY, decode_strace_summary),
    (Kind.FD_LISTING, decode_fd_listing),
    (Kind.TOP_THREADS, decode_top),
    (Kind.COMMAND_LINE, decode_command_line),
    (Kind.QMP, decode_qmp),
    (Kind.VCPU_SAMPLES, decode_registers),
    (Kind.CONSOLE, decode_console),
    (Kind.PVCLOCK, decode_pvclock),
    (Kind.HOST, decode_host),
    (Kind.LAB, decode_lab),
)

# Kinds whose decoder also reads how asking ended: a monitor that never answers is a fact of its own.
READ_IN_ANY_CASE = frozenset({Kind.QMP})


def decoders_of(evidence: Evidence) -> tuple[Decoder, ...]:
    """The decoders for an evidence; none where there is nothing to decode."""
    if not evidence.usable and evidence.kind not in READ_IN_ANY_CASE:
        return ()
    return tuple(decode for kind, decode in DECODERS if kind is evidence.kind)
