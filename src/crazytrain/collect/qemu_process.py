"""What tells a QEMU process that runs a guest from others, who manages it, and what runs its instructions."""

import itertools
import re
from collections.abc import Sequence

from crazytrain.model.facts.qemu import QemuConfig
from crazytrain.model.fdkind import kind_of
from crazytrain.model.guest import Accelerator, Manager

# Wrapped (Nix) and diverted (Debian) programs keep the name inside theirs.
_EMULATOR = re.compile(
    r"\.?(?:qemu-system-[\w.+-]+?|qemu-kvm(?:-[\w.]+)?|kvm|qemu-dm(?:-\w+)?|qemu)(?:-wrapped|\.real)?"
)
_COMM = re.compile(r"\.?(?:qemu-system-\S*|qemu-kvm|kvm|qemu-dm)")
_NAMED_ALIKE = re.compile(r"\.?(?:qemu|kvm)")
_NO_GUEST = re.compile(
    r"qemu-(?:img|nbd|io|ga|storage-daemon|pr-helper|bridge-helper|vmsr-helper|edid|keymap|xhci|debug|trace-stap|user"
    r"|(?:x86_64|i386|aarch64(?:_be)?|arm(?:eb)?|riscv\d+|ppc\w*|s390x|mips\w*|sparc\w*|alpha|hppa|m68k|sh4\w*|loongarch64)"
    r"(?:-static)?)(?:-wrapped)?|kvm_stat|kvm-ok|virtiofsd"
)
_OPTIONS = frozenset(
    """
    -name -machine -M -accel -enable-kvm -m -smp -cpu -drive -blockdev -device -qmp -monitor -mon -chardev -netdev -S
    -nodefaults -hda -cdrom -kernel -display -nographic -vnc -daemonize -uuid -boot -serial
    """.split()  # noqa: SIM905 - thirty quotes would hide the words
)
_LIBVIRT_GROUP = re.compile(r"/machine-qemu|/machine(?:\.slice)?/[^\n]*qemu|libvirt")
_THREAD = re.compile(r"(?:CPU \d+|ALL CPUs)/(KVM|TCG|XEN)")


def looks_alike(comm: str) -> bool:
    """Whether a process's short name alone makes it worth a second look."""
    return _NAMED_ALIKE.match(comm) is not None


def is_emulator(program: str) -> bool:
    """Whether a program's file name is that of a QEMU system emulator."""
    name = base_name(program)
    return _EMULATOR.fullmatch(name) is not None and not _NO_GUEST.fullmatch(name)


def is_guest(comm: str, program: str, argv: Sequence[str]) -> bool:
    """Whether a process runs a guest, by what is known of it: empty ``program`` or ``argv`` is not known.

    libvirt asks every QEMU for its abilities with ``-machine none``: such a process has no guest.
    """
    if _asks_for_abilities(argv):
        return False
    known = [name for name in (program, argv[0] if argv else "") if name]
    if any(is_emulator(name) for name in known):
        return True
    if not argv and not _NO_GUEST.fullmatch(base_name(program)):  # it hangs: better listed than hidden
        return _COMM.fullmatch(comm) is not None and not _NO_GUEST.fullmatch(comm)
    renamed = looks_alike(base_name(known[0])) and not any(_NO_GUEST.fullmatch(base_name(name)) for name in known)
    return renamed and not _OPTIONS.isdisjoint(argv)


def base_name(path: str) -> str:
    """The file's name, without the mark of a deleted file: an upgrade replaces the program under a running guest."""
    return path.removesuffix(" (deleted)").rpartition("/")[2]


def _asks_for_abilities(argv: Sequence[str]) -> bool:
    pairs = itertools.pairwise(argv)
    return any(option.lstrip("-") in ("machine", "M") and value.split(",")[0] == "none" for option, value in pairs)


def manager_of(argv: Sequence[str], cgroup: str) -> Manager:
    """Who started it, by its command line and its control group; ``UNKNOWN`` where neither could be read or says."""
    line = "\0".join(argv)
    if "/qemu-server/" in line or "/qemu.slice/" in cgroup:
        return Manager.PROXMOX
    if "id=charmonitor" in line or "/libvirt/" in line or _LIBVIRT_GROUP.search(cgroup):
        return Manager.LIBVIRT
    return Manager.PLAIN if argv else Manager.UNKNOWN


def accelerator_of(config: QemuConfig | None, links: Sequence[str] | None, threads: Sequence[str]) -> Accelerator:
    """What runs the guest's instructions: what the process holds tells more than what it was asked for.

    ``links`` are its descriptors' targets (``None``: not allowed to see), ``threads`` its threads' names.
    """
    named = {found[1].lower() for name in threads if (found := _THREAD.fullmatch(name))}
    if links is not None and any(kind_of(link) == "kvm-vm" for link in links):
        return Accelerator.KVM
    if len(named) == 1:
        return Accelerator(named.pop())
    asked = config.accelerator if config else Accelerator.UNKNOWN
    if not links or asked is Accelerator.XEN:
        return asked
    # All descriptors were seen, and no virtual machine of KVM is among them: kvm:tcg has come to TCG.
    return Accelerator.UNKNOWN if any("mshv" in link for link in links) else Accelerator.TCG


def vcpus_of(config: QemuConfig | None, links: Sequence[str] | None, threads: Sequence[str]) -> int | None:
    """How many vCPUs run: descriptors and threads know of those plugged in later, the command line does not."""
    held = sum(kind_of(link) == "kvm-vcpu" for link in links or ())
    named = sum(name.startswith("CPU ") and _THREAD.fullmatch(name) is not None for name in threads)
    return held or named or (config.vcpus if config else None)
