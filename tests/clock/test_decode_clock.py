"""What stands in a domain's XML, on a command line, in an agent's answers and on a console about a guest's clock."""

import re
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crazytrain.decode.clock_agent import decode_clock_agent
from crazytrain.decode.clock_argv import clock_argv_of, decode_clock_identity
from crazytrain.decode.clock_console import decode_clock_console
from crazytrain.decode.clock_words import clock_words
from crazytrain.decode.clock_xml import clock_xml_of, decode_clock_setup
from crazytrain.model.bundle import Part
from crazytrain.model.evidence import Evidence, Kind, Outcome, Ref
from crazytrain.model.facts.clock_setup import AgentClock, ClockArgv, ClockXml, ConsoleClock, Place
from tests.clock.making import SYSFS, WINDOWS, agent_evidence, argv, evidence, moment, refused, xml, xml_text
from tests.support import skip_real


def test_the_clock_section_as_libvirt_prints_it() -> None:
    found = xml()
    assert found.section[0] == "<clock offset='utc'>"
    assert found.section[1] == "  <timer name='rtc' tickpolicy='catchup'/>"
    assert found.section[-1] == "</clock>"
    assert (found.offset, found.accelerator, found.machine) == ("utc", "kvm", "pc-q35-7.2")
    hpet, rtc = found.timer("hpet"), found.timer("rtc")
    assert hpet
    assert hpet.present is False
    assert rtc
    assert rtc.tickpolicy == "catchup"
    assert rtc.present is None
    assert found.timer("kvmclock") is None


def test_what_bears_on_the_clock_outside_of_its_section() -> None:
    found = xml(
        "<clock offset='variable' adjustment='-7200' basis='utc'><timer name='tsc' frequency='2600000000' mode='native'/></clock>",
        system=WINDOWS,
        features="<hyperv mode='custom'><relaxed state='on'/><stimer state='on'><direct state='on'/></stimer></hyperv>"
        "<kvm><hidden state='on'/></kvm>",
        cpu="<feature policy='require' name='invtsc'/><feature policy='disable' name='svm'/>",
        boot="<kernel>/boot/vmlinuz</kernel><cmdline>root=/dev/vda clocksource=acpi_pm quiet</cmdline>",
    )
    assert found.hyperv == (("relaxed", "on"), ("stimer", "on"), ("stimer-direct", "on"))
    assert found.features == (("invtsc", "require"),), "other features are not about time"
    assert found.kvm_hidden
    assert found.direct_boot
    assert found.system == WINDOWS
    assert found.kernel_words == ("clocksource=acpi_pm",)
    assert (found.offset, found.adjustment, found.basis) == ("variable", "-7200", "utc")
    tsc = found.timer("tsc")
    assert tsc
    assert (tsc.frequency_hz, tsc.mode) == (2_600_000_000, "native")
    assert len(found.section) == 1
    assert found.beside[0] == "features/hyperv: relaxed=on, stimer=on, stimer-direct=on"


def test_both_definitions_with_the_lines_they_stand_on() -> None:
    seen = evidence(
        Kind.CLOCK_SETUP,
        [Part("live", b"<domain type='kvm'>\n<clock offset='utc'/>\n"), refused("persistent", Outcome.ABSENT)],
    )
    (live,) = decode_clock_setup(seen)
    assert isinstance(live, ClockXml)
    assert live.place is Place.LIVE
    assert live.refs == (Ref("clock-setup", 2, 3),)


def test_no_domain_is_nothing() -> None:
    assert clock_xml_of("<network><name>x</name></network>", Place.LIVE) is None


@given(st.text(max_size=400))
def test_any_text_in_the_place_of_xml(text: str) -> None:
    clock_xml_of(xml_text(clock=text, cpu=text, features=text), Place.LIVE)


@given(st.lists(st.text(max_size=60), max_size=12))
def test_any_words_in_the_place_of_a_command_line(words: list[str]) -> None:
    clock_argv_of(["qemu-system-x86_64", *words])
    clock_argv_of(["qemu-system-x86_64", "-cpu", *words, "-rtc", *words])
    clock_argv_of(["qemu-system-x86_64", "-cpu", ",".join(words), "-rtc", ",".join(words)])


def test_a_cpu_with_a_comma_too_much() -> None:
    assert clock_argv_of(["qemu-system-x86_64", "-cpu", "host,,kvmclock=off,"]).cpu == "host"


