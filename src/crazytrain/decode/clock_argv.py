"""A running QEMU's command line as what makes its guest's clock: what it says, and what its defaults are where it does not."""

import itertools
from collections.abc import Iterable, Iterator, Sequence

from crazytrain.decode.clock_words import clock_words
from crazytrain.decode.command_line import config_of
from crazytrain.decode.option_text import first_of, pairs_of
from crazytrain.decode.proc_text import text
from crazytrain.model.bundle import unpack
from crazytrain.model.evidence import Evidence, Outcome, Ref
from crazytrain.model.facts.clock_setup import ClockArgv, ClockOption
from crazytrain.model.facts.qemu import QemuConfig
from crazytrain.model.guest import Accelerator

NONE, ABSENT = "none", "absent"
_X86 = ("x86_64", "i386", "kvm")
_OTHER_MACHINES = ("virt", "s390", "pseries", "sbsa", "raspi", "powernv")
_ON, _OFF = "on", "off"
# Switches of the CPU that bear on time and are told only where the command line says them.
_CPU_SAID = (
    "hv-passthrough", "hv-relaxed", "hv-vapic", "hv-vpindex", "hv-synic", "hv-stimer", "hv-stimer-direct", "hv-frequencies",
    "hv-reenlightenment", "hv-tsc-invariant", "invtsc", "tsc", "tsc-deadline", "tsc-frequency", "kvm", "hypervisor", "migratable",
    "kvmclock-stable-bit", "kvm-steal-time",
)  # fmt: skip
_SWITCHES = {"yes": _ON, "true": _ON, "no": _OFF, "false": _OFF}


class _Line:
    """The options that matter, by name, each with its values in order."""

    def __init__(self, argv: Sequence[str]) -> None:
        self._options = [
            (word.lstrip("-"), "" if value.startswith("-") and len(value) > 1 else value)
            for word, value in itertools.pairwise((*argv, ""))
            if word.startswith("-") and len(word) > 1
        ]

    def has(self, name: str) -> bool:
        """Whether the option stands there."""
        return any(option == name for option, _ in self._options)

    def last(self, *names: str) -> tuple[str, str]:
        """The name and value of the last of these options; two empty texts where none stands there."""
        return next(((option, value) for option, value in reversed(self._options) if option in names), ("", ""))

    def setting(self, key: str, *names: str) -> tuple[str, str]:
        """What the last of these options that sets a key sets it to, and the words that do."""
        for option, value in reversed(self._options):
            if option in names and (found := first_of(pairs_of(value), key)):
                return found, f"-{option} {value if option == 'rtc' else _shortened(value, key, found)}"
        return "", ""

    def globally(self, name: str) -> tuple[str, str]:
        """What ``-global DRIVER.PROPERTY=VALUE`` sets, and the words that do."""
        for option, value in reversed(self._options):
            if option == "global" and value.startswith(f"{name}="):
                return value.partition("=")[2], f"-global {value}"
        return "", ""


def _shortened(value: str, key: str, found: str) -> str:
    """The setting alone where there are others before or behind it."""
    return value if value == f"{key}={found}" else f"…,{key}={found}"


def decode_clock_identity(evidence: Evidence) -> Iterable[object]:
    """Yield a ``ClockArgv`` where the bundle has a command line (``/proc/PID/cmdline``)."""
    for part in unpack(evidence.data):
        if part.outcome is Outcome.OK and part.name.endswith("/cmdline") and part.data.strip(b"\0"):
            argv = text(part.data.rstrip(b"\0")).split("\0")
            yield clock_argv_of(argv, (evidence.ref(part.line),))


def clock_argv_of(argv: Sequence[str], refs: tuple[Ref, ...] = ()) -> ClockArgv:
    """What a whole command line (``argv[0]`` is the program) makes of the guest's clock. Never raises.

    Defaults are those of QEMU 7.2 and later: hw/i386/pc.c (HPET), hw/rtc/mc146818rtc.c and hw/i386/kvm/i8254.c (lost ticks),
    target/i386/kvm/kvm-cpu.c (kvmclock), softmmu/rtc.c (-rtc).
    """
    config, line = config_of(argv), _Line(argv)
    x86 = config.binary.endswith(_X86) and not config.machine.startswith(_OTHER_MACHINES)
    cpu = _cpu(line.last("cpu")[1])
    options = [*_rtc(line)]
    if x86:
        options += [*_hpet(config, line), *_pit(config, line), *_acpi(line), *_paravirtual(config, cpu), *_said(cpu)]
    if line.has("icount"):
        options.append(
            ClockOption(name="icount", value=line.last("icount")[1], words=f"-icount {line.last('icount')[1]}")
        )
    return ClockArgv(
        machine=config.machine,
        accelerator=config.accelerator.value,
        x86=x86,
        cpu=line.last("cpu")[1].partition(",")[0],
        options=tuple(options),
        incoming=line.has("incoming"),
        kernel_words=clock_words(line.last("append")[1]),
        refs=refs,
    )


