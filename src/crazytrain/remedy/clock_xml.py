"""Settings of the clock in a domain's XML: read, changed, and put back, each touching nothing but its own element."""

import re
from collections.abc import Mapping, Sequence

import msgspec

from crazytrain.model.clock_change import Setting
from crazytrain.model.errors import BadInput, CrazytrainError
from crazytrain.model.xml_element import XmlElement, differences
from crazytrain.remedy.clock_keys import CLOCKSOURCE, DEFAULT, Key, key_of
from crazytrain.remedy.xml_places import BadXml, Place, inserted, places, replaced

# The elements that a change of ours may touch, and what libvirt writes behind each.
SPOTS: tuple[tuple[str, ...], ...] = (("clock",), ("features", "hyperv"), ("os", "cmdline"))
_BEHIND = {
    "clock": ("on_poweroff", "on_reboot", "on_crash", "pm", "devices"),
    "features": ("cpu", "clock", "on_poweroff", "devices"),
    "hyperv": (),
    "cmdline": ("dtb", "boot", "bootmenu"),
}
_PRESENT = {"on": "yes", "off": "no"}
# docs/system/i386/hyperv.rst of QEMU: what each enlightenment requires. libvirt 9.0 does not look.
_REQUIRES = {
    "synic": ("vpindex",),
    "stimer": ("vpindex", "synic", "hypervclock"),
    "ipi": ("vpindex",),
    "tlbflush": ("vpindex",),
}
_WORD = re.compile(r"(^|\s+)clocksource=\S*")
_INIT = re.compile(r"(?:^|\s)--(?=\s|$)")  # what stands behind is for the guest's first process
_OF_OTHER_OFFSETS = ("adjustment", "basis", "timezone", "start")


class Edited(msgspec.Struct, frozen=True, kw_only=True):
    """A domain's XML with settings made, and what there is to say of it."""

    xml: str
    notes: tuple[str, ...]


def domain_of(xml: str) -> Place:
    """The ``<domain>`` of a text.

    Raises:
        CrazytrainError: it is none.
    """
    try:
        found = places(xml.encode())
    except BadXml as error:
        raise CrazytrainError(f"libvirt's XML of the domain cannot be read: {error}") from error
    if found.name != "domain":
        raise CrazytrainError(f"libvirt gave a <{found.name}> where a <domain> was asked for")
    return found


def boots_directly(xml: str) -> bool:
    """Whether the kernel and its command line are in the XML (direct kernel boot)."""
    return domain_of(xml).first("os", "kernel") is not None


def edited(xml: str, wanted: Sequence[Setting]) -> Edited:
    """Make settings in a domain's XML.

    Raises:
        BadInput: two of them, or one and what is there, exclude each other.
    """
    before = domain_of(xml)
    _refuse_passthrough(before, wanted)
    wanted, notes = with_required(_features(before), wanted)
    data = xml.encode()
    for setting in wanted:
        data = _set(data, setting)
    return Edited(xml=data.decode(), notes=tuple(notes))


def _set(data: bytes, setting: Setting) -> bytes:
    key = key_of(setting)
    domain = domain_of(data.decode())
    if key.timer:
        return _put(data, domain, ("clock",), _with_timer(_clock(domain), key, setting.value))
    if key.feature:
        return _put(data, domain, ("features", "hyperv"), _with_feature(domain, key.feature, setting.value))
    if key.name == CLOCKSOURCE:
        return _put(data, domain, ("os", "cmdline"), _with_clocksource(domain, setting.value))
    clock = _clock(domain)
    for name in _OF_OTHER_OFFSETS:
        clock = clock.without_attribute(name)
    return _put(data, domain, ("clock",), clock.with_attribute("offset", setting.value))


def _put(data: bytes, domain: Place, way: tuple[str, ...], new: XmlElement | None) -> bytes:
    """Put an element at its place, or take it away; with what it stands in where that is not there."""
    place = domain.first(*way)
    if place is not None:
        return data if place.element() == new else replaced(data, place, new)
    if new is None:
        return data
    parent = domain.first(*way[:-1])
    if parent is None:
        return _put(data, domain, way[:-1], XmlElement(name=way[-2], inside=(new,)))
    return inserted(data, parent, new, _BEHIND.get(way[-1], ()))


def _clock(domain: Place) -> XmlElement:
    place = domain.first("clock")
    return place.element() if place else XmlElement(name="clock", attributes=(("offset", "utc"),))


def _with_timer(clock: XmlElement, key: Key, value: str) -> XmlElement:
    """A clock with one attribute of one timer changed; a timer that says nothing any more is taken away."""
    written = _PRESENT.get(value, value) if key.attribute == "present" else value
    found = next((one for one in clock.named("timer") if one.get("name") == key.timer), None)
    old = found or XmlElement(name="timer", attributes=(("name", key.timer),))
    new = old.without_attribute(key.attribute) if value == DEFAULT else old.with_attribute(key.attribute, written)
    kept = (new,) if len(new.attributes) > 1 or new.inside else ()
    if found is None:
        return clock.plus(*kept)
    inside = [two for one in clock.inside for two in (kept if one is found else (one,))]
    return msgspec.structs.replace(clock, inside=tuple(inside))


def _with_feature(domain: Place, feature: str, value: str) -> XmlElement | None:
    place = domain.first("features", "hyperv")
    hyperv = place.element() if place else XmlElement(name="hyperv")
    if value == DEFAULT:
        less = hyperv.without(feature)
        return less if less.inside or (place and not place.inside) else None
    old = hyperv.first(feature)
    new = (old or XmlElement(name=feature)).with_attribute("state", value)
    inside = tuple(new if one is old else one for one in hyperv.inside) if old else (*hyperv.inside, new)
    return msgspec.structs.replace(hyperv, inside=inside)