@pytest.mark.parametrize(
    ("words", "name", "value", "shown"),
    [
        (("-no-hpet",), "hpet", "off", "-no-hpet"),
        (("-machine", "pc,accel=kvm,hpet=off"), "hpet", "off", "-machine …,hpet=off"),
        ((), "hpet", "on", ""),
        (("-rtc", "base=localtime,driftfix=slew"), "rtc-base", "localtime", "-rtc base=localtime,driftfix=slew"),
        (("-rtc", "base=localtime,driftfix=slew"), "rtc-driftfix", "slew", "-rtc base=localtime,driftfix=slew"),
        (("-localtime",), "rtc-base", "localtime", "-localtime"),
        (("-rtc", "clock=vm"), "rtc-clock", "vm", "-rtc clock=vm"),
        ((), "rtc-clock", "host", ""),
        (("-global", "kvm-pit.lost_tick_policy=discard"), "pit-lost-ticks", "discard", "-global kvm-pit.lost_tick_policy=discard"),
        (("-no-kvm-pit-reinjection",), "pit-lost-ticks", "discard", "-no-kvm-pit-reinjection"),
        ((), "pit-lost-ticks", "delay", ""),
        (("-global", "mc146818rtc.lost_tick_policy=slew"), "rtc-driftfix", "slew", "-global mc146818rtc.lost_tick_policy=slew"),
        (("-cpu", "host,kvmclock=off"), "kvmclock", "off", "-cpu …,kvmclock=off"),
        (("-cpu", "host,-kvmclock"), "kvmclock", "off", "-cpu …,kvmclock=off"),
        (("-cpu", "host,kvm=off"), "kvmclock", "off", "-cpu …,kvm=off"),
        ((), "kvmclock", "on", ""),
        (("-cpu", "host,hv_time,hv_relaxed"), "hv-time", "on", "-cpu …,hv-time=on"),
        (("-cpu", "host,hv-passthrough"), "hv-time", "on", "-cpu …,hv-time=on"),
        ((), "hv-time", "off", ""),
        (("-cpu", "host,+invtsc,tsc-frequency=2600000000"), "tsc-frequency", "2600000000", "-cpu …,tsc-frequency=2600000000"),
        (("-cpu", "host,migratable=off"), "invtsc", "on", ""),
        (("-icount", "shift=auto"), "icount", "shift=auto", "-icount shift=auto"),
        (("-no-acpi",), "acpi", "off", "-no-acpi"),
    ],
)  # fmt: skip
def test_what_a_command_line_says_and_what_is_a_default(
    words: tuple[str, ...], name: str, value: str, shown: str
) -> None:
    found = argv(*words).option(name)
    assert found
    assert (found.value, found.words) == (value, shown)
    assert bool(found.default_of) == (not shown)


def test_a_machine_whose_default_nobody_knows_from_here() -> None:
    rhel = argv(machine="pc-q35-rhel9.2.0").option("hpet")
    assert rhel
    assert not rhel.value, "a distribution may build its own machine types without an HPET"
    assert argv(machine="microvm").value("hpet") == "off"


def test_without_kvm_there_is_no_kvmclock_and_no_pit_of_kvms() -> None:
    found = argv("-cpu", "qemu64,kvmclock=on", kvm=False)
    assert found.value("kvmclock") == "absent"
    assert found.option("pit-lost-ticks") is None


def test_other_machines_have_none_of_the_pcs_timers() -> None:
    found = clock_argv_of(["qemu-system-aarch64", "-machine", "virt", "-accel", "kvm", "-rtc", "base=utc"])
    assert not found.x86
    assert {one.name for one in found.options} == {"rtc-base", "rtc-clock", "rtc-driftfix"}


def test_a_guest_that_came_from_elsewhere_and_its_kernels_words() -> None:
    found = argv("-incoming", "defer", "-append", "root=/dev/vda clocksource=hpet tsc=unstable")
    assert found.incoming
    assert found.kernel_words == ("clocksource=hpet", "tsc=unstable")
    assert clock_words("nosmt clock_gettime=1 x" * 9) == ()


def test_the_command_line_of_a_process() -> None:
    words = b"\0".join((b"/usr/bin/qemu-system-x86_64", b"-accel", b"kvm", b"-no-hpet")) + b"\0"
    seen = evidence(Kind.IDENTITY, [Part("/proc/7/comm", b"qemu\n"), Part("/proc/7/cmdline", words)], "identity.1")
    (found,) = decode_clock_identity(seen)
    assert isinstance(found, ClockArgv)
    assert found.value("hpet") == "off"
    assert found.refs == (Ref("identity.1", 4),)


_DEVICE = re.compile(r"dev: ([\w-]+), id")


