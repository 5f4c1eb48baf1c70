"""What to write on QEMU's command line where no libvirt has a definition to change: plain QEMU, and Proxmox."""

import shlex
from collections.abc import Iterator, Sequence

from crazytrain.model.clock_change import Setting
from crazytrain.model.errors import BadInput, CrazytrainError
from crazytrain.model.guest import Guest, Manager
from crazytrain.remedy.clock_keys import CLOCKSOURCE, DEFAULT, key_of
from crazytrain.remedy.clock_xml import with_clocksource, with_required

_CPU = {"kvmclock": "kvmclock", "hypervclock": "hv-time", "tsc-frequency": "tsc-frequency"}
_RTC = {
    "rtc-tickpolicy": ("driftfix", {"catchup": "slew", "delay": "none"}),
    "rtc-track": ("clock", {"guest": "vm", "wall": "host"}),
    "clock-offset": ("base", {}),
}
_PIT = "kvm-pit.lost_tick_policy"
# What QEMU takes where the option is not there at all.
_BARE = {"-cpu": "qemu64", "-rtc": "", "-machine": "", "-append": ""}


def refuse_by_hand(guest: Guest, wanted: Sequence[Setting], proxmox: str = "") -> CrazytrainError:
    """Why nothing is done, and as hint what to write where. ``proxmox``: the number by which Proxmox knows the guest.

    Raises:
        BadInput: QEMU has no such setting.
    """
    words = options(guest.command_line, [one for one in wanted if not (proxmox and one.key == "clock-offset")])
    lines: list[str] = []
    if proxmox:
        lines += [
            f"qm set {proxmox} --localtime {int(one.value == 'localtime')}"
            for one in wanted
            if one.key == "clock-offset"
        ]
        lines += [f"qm set {proxmox} --args {shlex.quote(' '.join(words))}"] if words else []
        lines += (
            ["(--args replaces what is there: qm config shows it. What it names counts more than Proxmox's own words.)"]
            if words
            else []
        )
    else:
        lines += [f"On its command line: {' '.join(words)}"] if words else []
    lines.append("Then stop it and start it: a reboot inside keeps the old command line.")
    whose = "Proxmox's" if guest.manager is Manager.PROXMOX else "not libvirt's"
    return CrazytrainError(
        f"{guest.name or f'pid {guest.pid}'} is {whose}: who starts it decides its command line. Nothing was changed",
        "\n".join(lines),
    )


def options(argv: Sequence[str], wanted: Sequence[Setting]) -> list[str]:
    """The options as they should be, each whole: ``-cpu host,kvmclock=off``.

    >>> options(["qemu", "-cpu", "host", "-rtc", "base=utc"], [Setting(key="kvmclock", value="off"), Setting(key="rtc-tickpolicy", value="catchup")])
    ['-cpu host,kvmclock=off', '-rtc base=utc,driftfix=slew']
    """
    found: dict[str, str] = {}
    for setting in with_required(_features(argv), wanted)[0]:
        for option, name, value in _words(setting):
            now = found[option] if option in found else _now(argv, option)
            found[option] = _appended(now, value) if option == "-append" else _with(now, name, value)
    return [f"{option} {shlex.quote(value) if ' ' in value else value}" for option, value in found.items() if value]


def _features(argv: Sequence[str]) -> dict[str, bool]:
    """Hyper-V's features on the command line."""
    parts = [part.replace("_", "-").partition("=") for part in _now(argv, "-cpu").split(",")]
    named = {
        name.removeprefix("+").removeprefix("hv-"): value in ("", "on") for name, _, value in parts if "hv-" in name
    }
    return {"hypervclock" if name == "time" else name: on for name, on in named.items()}


def _words(setting: Setting) -> Iterator[tuple[str, str, str]]:
    """Which option a setting is in, the name there, and its value; empty: the name goes."""
    value = "" if setting.value == DEFAULT else setting.value
    feature = key_of(setting).feature
    if setting.key in _CPU or feature:
        yield "-cpu", _CPU.get(setting.key, f"hv-{feature}"), value
    elif setting.key in _RTC:
        name, meant = _RTC[setting.key]
        yield "-rtc", name, meant.get(value, value)
    elif setting.key == "hpet":
        yield "-machine", "hpet", value
    elif setting.key == "pit-tickpolicy":
        yield "-global", _PIT, "" if value == "catchup" else value
    elif setting.key == CLOCKSOURCE:
        yield "-append", CLOCKSOURCE, setting.value
    else:
        raise BadInput(
            f"QEMU has no setting for {setting.key}", "--set tsc-frequency=... is the one that it has for the TSC."
        )


def _now(argv: Sequence[str], option: str) -> str:
    """The value of the last option of that name, which counts."""
    spelled = (option, f"-{option}", *(("-M",) if option == "-machine" else ()))
    at = [number for number, word in enumerate(argv[:-1]) if word in spelled]
    return argv[at[-1] + 1] if at and option != "-global" else _BARE.get(option, "")


def _with(value: str, name: str, new: str) -> str:
    """A list with commas in which a name has another value. ``+name`` and ``-name`` are QEMU's older words for on and off."""
    kept = [part for part in value.split(",") if part and part.partition("=")[0].replace("_", "-").lstrip("+-") != name]
    return ",".join((*kept, f"{name}={new}") if new else kept)


def _appended(line: str, value: str) -> str:
    return with_clocksource(line, value)
