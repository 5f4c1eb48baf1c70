"""A domain's XML changed: what was asked for and nothing else, to the byte, and back."""

import difflib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crazytrain.model.errors import BadInput, CrazytrainError
from crazytrain.remedy.clock_keys import KEYS, settings
from crazytrain.remedy.clock_xml import changed_spots, domain_of, edited, merged_back, with_clocksource
from crazytrain.remedy.xml_places import BadXml, places
from tests.clock.change_made import XML

_EACH = [
    f"{key.name}={value}"
    for key in KEYS
    for value in (key.values or ("tsc" if key.name == "clocksource" else "2600MHz",))
]


def lines_between(before: str, after: str) -> list[str]:
    found = difflib.ndiff(before.splitlines(), after.splitlines())
    return [line[0] + line[2:].strip() for line in found if line[0] in "+-"]


@pytest.mark.parametrize(
    ("words", "lines"),
    [
        ("kvmclock=off", ["+<timer name='kvmclock' present='no'/>"]),
        ("hpet=on", ["-<timer name='hpet' present='no'/>", "+<timer name='hpet' present='yes'/>"]),
        ("hpet=default", ["-<timer name='hpet' present='no'/>"]),
        ("hpet=off", []),
        ("rtc-track=guest", ["-<timer name='rtc' tickpolicy='catchup'/>", "+<timer name='rtc' tickpolicy='catchup' track='guest'/>"]),
        ("pit-tickpolicy=delay,kvmclock=on", ["+<timer name='pit' tickpolicy='delay'/>", "+<timer name='kvmclock' present='yes'/>"]),
        ("tsc-frequency=2.6GHz", ["+<timer name='tsc' frequency='2600000000'/>"]),
        ("clock-offset=localtime", ["-<clock offset='utc'>", "+<clock offset='localtime'>"]),
        ("hyperv-frequencies=on", ["+<hyperv>", "+<frequencies state='on'/>", "+</hyperv>"]),
        ("hyperv-synic=default", []),
        ("clocksource=tsc", ['-<cmdline>console=ttyS0  dyndbg="file a +p" quiet</cmdline>', '+<cmdline>console=ttyS0  dyndbg="file a +p" quiet clocksource=tsc</cmdline>']),
    ],
)  # fmt: skip
def test_only_what_was_asked_for_is_touched(words: str, lines: list[str]) -> None:
    made = edited(XML, settings([words]))
    assert lines_between(XML, made.xml) == lines
    assert merged_back(XML, made.xml, made.xml) == XML
    assert edited(made.xml, settings([words])).xml == made.xml


def test_what_requires_others_sets_and_tells_them() -> None:
    made = edited(XML, settings(["hyperv-stimer=on"]))
    assert [line for line in lines_between(XML, made.xml) if "state" in line or "timer" in line] == [
        "+<vpindex state='on'/>",
        "+<synic state='on'/>",
        "+<stimer state='on'/>",
        "+<timer name='hypervclock' present='yes'/>",
    ]
    assert len(made.notes) == 3
    assert all("is set, too" in note for note in made.notes)
    assert edited(made.xml, settings(["hyperv-stimer=on"])).notes == ()


@pytest.mark.parametrize(
    "words", ["hypervclock=off", "hypervclock=default", "hyperv-vpindex=off", "hyperv-synic=default"]
)
def test_what_others_require_does_not_go(words: str) -> None:
    on = edited(XML, settings(["hyperv-stimer=on"])).xml
    with pytest.raises(BadInput, match="cannot go while hyperv-"):
        edited(on, settings([words]))
    off = "hyperv-stimer=off,hyperv-synic=off" if "vpindex" in words or "synic" in words else "hyperv-stimer=off"
    both = ",".join(dict.fromkeys((*off.split(","), words))) if "synic" not in words else f"hyperv-stimer=off,{words}"
    assert edited(on, settings([both])).notes == ()


def test_what_is_wanted_and_what_it_requires_must_not_contradict() -> None:
    with pytest.raises(BadInput, match="hypervclock cannot go while hyperv-stimer is on"):
        edited(XML, settings(["hyperv-stimer=on", "hypervclock=off"]))


def test_features_of_the_host_as_a_whole_are_left_alone() -> None:
    passed = XML.replace("<acpi/>", "<acpi/><hyperv mode='passthrough'/>")
    with pytest.raises(BadInput, match="passthrough"):
        edited(passed, settings(["hyperv-synic=on"]))
    assert "present='no'" in edited(passed, settings(["kvmclock=off"])).xml


def test_what_belongs_to_another_offset_goes_with_it() -> None:
    zoned = XML.replace("<clock offset='utc'>", "<clock offset='variable' adjustment='-3600' basis='utc'>")
    assert "<clock offset='localtime'>" in edited(zoned, settings(["clock-offset=localtime"])).xml


