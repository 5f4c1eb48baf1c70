"""A flooded console in a report: what the guest's log is full of, and the commands against it."""

from crazytrain.model.case import Case
from crazytrain.model.evidence import Evidence, Kind
from crazytrain.pipeline import conclude
from tests.lease.making import seen
from tests.logs_made import flood_log, renewals
from tests.store.samples import WINDOW, guest


def story_of(kind: Kind, data: bytes, wall_ns: int = WINDOW.wall_ns) -> list[tuple[str, tuple[str, ...]]]:
    log = Evidence(id="console.0", kind=kind, source="x", data=data, wall_ns=wall_ns)
    report = conclude(Case(id="x", guest=guest(), window=WINDOW, evidence=(log,)))
    return [(line.says, line.evidence) for line in report.story if "flooded" in line.says]


def test_a_flooded_console_is_told_with_the_commands_against_it() -> None:
    ((says, evidence),) = story_of(Kind.CONSOLE, renewals(400))
    assert "flooded by DHCPREQUEST/DHCPACK on eth0" in says
    assert "2,88" in says
    assert "crazytrain lease NETWORK --set 24h" in says
    assert "crazytrain logs CASE:console.0" in says
    assert evidence == ("console.0",)


def test_the_lease_that_was_seen_names_the_network_of_the_flood() -> None:
    flood = Evidence(id="console.0", kind=Kind.CONSOLE, source="x", data=renewals(400), wall_ns=WINDOW.wall_ns)
    report = conclude(Case(id="x", guest=guest(), window=WINDOW, evidence=(flood, seen())))
    (lease,) = (line.says for line in report.story if "by DHCP from network" in line.says)
    (flooded,) = (line.says for line in report.story if "flooded" in line.says)
    assert "2,880 lines in its log a day (`crazytrain lease default --set 24h` makes that 4)" in lease
    assert "lease about 120 s on network default; `crazytrain lease default --set 24h` would make it 2 a day" in flooded


def test_a_flood_of_another_lease_time_is_not_of_that_network() -> None:
    slow = Evidence(id="console.0", kind=Kind.CONSOLE, source="x", data=renewals(400, 300), wall_ns=WINDOW.wall_ns)
    report = conclude(Case(id="x", guest=guest(), window=WINDOW, evidence=(slow, seen())))
    (flooded,) = (line.says for line in report.story if "flooded" in line.says)
    assert "crazytrain lease NETWORK --set 24h" in flooded


def test_a_pasted_log_is_named_as_it_is() -> None:
    ((says, _),) = story_of(Kind.LOG_TEXT, flood_log(2000), wall_ns=0)
    assert "`crazytrain logs console.0` shows what else it says" in says


def test_a_console_without_a_flood_is_not_called_flooded() -> None:
    words = ("a", "quick", "brown", "fox", "jumps", "over", "the", "lazy", "dog", "while")
    boot = b"".join(
        b"[%5d.000000] %b: %b done\n" % (n, words[n % 10].encode(), words[n * 7 % 10 - n // 10].encode())
        for n in range(100)
    )
    assert story_of(Kind.CONSOLE, boot) == []


def test_the_remedies_of_a_guest_whose_log_tells_name_the_way_to_it() -> None:
    said = "".join(
        f"[   {at}.671901] watchdog: BUG: soft lockup - CPU#0 stuck for {at - 14}s! [sh:71]\n"
        f"[   {at}.671950] RIP: 0010:native_queued_spin_lock_slowpath+0x5f/0x1a0\n"
        for at in (40, 68, 96)
    )
    log = Evidence(id="console.0", kind=Kind.CONSOLE, source="x", data=said.encode(), wall_ns=WINDOW.wall_ns)
    report = conclude(Case(id="x", guest=guest(), window=WINDOW, evidence=(log,)))
    (found,) = (one for one in report.findings if one.cause == "guest-soft-lockup")
    assert any(step.command.startswith("crazytrain logs guest:web01") for step in found.remedy), found.remedy
