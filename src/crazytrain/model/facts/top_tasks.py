"""Facts from a screen of top that shows no QEMU: what else took the CPUs of some machine."""

import msgspec

from crazytrain.model.evidence import Ref


class BusyTask(msgspec.Struct, frozen=True, kw_only=True):
    """One row: the share of one CPU that it took. ``kernel``: it is a thread of the kernel (it has no memory of its own)."""

    comm: str
    cpu_ratio: float
    kernel: bool


class TopTasks(msgspec.Struct, frozen=True, kw_only=True):
    """The busy tasks of a machine on which top shows no QEMU: in a report on a guest, most likely the guest itself."""

    tasks: tuple[BusyTask, ...]
    refs: tuple[Ref, ...]


class HostTasks(msgspec.Struct, frozen=True, kw_only=True):
    """The busy threads of the kernel on a screen of top that shows QEMU, too: the host's own."""

    tasks: tuple[BusyTask, ...]
    refs: tuple[Ref, ...]
