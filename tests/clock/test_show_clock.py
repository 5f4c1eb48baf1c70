"""A guest's clock is looked at by every way, told on one screen, and harmless to show; nothing that cannot be seen stops it."""

import asyncio
import base64
import json
from collections.abc import Sequence

import msgspec
import pytest

from crazytrain.collect.clock_agent import collect_clock_agent
from crazytrain.collect.clock_setup import collect_clock_setup
from crazytrain.decode.clock_agent import decode_clock_agent
from crazytrain.decode.clock_xml import decode_clock_setup
from crazytrain.host.fake import FakeHost
from crazytrain.model.bundle import Part, unpack
from crazytrain.model.case import Case
from crazytrain.model.clock_report import ClockReport
from crazytrain.model.evidence import Evidence, Kind, Outcome
from crazytrain.model.facts.clock_setup import AgentClock, ClockXml, Place
from crazytrain.model.guest import Accelerator, Guest, Manager
from crazytrain.pipeline import conclude
from crazytrain.pipeline_clock import ClockWish, clock_shown, read_clock
from crazytrain.report.clock_schema import clock_schema
from crazytrain.report.clock_text import clock_lines
from tests.clock.making import CLOCK, SYSFS, agent_evidence, evidence, xml_text
from tests.collect.making import HOST_FILES, a_guest, look_at, process
from tests.collect.test_agent import Refuses, TestAgent
from tests.collect.test_domstats import said as printed
from tests.store.samples import WINDOW, guest
from tests.support import ROOT

UUID = "4dea22b3-1d52-d8f3-2516-782e98ab3fa0"
ARGV = ("qemu-system-x86_64", "-name", "guest=web01", "-accel", "kvm", "-machine", "pc-q35-7.2")
CMDLINE = b"\0".join(word.encode() for word in ARGV) + b"\0"
FILES = {
    **HOST_FILES,
    **process(700, "qemu", ["q"]),
    "/proc/700/cmdline": CMDLINE,
    SYSFS + "current_clocksource": b"tsc\n",
    SYSFS + "available_clocksource": b"tsc hpet acpi_pm\n",
}
BOTH = printed(f"{UUID}\nother", xml_text(), xml_text(CLOCK.replace("utc", "localtime")))
IN_GUEST = {
    SYSFS + "current_clocksource": b"hpet\n",
    SYSFS + "available_clocksource": b"kvm-clock tsc hpet acpi_pm\n",
    "/proc/cmdline": b"quiet\n",
    "/proc/cpuinfo": b"flags\t: fpu tsc constant_tsc\n",
}


def libvirts(manager: Manager = Manager.LIBVIRT, argv: Sequence[str] = ARGV) -> Guest:
    return msgspec.structs.replace(
        a_guest(700), name="web01", uuid=UUID, manager=manager, command_line=tuple(argv), accelerator=Accelerator.KVM
    )


def shown(host: FakeHost, who: Guest, wish: ClockWish | None = None) -> ClockReport:
    return asyncio.run(clock_shown(host, who, wish or ClockWish(window_s=1.0)))


def text(report: ClockReport, width: int = 100) -> str:
    return "\n".join(line.text for line in clock_lines(report, width=width))


def test_what_is_kept_of_two_definitions() -> None:
    host = FakeHost(FILES, commands={"virsh": BOTH})
    look, kept = look_at(host, libvirts())
    asyncio.run(collect_clock_setup(look))
    (seen,) = kept
    assert seen.outcome is Outcome.OK
    assert b"timer name='rtc'" in seen.data
    assert b"<name>web01" not in seen.data, "what is not about clocks is left out"
    assert "-r" in host.ran[0], "it only reads"
    live, later = [one for one in decode_clock_setup(seen) if isinstance(one, ClockXml)]
    assert (live.place, live.offset) == (Place.LIVE, "utc")
    assert (later.place, later.offset) == (Place.PERSISTENT, "localtime")
    assert live.system == "http://debian.org/debian/12"
    assert live.section[1].startswith("  <timer")


def test_a_transient_domain_has_one_definition() -> None:
    host = FakeHost(FILES, commands={"virsh": printed("other", xml_text(), xml_text())})
    look, kept = look_at(host, libvirts())
    asyncio.run(collect_clock_setup(look))
    assert [(part.name, part.outcome) for part in unpack(kept[0].data)] == [
        ("live", Outcome.OK),
        ("persistent", Outcome.ABSENT),
    ]


@pytest.mark.parametrize(
    ("host", "outcome"),
    [
        (FakeHost(FILES), Outcome.NO_TOOL),
        (
            FakeHost(FILES, commands={"virsh": printed(status=1, stderr=b"error: authentication failed")}),
            Outcome.DENIED,
        ),
        (FakeHost(FILES, commands={"virsh": printed("x", "<network/>", "")}), Outcome.OK),
    ],
)
def test_a_libvirt_that_does_not_tell_is_told(host: FakeHost, outcome: Outcome) -> None:
    look, kept = look_at(host, libvirts())
    asyncio.run(collect_clock_setup(look))
    assert [one.outcome for one in kept] == [outcome]
    assert not list(decode_clock_setup(kept[0]))


