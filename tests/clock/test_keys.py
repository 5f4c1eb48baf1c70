"""What may be set: everything else is refused with what there is."""

import re

import pytest

from crazytrain.model.errors import BadInput
from crazytrain.remedy.clock_keys import KEYS, settings
from tests.support import ROOT


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("hpet=OFF", "off"),
        ("kvmclock=yes", "on"),
        ("hyperv-stimer=on", "on"),
        ("pit-tickpolicy=Discard", "discard"),
        ("rtc-track=wall", "wall"),
        ("tsc-frequency=2.6GHz", "2600000000"),
        ("tsc-frequency=2599998000", "2599998000"),
        ("tsc-frequency=default", "default"),
        ("clock-offset=localtime", "localtime"),
        ("clocksource=hyperv_clocksource_tsc_page", "hyperv_clocksource_tsc_page"),
    ],
)
def test_values_are_read(word: str, value: str) -> None:
    assert [one.value for one in settings([word])] == [value]


def test_several_in_one_word_and_in_several() -> None:
    found = settings(["hpet=off, kvmclock=on", "rtc-tickpolicy=delay"])
    assert [one.typed for one in found] == ["hpet=off", "kvmclock=on", "rtc-tickpolicy=delay"]


@pytest.mark.parametrize(
    ("word", "says", "hint"),
    [
        ("hpet=maybe", "hpet cannot be 'maybe'", "on, off, default"),
        ("pit-tickpolicy=merge", "cannot be 'merge'", "QEMU cannot merge ticks. It can be: delay, discard, catchup"),
        ("rtc-tickpolicy=discard", "cannot be 'discard'", "delay, catchup"),
        ("rtc-track=boot", "cannot be 'boot'", "guest, wall"),
        ("clock-offset=timezone", "cannot be 'timezone'", "utc, localtime"),
        ("tsc-frequency=2", "cannot be '2'", "2600MHz"),
        ("tsc-frequency=20GHz", "cannot be '20GHz'", "10 GHz"),
        ("tsc-frequency=-1", "cannot be '-1'", "2600MHz"),
        ("platform=off", "no setting called 'platform'", "kvmclock=on|off|default"),
        ("kvm-clock=off", "no setting called 'kvm-clock'", "kvmclock is meant?"),
        ("hpet", "'hpet' is no KEY=VALUE", "hpet=on|off|default"),
        ("clocksource=", "'' cannot be a clocksource", "kvm-clock"),
        ("clocksource=a b", "cannot be a clocksource", "kvm-clock"),
        ("clocksource=$(reboot)", "cannot be a clocksource", "kvm-clock"),
        ("clocksource=tsc\nx", "cannot be a clocksource", "kvm-clock"),
    ],
)
def test_what_there_is_not_is_refused_with_what_there_is(word: str, says: str, hint: str) -> None:
    with pytest.raises(BadInput) as caught:
        settings([word])
    assert says in caught.value.message
    assert hint in caught.value.hint


def test_a_key_twice_is_refused() -> None:
    with pytest.raises(BadInput, match="hpet is set twice"):
        settings(["hpet=on", "hpet=off"])


def test_every_key_is_listed() -> None:
    with pytest.raises(BadInput) as caught:
        settings(["nothing=1"])
    assert all(f"{key.name}=" in caught.value.hint for key in KEYS)


def test_what_causes_and_pages_name_can_be_set() -> None:
    named = set()
    for place in ("src/crazytrain/diagnose/causes", "src/crazytrain/derive", "docs"):
        for path in (ROOT / place).glob("*.*"):
            lines = (one for one in path.read_text().splitlines() if "crazytrain clock" in one)
            named |= {word for line in lines for word in re.findall(r"--set ([a-z-]+=[A-Za-z0-9_.-]+)", line)}
    assert len(named) >= 5
    for word in named:
        assert settings([word]), word