def _cpu(value: str) -> dict[str, str]:
    """The switches of ``-cpu``: ``+x``, ``-x``, ``x=on``; QEMU takes ``_`` and ``-`` for the same. The last one counts."""
    found: dict[str, str] = {}
    for word in value.split(",")[1:]:
        name, equals, setting = word.partition("=")
        if word.startswith(("+", "-")):
            found[word[1:].replace("_", "-")] = _ON if word[0] == "+" else _OFF
        else:
            found[name.replace("_", "-")] = _SWITCHES.get(setting, setting) if equals else _ON
    return found


def _of(name: str, said: tuple[str, str], default: str, default_of: str) -> ClockOption:
    value, words = said
    return ClockOption(name=name, value=value or default, words=words, default_of="" if words else default_of)


def _rtc(line: _Line) -> Iterator[ClockOption]:
    base = line.setting("base", "rtc")
    if line.has("localtime") and not base[0]:
        base = ("localtime", "-localtime")
    yield _of("rtc-base", base, "utc", "QEMU")
    yield _of("rtc-clock", line.setting("clock", "rtc"), "host", "QEMU")
    fix = line.setting("driftfix", "rtc")
    if not fix[0] and line.has("rtc-td-hack"):
        fix = ("slew", "-rtc-td-hack")
    policy, words = line.globally("mc146818rtc.lost_tick_policy")
    if words and not fix[0]:
        fix = ("slew" if policy == "slew" else NONE, words)
    yield _of("rtc-driftfix", fix, NONE, "QEMU")


def _hpet(config: QemuConfig, line: _Line) -> Iterator[ClockOption]:
    said = line.setting("hpet", "machine", "M")
    if line.has("no-hpet"):
        said = (_OFF, "-no-hpet")
    said = (_SWITCHES.get(said[0], said[0]), said[1])
    machine = config.machine or "pc"
    usual = machine.startswith(("pc", "q35")) and "rhel" not in machine and "rhev" not in machine
    default = _ON if usual else _OFF if machine in ("microvm", "isapc", NONE) else ""
    yield _of("hpet", said, default, machine)


def _pit(config: QemuConfig, line: _Line) -> Iterator[ClockOption]:
    """KVM's own PIT alone has a policy; where the interrupt controller is QEMU's, in whole or in part, so is the PIT."""
    elsewhere = line.setting("kernel-irqchip", "machine", "M", "accel")[0] in ("off", "split") or line.has(
        "no-kvm-irqchip"
    )
    without = (
        elsewhere or config.machine == "microvm" or line.setting("pit", "machine", "M")[0] in ("off", "no", "false")
    )
    if config.accelerator is not Accelerator.KVM or without:
        return
    said = line.globally("kvm-pit.lost_tick_policy")
    if line.has("no-kvm-pit-reinjection"):
        said = ("discard", "-no-kvm-pit-reinjection")
    yield _of("pit-lost-ticks", said, "delay", "KVM's PIT")


def _acpi(line: _Line) -> Iterator[ClockOption]:
    said = line.setting("acpi", "machine", "M")
    if line.has("no-acpi"):
        said = (_OFF, "-no-acpi")
    if said[0]:
        yield ClockOption(name="acpi", value=_SWITCHES.get(said[0], said[0]), words=said[1])


def _paravirtual(config: QemuConfig, cpu: dict[str, str]) -> Iterator[ClockOption]:
    """The clocks that a hypervisor makes for its guests: kvmclock is there unless somebody says no, Hyper-V's only where somebody says yes."""
    kvm = config.accelerator is Accelerator.KVM
    if "kvmclock" in cpu and (kvm or cpu["kvmclock"] == _OFF):
        yield ClockOption(name="kvmclock", value=cpu["kvmclock"], words=f"-cpu …,kvmclock={cpu['kvmclock']}")
    elif cpu.get("kvm") == _OFF:
        yield ClockOption(name="kvmclock", value=_OFF, words="-cpu …,kvm=off")
    elif config.accelerator is Accelerator.TCG:
        words = f"-cpu …,kvmclock={cpu['kvmclock']}" if "kvmclock" in cpu else ""
        yield ClockOption(name="kvmclock", value=ABSENT, words=words, default_of="TCG, which has none")
    else:
        yield ClockOption(name="kvmclock", value=_ON if kvm else "", default_of="KVM")
    value = cpu.get("hv-time") or (_ON if cpu.get("hv-passthrough") == _ON else "")
    yield _of("hv-time", (value, f"-cpu …,hv-time={value}" if value else ""), _OFF, "QEMU")


def _said(cpu: dict[str, str]) -> Iterator[ClockOption]:
    for name in _CPU_SAID:
        if name in cpu:
            yield ClockOption(name=name, value=cpu[name], words=f"-cpu …,{name}={cpu[name]}")
    if "invtsc" not in cpu and cpu.get("migratable") == _OFF:
        yield ClockOption(name="invtsc", value=_ON, default_of="a CPU with migratable=off, where the host's has it")
