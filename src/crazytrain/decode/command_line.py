"""A QEMU command line: as /proc/PID/cmdline has it, as ps prints it, as libvirt logs it, as a person pastes it."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from math import prod

from crazytrain.decode.chardev_text import chardevs_by_id, short_place
from crazytrain.decode.command_words import Command, commands_in
from crazytrain.decode.option_text import Pairs, bytes_of, count_of, first_of, pairs_of, switch_of
from crazytrain.model.errors import BadInput
from crazytrain.model.evidence import Evidence, Ref
from crazytrain.model.facts.qemu import QemuConfig
from crazytrain.model.guest import Accelerator

# Options that take no value (qemu-options.hx, old ones included): the word after them is the next option or an image.
_FLAGS = frozenset(
    """
    h help version enable-kvm no-kvm no-kvm-irqchip no-kvm-pit no-kvm-pit-reinjection nographic curses sdl no-frame
    full-screen alt-grab ctrl-grab no-quit portrait usb S s singlestep one-insn-per-tb no-hpet no-acpi no-fd-bootchk
    no-reboot no-shutdown daemonize snapshot nodefaults no-user-config nodefconfig localtime tdf rtc-td-hack win2k-hack
    mem-prealloc old-param semihosting enable-fips only-migratable
    """.split()  # noqa: SIM905 - sixty quotes would hide the words
)
_IMAGE_OPTIONS = ("hda", "hdb", "hdc", "hdd", "cdrom", "fda", "fdb", "sd", "pflash", "mtdblock")
_SERIAL_DEVICES = ("serial", "virtconsole", "sclpconsole", "sclplmconsole", "spapr-vty", "debugcon")
_IMAGE_KEYS = ("file", "filename", "file.filename", "file.file.filename")
_LOOKS_LIKE_A_FILE = re.compile(r"[^\s=,]*[/.][^\s,]*")
_BOTH = "mon:"
_IRQCHIP = ("kernel-irqchip", "kernel_irqchip")  # of -machine, and of -accel, too
_IMPLIED = "image"  # stands for an argument without an option: a disk image
_CPU_LEVELS = ("drawers", "books", "sockets", "dies", "clusters", "modules", "cores", "threads")
_DEFAULT_MEMORY_BYTES = 128 * 1024**2


class _Options:
    """The options of a command line by name, in order; QEMU takes ``-x`` and ``--x`` for the same."""

    def __init__(self, argv: Sequence[str]) -> None:
        self._values: dict[str, list[str]] = defaultdict(list)
        for name, value in _named(argv[1:]):
            self._values[name].append(value)

    def all(self, *names: str) -> list[str]:
        """Values of these options, by option and then in order."""
        return [value for name in names for value in self._values.get(name, ())]

    def last(self, *names: str) -> str:
        """The value that counts where an option was given twice; ``""`` where it was not given."""
        return next(reversed(self.all(*names)), "")

    def has(self, *names: str) -> bool:
        """Whether one of these options was given."""
        return any(name in self._values for name in names)

    def pairs(self, *names: str) -> Pairs:
        """The settings of these options, one after the other."""
        return tuple(pair for value in self.all(*names) for pair in pairs_of(value))


def _named(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    position = 0
    while position < len(words):
        word = words[position]
        following = words[position + 1] if position + 1 < len(words) else ""
        position += 1
        if not word.startswith("-") or word == "-":
            yield _IMPLIED, word
            continue
        name = word.lstrip("-")
        takes = bool(following) and name not in _FLAGS and not (following.startswith("-") and len(following) > 1)
        position += takes
        yield name, following if takes else ""


def config_of(argv: Sequence[str], refs: tuple[Ref, ...] = (), *, whole: bool = True) -> QemuConfig:
    """What a QEMU command line says, from its words (``argv[0]`` is the program).

    ``whole`` says that no word can be missing (a real argv): QEMU's documented defaults then fill what was not said
    (1 vCPU, 128 MiB, TCG unless the program's name ends in "kvm"). Pasted text may be cut, so there what was not said
    stays unknown. Monitors are written ``qmp PLACE`` or ``hmp PLACE``, with places as in `chardev_text`. Never raises.
    """
    options = _Options(argv)
    machine, cpu = options.pairs("machine", "M"), options.last("cpu")
    return QemuConfig(
        binary=argv[0] if argv else "",
        name=first_of(options.pairs("name"), "guest", ""),
        uuid=options.last("uuid") or first_of(options.pairs("smbios"), "uuid"),
        machine=first_of(machine, "type", ""),
        machine_options=tuple(
            f"{key}={value}"
            for key, value in (*machine, *(pair for pair in options.pairs("accel") if pair[0] in _IRQCHIP))
            if key not in ("", "type")
        ),
        accelerator=_accelerator(argv[0] if argv else "", options, machine, whole=whole),
        vcpus=_vcpus(options, whole=whole),
        memory_bytes=_memory(options, whole=whole),
        cpu=cpu,
        rtc=_rtc(options),
        hpet=False if options.has("no-hpet") else switch_of(first_of(machine, "hpet")),
        kvmclock=_kvmclock(cpu),
        monitors=tuple(_monitors(options)),
        consoles=tuple(_consoles(options)),
        images=tuple(_images(options, whole=whole)),
        chardevs=tuple(options.all("chardev")),
        nics=tuple(value for value in options.all("netdev", "nic", "net") if value not in ("none", "")),
        devices=tuple(value for value in options.all("device", "usbdevice", "soundhw", "watchdog") if value),
        iothreads=tuple(_iothreads(options)),
        displays=tuple(_displays(options)),
        thread_names=switch_of(first_of(options.pairs("name"), "debug-threads")),
        clock_jumps=switch_of(first_of(options.pairs("icount"), "sleep")) is False,
        no_reboot=options.has("no-reboot") or first_of(options.pairs("action"), "reboot") == "shutdown",
        refs=refs,
    )


def _accelerator(binary: str, options: _Options, machine: Pairs, *, whole: bool) -> Accelerator:
    wanted = [first_of(pairs_of(value), "accel", "") for value in options.all("accel")]
    wanted += first_of(machine, "accel").split(":")
    wanted += ["kvm"] * options.has("enable-kvm") + ["tcg"] * options.has("no-kvm")
    named = {_accelerator_named(word) for word in wanted if word}
    if len(named) == 1:
        return named.pop()
    if named:  # kvm:tcg means "KVM if it works": the line alone does not tell what it came to
        return Accelerator.UNKNOWN
    if binary.endswith("kvm"):
        return Accelerator.KVM
    return Accelerator.TCG if whole else Accelerator.UNKNOWN


def _accelerator_named(word: str) -> Accelerator:
    return Accelerator(word) if word in {known.value for known in Accelerator} else Accelerator.UNKNOWN


def _vcpus(options: _Options, *, whole: bool) -> int | None:
    pairs = options.pairs("smp")
    said = count_of(first_of(pairs, "cpus", ""))
    if said is not None:
        return said
    known = [count for level in _CPU_LEVELS if (count := count_of(first_of(pairs, level)))]
    if known:
        return prod(known)
    return count_of(first_of(pairs, "maxcpus")) or (1 if whole else None)


def _memory(options: _Options, *, whole: bool) -> int | None:
    return bytes_of(first_of(options.pairs("m"), "size", "")) or (_DEFAULT_MEMORY_BYTES if whole else None)


def _rtc(options: _Options) -> str:
    old = ["base=localtime"] * options.has("localtime") + ["driftfix=slew"] * options.has("tdf", "rtc-td-hack")
    return ",".join([value for value in options.all("rtc") if value] + old)


def _kvmclock(cpu: str) -> bool | None:
    """Whether the guest is offered kvmclock, where the CPU flags say so; ``kvm=off`` hides KVM and so its clock."""
    flags = cpu.split(",")
    if {"-kvmclock", "kvmclock=off", "kvm=off"} & set(flags):
        return False
    return True if {"+kvmclock", "kvmclock=on", "kvmclock"} & set(flags) else None


def _monitors(options: _Options) -> Iterator[str]:
    chardevs = chardevs_by_id(options.all("chardev"))
    for value in options.all("qmp", "qmp-pretty"):
        yield f"qmp {_place(value, chardevs)}"
    for value in options.all("monitor"):
        if value != "none":
            yield f"hmp {_place(value, chardevs)}"
    for value in options.all("serial", "parallel"):  # a console that Ctrl-A C turns into the monitor
        if value.startswith(_BOTH):
            yield f"hmp {_place(value.removeprefix(_BOTH), chardevs)}"
    for value in options.all("mon"):
        pairs = pairs_of(value)
        chardev = first_of(pairs, "chardev", "")
        yield f"{'qmp' if first_of(pairs, 'mode') == 'control' else 'hmp'} {chardevs.get(chardev, chardev)}"


def _place(value: str, chardevs: dict[str, str]) -> str:
    return chardevs.get(value.removeprefix("chardev:"), short_place(value))


def _consoles(options: _Options) -> Iterator[str]:
    chardevs = chardevs_by_id(options.all("chardev"))
    for value in options.all("serial", "virtioconsole", "debugcon"):
        if value not in ("none", ""):
            yield _place(value, chardevs)
    for value in options.all("device"):
        pairs = pairs_of(value)
        chardev = first_of(pairs, "chardev")
        if chardev and first_of(pairs, "", "driver").endswith(_SERIAL_DEVICES):
            yield chardevs.get(chardev, chardev)
    if options.has("nographic") and not options.has("serial"):
        yield "stdio"


def _images(options: _Options, *, whole: bool) -> Iterator[str]:
    devices = [pairs_of(value) for value in options.all("drive", "blockdev")]
    nodes = {first_of(pairs, "node-name") for pairs in devices}
    for pairs in devices:
        found = first_of(pairs, *_IMAGE_KEYS)
        if found and found not in nodes:
            yield found
    yield from (value for value in options.all(*_IMAGE_OPTIONS) if value)
    # In pasted text a word without an option may be a piece of a name with blanks: only what looks like a file counts.
    yield from (word for word in options.all(_IMPLIED) if whole or _LOOKS_LIKE_A_FILE.fullmatch(word))


def _iothreads(options: _Options) -> Iterator[str]:
    for value in options.all("object"):
        pairs = pairs_of(value)
        if first_of(pairs, "", "qom-type") == "iothread":
            yield first_of(pairs, "id")


def _displays(options: _Options) -> Iterator[str]:
    for name in ("vnc", "spice", "display"):
        yield from (f"{name} {value}".rstrip() for value in options.all(name) if value != "none")
    yield from (flag for flag in ("nographic", "sdl", "curses") if options.has(flag))


def decode_command_line(evidence: Evidence) -> Iterable[object]:
    """Yield a ``QemuConfig`` for each QEMU command line in the text.

    Raises:
        BadInput: no QEMU program stands in it.
    """
    commands = list(commands_in(evidence.data.decode("utf-8", "backslashreplace").replace("\r", "")))
    if not commands:
        raise BadInput(f"{evidence.source}: no QEMU command line in it", "Paste the line of `ps -ww -o args= -p PID`.")
    return [_config(command, evidence) for command in commands]


def _config(command: Command, evidence: Evidence) -> QemuConfig:
    return config_of(command.argv, (evidence.ref(command.line, command.last_line),), whole=command.whole)
