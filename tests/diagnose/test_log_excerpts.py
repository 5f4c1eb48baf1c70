"""Lines of QEMU's log that somebody chose say little of the rest of it; a log that was seen whole says much."""

import pytest

from crazytrain.decode.recognise import split
from crazytrain.model.evidence import Evidence, Kind
from crazytrain.model.facts import Facts
from crazytrain.model.finding import Finding, Verdict
from crazytrain.pipeline import read
from tests.diagnose import making as m

CHOSEN = "2024-01-01T10:00:01.000000Z qemu-system-x86_64: warning: netdev hub0port0 has no peer\n"
START = "2024-01-01 10:00:00.000+0000: starting up libvirt version: 9.0.0, package: 1, qemu version: 7.2.0\n"
END = "2024-01-01 11:00:00.000+0000: shutting down, reason=shutdown\n"
COMMAND = "/usr/bin/qemu-system-x86_64 -name guest=web01 -machine pc-q35-7.2 -accel kvm -m 4096\n"
OTHER = "KVM internal error. Suberror: 1\n"
CAUSES = ("vmentry-failure", "vfio-memory-fault", "cpu-mismatch")


def judged(cause: str, text: str, kind: Kind) -> Finding:
    evidence = Evidence(id="log", kind=kind, source="paste", data=text.encode())
    facts: Facts = read((evidence,)).facts
    return m.found(cause, *facts)


@pytest.mark.parametrize("cause", CAUSES)
@pytest.mark.parametrize("text", [CHOSEN, START + CHOSEN, CHOSEN + END])
def test_chosen_lines_rule_nothing_out(cause: str, text: str) -> None:
    finding = judged(cause, text, Kind.QEMU_TEXT)
    assert finding.verdict is Verdict.UNKNOWN
    assert all(0.5 < point.ratio < 1 for point in finding.against)
    assert any("log" in look.what for look in finding.missing)


@pytest.mark.parametrize("cause", CAUSES)
@pytest.mark.parametrize(("text", "kind"), [(START + CHOSEN + END, Kind.QEMU_TEXT), (START + CHOSEN, Kind.QEMU_LOG)])
def test_a_log_that_was_seen_whole_does(cause: str, text: str, kind: Kind) -> None:
    assert judged(cause, text, kind).verdict is Verdict.RULED_OUT


@pytest.mark.parametrize("cause", CAUSES)
def test_a_whole_file_as_libvirt_writes_it(cause: str) -> None:
    """Its command line is a kind of its own, and stands between the start and the rest."""
    for text, verdict in (
        (START + COMMAND + CHOSEN + END, Verdict.RULED_OUT),
        (START + COMMAND + CHOSEN, Verdict.UNKNOWN),
    ):
        facts = read(split("web01.log", text.encode())).facts
        assert m.found(cause, *facts).verdict is verdict


def test_what_would_stand_in_its_place_is_seen_in_chosen_lines_too() -> None:
    assert judged("vmentry-failure", OTHER, Kind.QEMU_TEXT).verdict is Verdict.RULED_OUT
    assert judged("vfio-memory-fault", OTHER, Kind.QEMU_TEXT).verdict is Verdict.RULED_OUT


def test_an_ordinary_log_tells_of_no_trouble() -> None:
    """Each guest with a serial console on a pty has this line."""
    text = START + COMMAND + "char device redirected to /dev/pts/1 (label charserial0)\n" + END
    regions = split("web01.log", text.encode())
    assert {region.kind for region in regions} <= {Kind.QEMU_TEXT, Kind.COMMAND_LINE}
    assert m.verdict(*read(regions).facts) == ""


@pytest.mark.parametrize("cause", ["split-lock", "lapic-catchup"])
def test_chosen_lines_of_the_hosts_kernel_log_rule_nothing_out(cause: str) -> None:
    line = "[  100.000000] INFO: task qemu-system-x86:4711 blocked for more than 120 seconds.\n"
    other = "[  {}.000000] usb 1-1: new high-speed USB device\n"
    assert judged(cause, line, Kind.LOG_TEXT).verdict is Verdict.UNKNOWN
    whole = "".join(other.format(number) for number in range(10, 400)) + line
    assert judged(cause, whole, Kind.LOG_TEXT).verdict is Verdict.RULED_OUT
