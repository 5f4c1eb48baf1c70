"""Lease times as people write them."""

import doctest

import pytest

from crazytrain.decode import dnsmasq_files
from crazytrain.derive import leases
from crazytrain.model.errors import BadInput
from crazytrain.remedy import lease_time
from crazytrain.remedy.lease_time import lease_element, parsed
from crazytrain.report import lease_text


@pytest.mark.parametrize(
    ("text", "seconds", "written"),
    [
        ("24h", 86_400, "<lease expiry='24' unit='hours'/>"),
        ("7d", 604_800, "<lease expiry='168' unit='hours'/>"),
        ("2w", 1_209_600, "<lease expiry='336' unit='hours'/>"),
        ("90m", 5400, "<lease expiry='90' unit='minutes'/>"),
        ("120s", 120, "<lease expiry='2' unit='minutes'/>"),
        (" 121 Seconds ", 121, "<lease expiry='121' unit='seconds'/>"),
        ("1 day", 86_400, "<lease expiry='24' unit='hours'/>"),
        ("infinite", 0, "<lease expiry='0'/>"),
        ("0", 0, "<lease expiry='0'/>"),
        ("0h", 0, "<lease expiry='0'/>"),
    ],
)
def test_a_time_is_what_libvirt_writes(text: str, seconds: int, written: str) -> None:
    assert parsed(text) == seconds
    element = lease_element(seconds)
    assert element
    assert element.written() == written


def test_default_is_no_lease_at_all() -> None:
    assert parsed("default") is None
    assert lease_element(None) is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("119s", "minimum of 120 s"),
        ("1m", "minimum"),
        ("-5m", "negative"),
        ("24", "no unit"),
        ("24 fortnights", "not known"),
        ("1.5h", "no lease time"),
        ("", "no lease time"),
        ("24h\n", ""),
        ("\uff19h", ""),
        ("99999999999h", "longer than dnsmasq can count"),
        ("1000000000000000h", "no lease time"),
    ],
)
def test_what_is_none_is_refused_with_a_hint(text: str, says: str) -> None:
    if not says:
        parsed(text)  # other digits and white space are read, too
        return
    with pytest.raises(BadInput, match=says) as caught:
        parsed(text)
    assert caught.value.hint


@pytest.mark.parametrize("module", [dnsmasq_files, leases, lease_time, lease_text])
def test_examples_hold(module: object) -> None:
    assert doctest.testmod(module).failed == 0  # type: ignore[arg-type]
