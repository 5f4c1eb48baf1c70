"""Guest: one QEMU process and what is known of its identity."""

from enum import StrEnum

import msgspec


class Accelerator(StrEnum):
    """What runs the guest's instructions."""

    KVM = "kvm"
    TCG = "tcg"
    XEN = "xen"
    UNKNOWN = "unknown"


class Manager(StrEnum):
    """Who started the guest and owns its monitor."""

    LIBVIRT = "libvirt"
    PROXMOX = "proxmox"
    PLAIN = "plain"
    UNKNOWN = "unknown"


class ProcessId(msgspec.Struct, frozen=True, kw_only=True):
    """A process that a reused pid cannot be mistaken for.

    ``start_ticks`` is field 22 of ``/proc/PID/stat`` (clock ticks since boot); ``boot_id`` tells hosts and boots apart.
    """

    pid: int
    start_ticks: int
    boot_id: str = ""


class Guest(msgspec.Struct, frozen=True, kw_only=True):
    """Identity of one guest; what could not be learnt is empty, ``None`` or ``unknown``, never guessed."""

    process: ProcessId
    name: str
    uuid: str = ""
    manager: Manager = Manager.UNKNOWN
    accelerator: Accelerator = Accelerator.UNKNOWN
    vcpus: int | None = None
    memory_bytes: int | None = None
    machine: str = ""
    qemu_version: str = ""
    host: str = ""
    command_line: tuple[str, ...] = ()

    @property
    def pid(self) -> int:
        """The process id on the host."""
        return self.process.pid