def test_libvirt_is_not_asked_about_others_guests() -> None:
    host = FakeHost(FILES, commands={"virsh": BOTH})
    for who in (libvirts(Manager.PLAIN), libvirts(Manager.PROXMOX)):
        look, kept = look_at(host, who)
        asyncio.run(collect_clock_setup(look))
        assert not kept
    assert not host.ran


def reply(name: str, arguments: dict[str, object]) -> object:
    """A guest's agent as it answers: one file at a time, each read once."""
    if name == "guest-info":
        return {"version": "7.2", "supported_commands": []}
    if name == "guest-get-time":
        return 1_331_296_380_000_000_000 + 5 * 10**9
    if name == "guest-get-osinfo":
        return {"id": "debian", "pretty-name": "Debian GNU/Linux 12 (bookworm)"}
    if name == "guest-file-open":
        return sorted(IN_GUEST).index(str(arguments["path"]))
    if name == "guest-file-read":
        data = IN_GUEST[sorted(IN_GUEST)[int(str(arguments["handle"]))]]
        return {"count": len(data), "buf-b64": base64.b64encode(data).decode(), "eof": True}
    return {}


def no_files(name: str, arguments: dict[str, object]) -> object:
    if name.startswith("guest-file"):
        raise Refuses("GenericError: Command guest-file-open has been disabled: the command is not allowed")
    return reply(name, arguments)


def windows(name: str, arguments: dict[str, object]) -> object:
    return {"id": "mswindows", "pretty-name": "Windows 10"} if name == "guest-get-osinfo" else reply(name, arguments)


def asked(answer: object = reply) -> tuple[AgentClock | None, Evidence, list[str]]:
    """What comes of asking an agent on a socket of QEMU's."""

    async def whole() -> tuple[list[Evidence], list[str]]:
        agent = TestAgent(answer)  # type: ignore[arg-type]
        async with agent.listening() as path:
            words = (
                *("-chardev", f"socket,id=qga0,path={path},server=on,wait=off"),
                *("-device", "virtserialport,chardev=qga0,name=org.qemu.guest_agent.0"),
            )
            look, kept = look_at(FakeHost(FILES), libvirts(Manager.PLAIN, (*ARGV, *words)), seconds=0.1)
            await collect_clock_agent(look)
        return kept, agent.asked

    (seen,), questions = asyncio.run(whole())
    found = list(decode_clock_agent(seen)) if seen.usable else []
    return next((one for one in found if isinstance(one, AgentClock)), None), seen, questions


def test_an_agent_is_asked_for_its_clock() -> None:
    found, seen, questions = asked()
    assert seen.outcome is Outcome.OK
    assert found
    assert (found.clocksource, found.available) == ("hpet", ("kvm-clock", "tsc", "hpet", "acpi_pm"))
    assert found.system_name == "Debian GNU/Linux 12 (bookworm)"
    assert found.tsc_flags == ("tsc", "constant_tsc")
    assert len(found.moments) == 6, "three readings at each end"
    assert "guest-exec" not in questions
    assert "guest-file-write" not in questions


def test_an_agent_that_may_not_read_files_tells_the_time_and_why() -> None:
    found, _, questions = asked(no_files)
    assert found
    assert not found.clocksource
    assert found.moments
    assert "disabled" in found.missing[0].why
    assert questions.count("guest-file-open") == 1, "what is refused once is refused for all"


def test_a_windows_is_not_asked_for_files_of_linux() -> None:
    found, _, questions = asked(windows)
    assert found
    assert found.system == "mswindows"
    assert "guest-file-open" not in questions


def test_no_channel_for_an_agent() -> None:
    look, kept = look_at(FakeHost(FILES), libvirts(Manager.PLAIN))
    asyncio.run(collect_clock_agent(look))
    assert (kept[0].outcome, kept[0].detail) == (Outcome.ABSENT, "the guest was started without a channel for an agent")


def test_everything_may_be_missing_and_it_says_what() -> None:
    report = shown(FakeHost(HOST_FILES), libvirts())
    missing = {one.what for one in report.missing}
    assert {"its agent", "its memory", "its XML", "its RTC"} <= missing
    assert not report.fit.misfits
    assert any("which clocksource" in one for one in report.fit.unknown)
    told = text(report)
    assert "its clocksource is not known" in told
    assert "Not known" in told


def test_ways_that_are_not_to_be_taken_are_not() -> None:
    host = FakeHost(FILES, commands={"virsh": BOTH})
    report = shown(host, libvirts(), ClockWish(window_s=0.1, agent=False, memory=False, monitor=False))
    assert all("agent" not in argv[-1] and "monitor" not in argv[-1] for argv in host.ran)
    assert {(one.what, one.why) for one in report.missing} >= {
        (what, "was not to be asked") for what in ("its agent", "its memory", "its RTC")
    }