@pytest.mark.real
@pytest.mark.parametrize("accel", ["tcg", "kvm"])
@pytest.mark.parametrize("machine", ["pc", "q35", "isapc", "q35,hpet=off", "q35,kernel-irqchip=split", "pc,pit=off"])
def test_qemus_own_devices_are_what_we_call_its_defaults(machine: str, accel: str) -> None:
    program = shutil.which("qemu-system-x86_64")
    if program is None:
        skip_real("qemu-system-x86_64 is not installed")
    words = (program, "-machine", machine, "-accel", accel, "-nodefaults", "-display", "none", "-S")
    done = subprocess.run(
        (*words, "-monitor", "stdio"),
        input="info qtree\nquit\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if accel == "kvm" and done.returncode:
        skip_real(f"KVM is not to be had here: {done.stderr}")
    found, there = clock_argv_of(words), set(_DEVICE.findall(done.stdout))
    assert (found.value("hpet") == "on") is ("hpet" in there)
    assert (found.value("kvmclock") == "on") is ("kvmclock" in there)
    policy = re.search(r'dev: kvm-pit.*?lost_tick_policy = "(\w+)"', done.stdout, re.DOTALL)
    assert found.value("pit-lost-ticks") == (policy[1] if policy else "")
    rtc = re.search(r'dev: mc146818rtc.*?lost_tick_policy = "(\w+)"', done.stdout, re.DOTALL)
    assert rtc
    assert rtc[1] == "discard"
    assert found.value("rtc-driftfix") == "none"


def test_what_an_agent_told() -> None:
    (found,) = decode_clock_agent(agent_evidence([moment(1.0, 0.5)]))
    assert isinstance(found, AgentClock)
    assert (found.clocksource, found.available) == ("kvm-clock", ("kvm-clock", "tsc", "acpi_pm"))
    assert (found.system, found.system_name) == ("debian", "Debian GNU/Linux 12")
    assert found.kernel_words == ("tsc=reliable",)
    assert found.tsc_flags == ("tsc", "constant_tsc", "nonstop_tsc", "hypervisor")
    assert found.moments[0].ahead_ns == 500_000_000
    assert found.moments[0].doubt_ns == 1_000_000


def test_an_agent_that_may_not_read_files() -> None:
    path = SYSFS + "current_clocksource"
    seen = agent_evidence([], refused(path), Part(f"why/{path}", b"Command guest-file-open has been disabled"))
    (found,) = decode_clock_agent(seen)
    assert isinstance(found, AgentClock)
    assert not found.clocksource
    assert [(one.what, one.why) for one in found.missing] == [
        ("its clocksource", "Command guest-file-open has been disabled")
    ]


def test_a_hostile_agent() -> None:
    seen = agent_evidence(
        [],
        Part(SYSFS + "current_clocksource", b"tsc\x1b[2J"),
        Part(SYSFS + "available_clocksource", b"a " * 4000 + b"\xff\xfe"),
        Part("osinfo", b"[" * 100_000),
        Part("moments", b'{"before_ns":9,"after_ns":1,"wall_before_ns":0,"guest_ns":0}\n{\n' + b"\xff\n" * 100),
    )
    (found,) = decode_clock_agent(seen)
    assert isinstance(found, AgentClock)
    assert (found.clocksource, found.system, found.moments) == ("", "", ())
    assert len(found.available) <= 16


@given(st.binary(max_size=300))
def test_any_bytes_in_the_place_of_an_agents_answers(data: bytes) -> None:
    names = (
        SYSFS + "current_clocksource",
        SYSFS + "available_clocksource",
        "osinfo",
        "moments",
        "/proc/cpuinfo",
        "version",
    )
    list(decode_clock_agent(evidence(Kind.CLOCK_AGENT, [Part(name, data) for name in names])))
    list(decode_clock_agent(Evidence(id="x", kind=Kind.CLOCK_AGENT, source="x", data=data)))
    list(decode_clock_setup(Evidence(id="x", kind=Kind.CLOCK_SETUP, source="x", data=data)))
    list(decode_clock_console(Evidence(id="x", kind=Kind.CONSOLE, source="x", data=data)))


BOOT = b"""[    0.000000] Linux version 6.1.0 (a@b) #1
[    0.000004] clocksource: refined-jiffies: mask: 0xffffffff
[    0.9] clocksource: Switched to clocksource tsc-early
[    2.1] clocksource: Switched to clocksource tsc
"""
LOST = b"""[  913.2] clocksource: timekeeping watchdog on CPU0: Marking clocksource 'tsc' as unstable because the skew is too large:
[  913.3] clocksource: Switched to clocksource acpi_pm\r
"""


def console(data: bytes) -> ConsoleClock | None:
    found = list(decode_clock_console(Evidence(id="console.0", kind=Kind.CONSOLE, source="x", data=data)))
    assert all(isinstance(one, ConsoleClock) for one in found)
    return next((one for one in found if isinstance(one, ConsoleClock)), None)


def test_a_console_says_what_it_switched_to_last() -> None:
    found = console(BOOT + LOST)
    assert found
    assert found.clocksource == "acpi_pm"
    assert found.line == "[  913.3] clocksource: Switched to clocksource acpi_pm"
    assert "Marking clocksource 'tsc' as unstable" in found.unstable
    assert found.refs == (Ref("console.0", 6), Ref("console.0", 5))


def test_what_an_earlier_boot_said_does_not_count() -> None:
    found = console(BOOT + LOST + BOOT)
    assert found
    assert (found.clocksource, found.unstable) == ("tsc", "")


def test_a_console_that_says_nothing_of_clocks() -> None:
    assert console(b"login: \n" * 20) is None