@pytest.mark.parametrize("without", ["clock", "features", "os"])
def test_what_is_not_there_is_made(without: str) -> None:
    bare = re.sub(rf"  <{without}\b.*?</{without}>\n", "", XML, flags=re.DOTALL)
    assert f"<{without}" not in bare.replace("<clock offset='no'/>", "")
    made = edited(bare, settings(["kvmclock=off", "hyperv-vpindex=on", "clocksource=tsc"])).xml
    domain = domain_of(made)
    assert domain.first("clock", "timer")
    assert domain.first("features", "hyperv", "vpindex")
    assert domain.first("os", "cmdline")


def test_a_tag_alone_gets_an_inside() -> None:
    bare = XML.replace("<features>\n    <acpi/>\n  </features>", "<features/>")
    made = edited(bare, settings(["hyperv-vpindex=on"])).xml
    assert "  <features>\n    <hyperv>\n      <vpindex state='on'/>\n    </hyperv>\n  </features>\n" in made


@given(st.lists(st.sampled_from(_EACH), min_size=1, max_size=5, unique_by=lambda word: word.partition("=")[0]))
def test_whatever_is_set_all_other_bytes_stay(words: list[str]) -> None:
    try:
        made = edited(XML, settings(words)).xml
    except BadInput:
        return
    assert bare(made) == bare(XML)


def bare(xml: str) -> str:
    """Without what may be touched."""
    for cut in (
        r"<clock offset='(?:utc|localtime)'.*?(?:</clock>|/>\n  <on_)",
        r"\s*<hyperv>.*?</hyperv>",
        r"\s*<cmdline>.*?</cmdline>",
    ):
        xml = re.sub(cut, "", xml, count=1, flags=re.DOTALL)
    return xml


def test_others_changes_elsewhere_stay_when_it_is_undone() -> None:
    made = edited(XML, settings(["kvmclock=off", "hyperv-vpindex=on"])).xml
    others = made.replace("passwd='secret'", "passwd='new'").replace("<acpi/>", "<acpi/>\n    <apic/>")
    assert merged_back(XML, made, others) == XML.replace("passwd='secret'", "passwd='new'").replace(
        "<acpi/>", "<acpi/>\n    <apic/>"
    )


def test_libvirts_own_order_is_no_change_by_others() -> None:
    made = edited(XML, settings(["hyperv-stimer=on"])).xml
    order = made.replace("<hyperv>", "<hyperv mode='custom'>").replace(
        "<vpindex state='on'/>\n      <synic state='on'/>", "<synic state='on'/>\n      <vpindex state='on'/>"
    )
    assert changed_spots(made, order) == ()
    assert "hyperv" not in merged_back(XML, made, order)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (
            "present='no'/>\n    <timer name='kvmclock' present='no'/>",
            "present='no'/>",
            "clock was changed by others since",
        ),
        ("<timer name='kvmclock' present='no'/>", "<timer name='kvmclock' present='yes'/>", "'no', is 'yes'"),
    ],
)
def test_others_changes_of_the_same_are_not_undone(old: str, new: str, says: str) -> None:
    made = edited(XML, settings(["kvmclock=off"])).xml
    assert old in made
    with pytest.raises(CrazytrainError, match=says) as caught:
        merged_back(XML, made, made.replace(old, new))
    assert "Nothing was undone" in caught.value.hint


@pytest.mark.parametrize(
    ("line", "value", "made"),
    [
        ("", "tsc", "clocksource=tsc"),
        ("a b", "tsc", "a b clocksource=tsc"),
        ("clocksource=hpet a", "tsc", "clocksource=tsc a"),
        ("a  clocksource=hpet b clocksource=acpi_pm", "tsc", "a  clocksource=tsc b"),
        ("a clocksource=hpet b", "default", "a b"),
        ("myclocksource=1 a", "tsc", "myclocksource=1 a clocksource=tsc"),
        ("a -- single", "tsc", "a clocksource=tsc -- single"),
        ("a -- clocksource=mine", "default", "a -- clocksource=mine"),
        ('a="x -- y"', "default", 'a="x -- y"'),
    ],
)
def test_a_kernels_command_line(line: str, value: str, made: str) -> None:
    assert with_clocksource(line, value) == made


@pytest.mark.parametrize("text", ["", "<a>", "no", "<a></b>", "<a><b " * 3, "<a>" * 300 + "</a>" * 300])
def test_no_xml_is_said(text: str) -> None:
    with pytest.raises(BadXml):
        places(text.encode())


def test_what_is_no_domain_is_said() -> None:
    with pytest.raises(CrazytrainError, match="<network> where a <domain>"):
        domain_of("<network/>")


@given(st.binary(max_size=200))
def test_any_bytes_are_places_or_no_xml(data: bytes) -> None:
    try:
        root = places(data)
    except BadXml:
        return
    assert data[root.begin : root.begin + 1] == b"<"
    assert data[root.end - 1 : root.end] == b">"


def test_places_are_where_they_are() -> None:
    data = b"<?xml version='1.0'?><a x='>'><!-- <b/> --><b y=\"/>\"/><c><![CDATA[<d/>]]>t</c ></a>"
    root = places(data)
    assert [data[one.begin : one.end] for one in root.inside] == [b'<b y="/>"/>', b"<c><![CDATA[<d/>]]>t</c >"]
    assert [one.alone for one in root.inside] == [True, False]
    assert root.inside[1].text == "<d/>t"