def _with_clocksource(domain: Place, value: str) -> XmlElement | None:
    place = domain.first("os", "cmdline")
    line = with_clocksource(place.text if place else "", value)
    return XmlElement(name="cmdline", text=line) if line else None


def with_clocksource(line: str, value: str) -> str:
    """A kernel's command line with another ``clocksource=``, every other byte as it was; ``default`` leaves none.

    >>> with_clocksource("root=/dev/vda1 clocksource=hpet quiet -- single", "tsc")
    'root=/dev/vda1 clocksource=tsc quiet -- single'
    """
    end = _INIT.search(line)
    kernel, rest = (line[: end.start()], line[end.start() :]) if end else (line, "")
    word = "" if value == DEFAULT else f"clocksource={value}"
    first = _WORD.search(kernel)
    if first and word:
        kernel = kernel[: first.start()] + first[1] + word + _WORD.sub("", kernel[first.end() :])
    elif first:
        kernel = _WORD.sub("", kernel)
    elif word:
        kernel = f"{kernel.rstrip()} {word}"
    return (kernel + rest).strip()


def with_required(state: Mapping[str, bool], wanted: Sequence[Setting]) -> tuple[list[Setting], list[str]]:
    """What is wanted, and before it what that requires of Hyper-V's features; each that was added is told.

    ``state``: which of these features (``synic``, ``hypervclock``) are there, and whether each is on.

    Raises:
        BadInput: one that is required is to be off, or to go.
    """
    asked = {one.key: one.value for one in wanted}
    more: list[Setting] = []
    notes: list[str] = []
    on = {name for name, value in state.items() if value and asked.get(_key_name(name), "on") == "on"}
    for setting in wanted:
        feature = setting.key.removeprefix("hyperv-")
        if setting.value != "on" or feature not in _REQUIRES:
            continue
        on.add(feature)
        for needed in _REQUIRES[feature]:
            name = _key_name(needed)
            if name not in asked and not state.get(needed):
                asked[name] = "on"
                more.append(Setting(key=name, value="on"))
                notes.append(f"{setting.key}=on requires {name}=on: that is set, too")
    for feature in sorted(on & _REQUIRES.keys()):
        for needed in _REQUIRES[feature]:
            if asked.get(_key_name(needed), "on") != "on":
                _refuse_gap(feature, needed)
    return [*more, *wanted], notes


def _refuse_gap(feature: str, needed: str) -> None:
    raise BadInput(
        f"{_key_name(needed)} cannot go while hyperv-{feature} is on: that requires it",
        f"Switch that off, too: --set hyperv-{feature}=off"
        if feature in ("synic", "stimer")
        else "Take that out by virsh edit first.",
    )


def _refuse_passthrough(domain: Place, wanted: Sequence[Setting]) -> None:
    hyperv = domain.first("features", "hyperv")
    ours = any(key_of(one).feature for one in wanted)
    if ours and hyperv and dict(hyperv.attributes).get("mode") == "passthrough":
        raise BadInput(
            "the domain takes all of Hyper-V's features of the host (mode='passthrough'): no single one can be set",
            "Write <hyperv mode='custom'> by virsh edit first.",
        )


def _key_name(feature: str) -> str:
    return feature if feature == "hypervclock" else f"hyperv-{feature}"


def _features(domain: Place) -> dict[str, bool]:
    """Hyper-V's features, and its clock, and whether each is on."""
    hyperv, clock = domain.first("features", "hyperv"), domain.first("clock")
    found = {one.name: dict(one.attributes).get("state") == "on" for one in (hyperv.inside if hyperv else ())}
    timers = [dict(one.attributes) for one in (clock.inside if clock else ())]
    found["hypervclock"] = any(one.get("name") == "hypervclock" and one.get("present") == "yes" for one in timers)
    return found


def merged_back(before: str, after: str, now: str) -> str:
    """What is there now with what a change touched as it was before it.

    Raises:
        CrazytrainError: somebody else has changed the same since; the first difference is named.
    """
    if now == after:
        return before
    old, new = domain_of(before), domain_of(after)
    data = now.encode()
    for way in SPOTS:
        was, made = _element(old, way), _element(new, way)
        if was == made:
            continue
        here = _element(domain_of(data.decode()), way)
        if _same(here) != _same(made):
            raise CrazytrainError(
                f"{'/'.join(way)} was changed by others since: {_difference(made, here)}",
                "Nothing was undone. Set what you want: crazytrain clock GUEST --set KEY=VALUE",
            )
        data = _put(data, domain_of(data.decode()), way, was)
    return data.decode()


def _element(domain: Place, way: tuple[str, ...]) -> XmlElement | None:
    place = domain.first(*way)
    return place.element() if place else None


def _difference(made: XmlElement | None, here: XmlElement | None) -> str:
    if made and here:
        return next(differences(made, here), "")
    return "it is gone" if made else f"{here.written()[:200]} is new" if here else ""


def changed_spots(before: str, after: str) -> tuple[str, ...]:
    """Where two texts of a domain differ, as sentences. The order of timers and of Hyper-V's features, which libvirt decides, is none."""
    return tuple(differences(_ordered(domain_of(before).element()), _ordered(domain_of(after).element())))


def _same(one: XmlElement | None) -> XmlElement | None:
    return _ordered(one) if one else None


def _ordered(one: XmlElement) -> XmlElement:
    inside = tuple(_ordered(each) for each in one.inside)
    if one.name in ("clock", "hyperv"):
        inside = tuple(sorted(inside, key=lambda each: (each.name, each.get("name"))))
    if one.get("mode") == "custom" and one.name == "hyperv":  # libvirt 8.0 and later write it
        one = one.without_attribute("mode")
    return msgspec.structs.replace(one, inside=inside)