def test_the_screen_of_a_libvirt_guest() -> None:
    host = FakeHost(FILES, commands={"virsh": BOTH})
    report = shown(host, libvirts(), ClockWish(window_s=0.1, agent=False, memory=False, monitor=False))
    told = text(report)
    assert "web01 (pid 700): KVM, pc-q35-7.2, libvirt" in told
    assert "<clock offset='utc'>" in told
    assert "differs    clock offset: utc now, localtime then" in told
    assert "by default: " in told
    assert "HPET on (pc-q35-7.2)" in told
    assert "host       clocksource tsc (could be hpet, acpi_pm)" in told
    assert "QEMU does not run with what libvirt has written down" in told, "it was started without -no-hpet"
    assert "rests on: clock-setup, identity.1" in told
    assert "$ virsh dumpxml web01" in told


def seen_of(*more: Evidence) -> tuple[Evidence, ...]:
    setup = evidence(Kind.CLOCK_SETUP, [Part("live", xml_text().encode()), Part("persistent", xml_text().encode())])
    identity = evidence(Kind.IDENTITY, [Part("/proc/700/cmdline", CMDLINE)], "identity.1")
    return setup, identity, *more


def test_hostile_words_stay_harmless_on_the_screen() -> None:
    bad = xml_text("<clock offset='utc\x1b[2J\u202e'><timer name='\x07' present='no'/></clock>", system="\x1b]0;x\x07")
    setup = evidence(Kind.CLOCK_SETUP, [Part("live", bad.encode()), Part("persistent", xml_text().encode())])
    words = Part("osinfo", json.dumps({"id": "x\x1b[31m", "pretty-name": "\x1b[2J" * 9}).encode())
    source = Part(SYSFS + "current_clocksource", "tsc\u202e\x1b".encode())
    console = Evidence(id="console.0", kind=Kind.CONSOLE, source="x", data=b"Switched to clocksource hpet\x1b[2J\xff\n")
    host = FakeHost(FILES, commands={"virsh": printed(UUID, bad, bad)})
    report = shown(host, libvirts(), ClockWish(window_s=0.1, agent=False, memory=False, monitor=False))
    facts = read_clock((setup, agent_evidence([], words, source), console))
    state = msgspec.structs.replace(report.state, system=next(iter(facts.all(AgentClock))).system)
    report = msgspec.structs.replace(report, state=state, xml=facts.all(ClockXml), agent=facts.get(AgentClock))
    told = text(report)
    assert not [c for c in told if ord(c) < 32 and c != "\n"]
    assert "\u202e" not in told
    assert "\\x1b" in told


def test_lines_are_as_wide_as_is_asked_for() -> None:
    host = FakeHost(FILES, commands={"virsh": BOTH})
    report = shown(host, libvirts(), ClockWish(window_s=0.1, agent=False, memory=False, monitor=False))
    for line in clock_lines(report, width=72):
        assert len(line.text) <= 72 or line.style in ("command", "row"), line
    hung = [line.text for line in clock_lines(report, width=72)]
    first = next(number for number, one in enumerate(hung) if one.startswith("  QEMU       by default"))
    assert hung[first + 1].startswith(" " * 13), "what follows a label hangs under its text"


def test_the_published_schema_is_made_from_the_structs() -> None:
    published = (ROOT / "docs" / "clock.schema.json").read_bytes()
    assert published == clock_schema(), (
        "make it anew: crazytrain.report.clock_schema.clock_schema() > docs/clock.schema.json"
    )


def test_json_says_all_that_the_screen_says() -> None:
    host = FakeHost(FILES, commands={"virsh": BOTH})
    report = shown(host, libvirts(), ClockWish(window_s=0.1, agent=False, memory=False, monitor=False))
    found = json.loads(msgspec.json.encode(report))
    assert found["schema_version"] == 1
    assert found["state"]["accelerator"] == "kvm"
    assert found["fit"]["misfits"][0]["slug"] == "not-as-written"
    assert {one["id"] for one in found["evidence"]} >= {"clock-setup", "identity.1", "host.0"}
    assert msgspec.json.decode(msgspec.json.encode(report), type=ClockReport) == report


def story_of(*seen: Evidence) -> list[tuple[str, tuple[str, ...]]]:
    report = conclude(Case(id="x", guest=guest(), window=WINDOW, evidence=seen))
    return [(line.says, line.evidence) for line in report.story if line.says.startswith("its clock: ")]


def test_why_tells_what_fits_badly_with_the_command() -> None:
    ((written, _), (slow, rests)) = sorted(
        story_of(*seen_of(agent_evidence([], Part(SYSFS + "current_clocksource", b"hpet\n")))), reverse=True
    )
    assert "the guest keeps time by hpet" in written
    assert "`crazytrain clock web01 --set clocksource=kvm-clock`" in written
    assert "QEMU does not run with what libvirt has written down" in slow
    assert any(one.startswith("clock-setup") for one in rests)


def test_why_keeps_silent_of_a_clock_that_fits() -> None:
    words = (*ARGV, "-rtc", "base=utc,driftfix=slew", "-no-hpet", "-global", "kvm-pit.lost_tick_policy=delay")
    identity = evidence(Kind.IDENTITY, [Part("/proc/7/cmdline", b"\0".join(x.encode() for x in words))], "identity.1")
    assert story_of(seen_of()[0], identity, agent_evidence()) == []
