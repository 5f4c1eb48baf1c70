"""What can be set of a guest's clock: the keys, their values, and what each means in libvirt's domain XML."""

import re
from collections.abc import Sequence

import msgspec

from crazytrain.model.clock_change import Setting
from crazytrain.model.errors import BadInput

CLOCKSOURCE = "clocksource"
DEFAULT = "default"
_ONOFF = ("on", "off", DEFAULT)
_FREQUENCY = re.compile(r"(\d{1,12}(?:\.\d{1,9})?)\s*(hz|khz|mhz|ghz)?", re.IGNORECASE)
_FACTORS = {"": 1, "hz": 1, "khz": 10**3, "mhz": 10**6, "ghz": 10**9}
_LEAST_HZ, _MOST_HZ = 10**8, 10**10
# A name of a clocksource ends up in a file of the guest's kernel and on a kernel's command line.
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,60}")


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """A key: its values (none: checked otherwise), and the timer and attribute, or the Hyper-V feature, that it is in XML."""

    name: str
    says: str
    values: tuple[str, ...] = ()
    timer: str = ""
    attribute: str = ""
    feature: str = ""

    @property
    def switches(self) -> bool:
        """Whether it is on or off."""
        return "on" in self.values


def _timer(name: str, timer: str, attribute: str, values: tuple[str, ...], says: str) -> Key:
    return Key(name=name, timer=timer, attribute=attribute, values=values, says=says)


def _feature(feature: str, says: str) -> Key:
    return Key(name=f"hyperv-{feature}", feature=feature, values=_ONOFF, says=says)


KEYS = (
    Key(name=CLOCKSOURCE, says="the guest's clocksource, now and by its agent; with --next-boot what its kernel boots with"),
    _timer("kvmclock", "kvmclock", "present", _ONOFF, "KVM's paravirtual clock for Linux and BSD guests"),
    _timer("hypervclock", "hypervclock", "present", _ONOFF, "Hyper-V's reference time for Windows guests"),
    _timer("hpet", "hpet", "present", _ONOFF, "the HPET, which QEMU emulates at the cost of an exit for each look"),
    _timer("pit-tickpolicy", "pit", "tickpolicy", ("delay", "discard", "catchup", DEFAULT), "what becomes of lost PIT ticks"),
    _timer("rtc-tickpolicy", "rtc", "tickpolicy", ("delay", "catchup", DEFAULT), "what becomes of lost RTC ticks"),
    _timer("rtc-track", "rtc", "track", ("guest", "wall", DEFAULT), "whether the RTC follows the guest's or the host's time"),
    _timer("tsc-mode", "tsc", "mode", ("auto", "native", "emulate", "paravirt", "smpsafe", DEFAULT), "only where libvirt has it for QEMU"),
    _timer("tsc-frequency", "tsc", "frequency", (), "the TSC's frequency, for instance 2600MHz"),
    Key(name="clock-offset", values=("utc", "localtime"), says="what the guest takes the RTC's time for"),
    _feature("vpindex", "Hyper-V's index of virtual processors"),
    _feature("synic", "Hyper-V's synthetic interrupt controller"),
    _feature("stimer", "Hyper-V's synthetic timers, for Windows guests"),
    _feature("frequencies", "tells a Windows guest the frequency of its TSC"),
    _feature("reenlightenment", "tells a nested Hyper-V when the TSC's frequency changes"),
)  # fmt: skip
_BY_NAME = {key.name: key for key in KEYS}
_OTHERWISE = {"hyperv": "hypervclock", "hv-time": "hypervclock", "kvm-clock": "kvmclock", "offset": "clock-offset"}


def key_of(setting: Setting) -> Key:
    """The key of a setting that was read by ``settings``."""
    return _BY_NAME[setting.key]


def settings(words: Sequence[str]) -> tuple[Setting, ...]:
    """Read what stands behind each ``--set``.

    Raises:
        BadInput: no such key, no such value, or a key twice; the hint lists what there is.
    """
    found = [_setting(part.strip()) for word in words for part in word.split(",")]
    names = [one.key for one in found]
    for name in names:
        if names.count(name) > 1:
            raise BadInput(f"{name} is set twice", "Say once what it shall be.")
    return tuple(found)


def _setting(word: str) -> Setting:
    name, equals, value = (part.strip() for part in word.partition("="))
    key = _BY_NAME.get(name.lower())
    if not equals or key is None:
        near = f"{_OTHERWISE[name.lower()]} is meant? " if name.lower() in _OTHERWISE else ""
        what = f"there is no setting called {name[:60]!r}" if equals else f"{word[:60]!r} is no KEY=VALUE"
        raise BadInput(what, f"{near}There are:\n" + "\n".join(_listed(one) for one in KEYS))
    return Setting(key=key.name, value=_value(key, value))


def _listed(key: Key) -> str:
    return f"{key.name}={'|'.join(key.values) or ('NAME' if key.name == CLOCKSOURCE else 'HZ')}   {key.says}"


def _value(key: Key, value: str) -> str:
    if key.name == CLOCKSOURCE:
        if not _NAME.fullmatch(value):
            raise BadInput(f"{value[:60]!r} cannot be a clocksource", "For instance: --set clocksource=kvm-clock")
        return value
    if key.name == "tsc-frequency":
        return value.lower() if value.lower() == DEFAULT else _hertz(value)
    low = {"yes": "on", "no": "off"}.get(value.lower(), value.lower()) if key.switches else value.lower()
    if low not in key.values:
        raise BadInput(f"{key.name} cannot be {value[:60]!r}", _offered(key, low))
    return low


def _offered(key: Key, value: str) -> str:
    why = ""
    if value == "merge" and key.attribute == "tickpolicy":
        why = "QEMU cannot merge ticks. "
    if key.name == "rtc-track" and value in ("boot", "realtime"):
        why = "Not every QEMU has that. "
    return f"{why}It can be: {', '.join(key.values)}"


def _hertz(value: str) -> str:
    found = _FREQUENCY.fullmatch(value)
    hertz = round(float(found[1]) * _FACTORS[(found[2] or "").lower()]) if found else 0
    if not _LEAST_HZ <= hertz <= _MOST_HZ:
        raise BadInput(
            f"tsc-frequency cannot be {value[:60]!r}",
            "Say it in Hz, or with a unit: 2600MHz, 2.6GHz (100 MHz to 10 GHz).",
        )
    return str(hertz)
