"""Lease times against the real libvirtd and dnsmasq: shown, set under clients that renew all the time, cut off, undone.

A real guest renews beside them, in its own time: it boots first and is looked at last.
"""

import ipaddress
import json
import re
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.agent_guest import boot_files
from tests.lease.cage_net import OURS, Hammer, Net, hammers, networked
from tests.lease.home_guest import HomeGuest
from tests.lease.networks_xml import BUSY, HOME, PLAIN
from tests.tiny import until

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]

WHY = (*OURS, "why")

DOMAIN = """<domain type='qemu'><name>web01</name><memory unit='MiB'>64</memory><os><type>hvm</type></os><devices>
<interface type='network'><source network='busy'/><mac address='{mac}'/><rom enabled='no'/></interface></devices></domain>"""
RANGE = "10.77.0.10-10.77.0.99"
JOURNAL = """cat >/bin/journalctl <<'X'
#!/bin/sh
awk 'BEGIN { for (i = 0; i < 3000; i++) printf "2026-11-%02dT%02d:%02d:01+0000 web01 dhclient[9]: DHCPREQUEST for 10.79.0.10 on eth0 to 10.79.0.1 port 67\\n",
  1 + i / 1440, i / 60 % 24, i % 60; print "2026-11-03T02:01:01+0000 web01 kernel: watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [sh:71]" }'
X
chmod +x /bin/journalctl"""


@pytest.fixture(scope="module")
def net() -> Iterator[Net]:
    with networked() as found:
        path = found.cage.base / "home1.xml"
        found.define(HOME.format(log=found.cage.base / "dnsmasq.log"), name="home")
        guest = HomeGuest(found)
        boot = boot_files(found.cage.base)
        # A TSC that is measured while the host is busy makes a minute of the guest's as short as 46 s.
        path.write_text(boot.domain("home1", guest.console, guest.devices(), cmdline="clocksource=hpet"))
        found.cage.virsh("create", str(path))  # it boots while others are tested
        found.define(BUSY, name="busy")
        dhcp = "<dhcp><range start='10.78.1.2' end='10.78.1.9'/></dhcp>"
        found.define(PLAIN.format(name="asleep", bridge="vbr-asleep", third=1, dhcp=dhcp), start=False)
        found.define(PLAIN.format(name="mute", bridge="vbr-mute", third=2, dhcp=""), name="mute")
        found.define("<network><name>lan</name><forward mode='bridge'/><bridge name='br0'/></network>", start=False)
        yield found


@pytest.fixture(scope="module")
def guest(net: Net) -> HomeGuest:
    return HomeGuest(net)


@pytest.fixture(scope="module")
def clients(net: Net) -> Iterator[tuple[Hammer, ...]]:
    with hammers(net, "vbr-busy", 4) as found:
        path = net.cage.base / "web01.xml"
        path.write_text(DOMAIN.format(mac=found[0].mac))
        net.cage.virsh("define", str(path))
        yield found


@pytest.fixture(scope="module")
def sixth(net: Net) -> Iterator[Hammer]:
    with hammers(net, "vbr-busy", 1, "ip6", "tests.dhcp6_client") as (found,):
        yield found


def spans(net: Net, *words: str) -> list[tuple[int, int]]:
    found = re.findall(r"<range start='(10[\d.]+)' end='([\d.]+)'", net.xml("busy", *words))
    return [(int(ipaddress.ip_address(a)), int(ipaddress.ip_address(b))) for a, b in found]


def all_served(net: Net) -> bool:
    first, last = (int(ipaddress.ip_address(one)) for one in RANGE.split("-"))
    return all(any(a <= number <= b for a, b in spans(net)) for number in range(first, last + 1))


def test_all_is_shown_as_it_is(net: Net, clients: tuple[Hammer, ...]) -> None:
    networks = {one["name"]: one for one in net.json()["networks"]}
    busy, asleep = networks["busy"], networks["asleep"]
    assert (busy["active"], busy["persistent"], busy["dnsmasq"]["alive"], busy["serves_dhcp"]) == (True,) * 4
    assert [(r["start"], r["live_s"], r["kept_s"], r["dnsmasq_s"], r["applies_s"]) for r in busy["ranges"]] == [
        ("10.77.0.10", 120, 120, 120, 120),
        ("fd00:91::10", None, None, None, 86_400),
    ]
    assert [(h["name"], h["live_s"], h["dnsmasq_s"], h["in_dnsmasq"]) for h in busy["hosts"]] == [
        ("h-inf", 0, 0, True),
        ("h-def", None, None, True),
        ("six", None, None, True),
    ]
    leases = {one["mac"]: one for one in busy["leases"]}
    assert leases[clients[0].mac]["guest"] == "web01"
    assert leases[clients[0].mac]["host_name"] == "hammer0"
    assert leases[clients[0].mac]["ip"] == clients[0].address()
    assert leases[clients[0].mac]["lines_per_day"] == 2880
    assert busy["lines_per_day"] == 4 * 2880
    assert (asleep["active"], asleep["ranges"][0]["kept_s"], asleep["ranges"][0]["applies_s"]) == (False, None, 3600)
    text = net.said("busy")
    assert "crazytrain lease busy --set 24h" in text
    assert "not set (24 h)" in text


def test_a_dry_run_changes_no_byte(net: Net, clients: tuple[Hammer, ...]) -> None:
    before = net.files()
    for words in (("--set", "24h"), ("--set", "2d", "--mac", "h-def")):
        assert "nothing was changed" in net.said("busy", *words, "--dry-run")
    assert {path for path, data in net.files().items() if data != before.get(path)} == set()
    assert not clients[0].lines("NAK")


def test_nobody_is_refused_while_it_is_set_and_undone(net: Net, clients: tuple[Hammer, ...]) -> None:
    """Ctrl-C in the midst of the second change waits until that is done, too."""
    before = net.xml("busy"), net.xml("busy", "--inactive")
    counted = sum(len(one.leases()) for one in clients)
    change = net.json("busy", "--set", "24h", "--range", RANGE, "--yes")["change"]
    assert change["steps"] == 6
    assert "its own files say so" in change["verified"][1]
    all_have(clients, 86_400)
    status, said = net.stopped_at(1, signal.SIGINT, "busy", "--set", "5h", "--range", RANGE, "--yes")
    assert (status, "finishing first" in said) == (0, True), said
    assert "dhcp-range=10.77.0.10,10.77.0.99,255.255.255.0,5h" in net.conf("busy")
    all_have(clients, 18_000)
    net.said("busy", "--undo", "--yes")
    all_have(clients, 86_400)
    net.said("busy", "--undo", "--yes")
    assert (net.xml("busy"), net.xml("busy", "--inactive")) == before
    all_have(clients, 120)
    until(lambda: sum(len(one.leases()) for one in clients) >= counted + 200, "200 renewals")
    for one in clients:
        assert (one.lines("NAK"), len(one.lines("BOUND"))) == ([], 1), one.mac


def all_have(clients: tuple[Hammer, ...], seconds: int) -> None:
    """Wait until each has renewed with the new time."""
    for one in clients:
        until(lambda one=one: one.leases()[-1] == seconds, f"{one.mac} gets {seconds} s")


def test_killed_between_any_two_steps_every_address_is_served_and_undo_brings_all_back(
    net: Net, clients: tuple[Hammer, ...]
) -> None:
    before = net.xml("busy"), net.xml("busy", "--inactive")
    for step in (2, 1, 2):  # each run goes on where the one before was killed: after 2, 3 and 5 of 6 steps
        status, _ = net.stopped_at(step, signal.SIGKILL, "busy", "--set", "24h", "--range", RANGE, "--yes")
        assert status == -signal.SIGKILL
        assert all_served(net)
        for one in clients:
            one.is_served()
    assert any("was cut off" in note for note in net.json("busy")["networks"][0]["notes"])
    assert net.xml("busy") != before[0]
    net.said("busy", "--undo", "--yes")
    assert (net.xml("busy"), net.xml("busy", "--inactive")) == before
    assert not any(one.lines("NAK") for one in clients)


def test_hosts_and_ipv6_and_undo_refuses_what_others_have_changed_since(
    net: Net, clients: tuple[Hammer, ...], sixth: Hammer
) -> None:
    before = net.xml("busy"), net.xml("busy", "--inactive")
    pid = net.json("busy")["networks"][0]["dnsmasq"]["pid"]
    for host in ("52:54:00:77:00:04", "0:3:0:1:0:16:3e:11:22:33"):
        change = net.json("busy", "--set", "3d", "--mac", host, "--yes")["change"]
        assert change["steps"] == 1
    assert net.json("busy")["networks"][0]["dnsmasq"]["pid"] == pid  # it was told to read its hosts again
    hosts = (net.cage.base / "lib" / "dnsmasq" / "busy.hostsfile").read_text().splitlines()
    assert "52:54:00:77:00:04,10.77.0.7,h-def,72h" in hosts
    assert "id:0:3:0:1:0:16:3e:11:22:33,six,[fd00:91::6],72h" in hosts
    theirs = "<host mac='52:54:00:77:00:02' name='h-inf' ip='10.77.0.{}'><lease expiry='0'/></host>"
    net.cage.virsh("net-update", "busy", "modify", "ip-dhcp-host", theirs.format(8), "--live", "--config")
    refused = net.ours("busy", "--undo", "--yes")
    assert (refused.returncode, "changed by others" in refused.stderr) == (1, True), refused.stderr
    net.cage.virsh("net-update", "busy", "modify", "ip-dhcp-host", theirs.format(5), "--live", "--config")
    for _ in range(2):
        net.said("busy", "--undo", "--yes")
    assert (net.xml("busy"), net.xml("busy", "--inactive")) == before
    net.said("busy", "--set", "12h", "--range", "fd00:91::10-fd00:91::ff", "--yes")
    assert "dhcp-range=fd00:91::10,fd00:91::ff,64,12h" in net.conf("busy")
    until(lambda: sixth.leases()[-1] == 43_200, "the DHCPv6 client gets 12 h")
    assert (sixth.leases()[0], sixth.lines("NAK"), len(sixth.lines("BOUND"))) == (86_400, [], 1)
    assert [one["mac"] for one in net.json("busy")["networks"][0]["leases"] if one["ip"] == sixth.address()] == [
        sixth.mac
    ]
    assert not any(one.lines("NAK") for one in clients)


def test_networks_that_are_not_active_or_not_kept(net: Net) -> None:
    change = net.json("asleep", "--set", "24h", "--yes")["change"]
    assert any("not active" in note for note in change["notes"])
    assert "expiry='24' unit='hours'" in net.xml("asleep", "--inactive")
    net.said("asleep", "--undo", "--yes")
    path = net.cage.base / "passing.xml"
    dhcp = "<dhcp><range start='10.78.3.2' end='10.78.3.9'/></dhcp>"
    path.write_text(PLAIN.format(name="passing", bridge="vbr-passing", third=3, dhcp=dhcp))
    net.cage.virsh("net-create", str(path))
    change = net.json("passing", "--set", "infinite", "--yes")["change"]
    assert any("transient" in note for note in change["notes"])
    assert "dhcp-range=10.78.3.2,10.78.3.9,255.255.255.0,infinite" in net.conf("passing")
    with hammers(net, "vbr-passing", 1, "forever"):
        (lease,) = net.json("passing")["networks"][0]["leases"]
        assert (lease["infinite"], lease["expires_s"], lease["lines_per_day"]) == (True, None, 0)
        shown = net.said("passing")
    assert "never" in shown
    assert "1970" not in shown


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (("busy", "--set", "24h"), 65, "--dry-run"),
        (("busy", "--set", "119s", "--yes"), 65, "minimum of 120 s"),
        (("busy", "--set", "5 fortnights", "--yes"), 65, "24h"),
        (("nix", "--set", "24h", "--yes"), 66, "There are: "),
        (("mute", "--set", "24h", "--yes"), 65, "no DHCP"),
        (("lan", "--set", "24h", "--yes"), 65, "mode bridge"),
        (("--connect", "qemu+unix:///system?socket=/nix"), 1, "libvirtd"),
    ],
)
def test_what_cannot_be_done_is_refused_with_the_next_step(
    net: Net, words: tuple[str, ...], status: int, says: str
) -> None:
    before = net.files()
    done = net.ours(*words)
    assert (done.returncode, says in done.stderr, done.stderr.count("Traceback")) == (status, True, 0), done.stderr
    assert net.files() == before


def test_why_tells_of_a_guest_how_often_it_renews(net: Net, clients: tuple[Hammer, ...]) -> None:
    net.cage.virsh("start", "web01")
    environment: Any = net.environment()
    by_options = ("busy", "--set", "24h", "--by-options", "--restart-network", "--yes")
    try:
        said = net.cage.run(*WHY, "web01", "--for", "1", "--json", limit_s=120, **environment)
        refused = net.ours(*by_options)
    finally:
        net.cage.virsh("destroy", "web01")
    report = json.loads(said)
    (told,) = (one for one in report["story"] if "by DHCP from network busy" in one["says"])
    assert clients[0].address() in told["says"]
    assert "2,880 lines in its log a day (`crazytrain lease busy --set 24h` makes that 4)" in told["says"]
    (seen,) = (one for one in report["evidence"] if one["id"] == "lease")
    assert (seen["outcome"], seen["cost"]["rung"]) == ("ok", "reads")
    assert (refused.returncode, "web01" in refused.stderr) == (1, True), refused.stderr
    assert "master vbr-busy" in refused.stderr


def test_an_old_libvirt_can_have_dnsmasq_do_it(net: Net) -> None:
    net.cage.virsh("net-start", "asleep")
    before = net.xml("asleep", "--inactive")
    change = net.json("asleep", "--set", "24h", "--by-options", "--restart-network", "--yes")["change"]
    assert "dnsmasq --test accepts" in change["verified"][0]
    with hammers(net, "vbr-asleep", 1, "old") as (one,):
        until(lambda: one.leases()[-1:] == [86_400], "renews with 24 h")
        assert net.json("asleep")["networks"][0]["leases"][0]["lease_s"] == 86_400
    net.said("asleep", "--undo", "--yes")
    assert net.xml("asleep", "--inactive") == before


def test_an_ordinary_user_sees_and_may_not_set(net: Net) -> None:
    drop = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
    environment: Any = net.environment(user=True)
    seen = net.cage.tried(*drop, *OURS, "lease", "busy", **environment)
    assert seen.returncode == 0, seen.stderr
    assert "may not be seen" in seen.stdout
    refused = net.cage.tried(*drop, *OURS, "lease", "busy", "--set", "24h", "--yes", **environment)
    assert (refused.returncode, "root" in refused.stderr) == (77, True), refused.stderr
    member = net.ours("busy", "--set", "3d", "--mac", "h-def", "--yes", user=True)
    assert (member.returncode, "may not be seen by this user" in member.stdout) == (0, True), member.stderr
    assert net.ours("busy", "--undo", "--yes", user=True).returncode == 0


def test_without_libvirt_it_says_so(net: Net) -> None:
    hidden = net.cage.base / "no-virsh"
    hidden.write_text("")
    environment: Any = net.environment()
    script = f'mount --bind {hidden} "$(command -v virsh)" && exec "$@"'
    done = net.cage.tried("unshare", "--mount", "sh", "-c", script, "sh", *OURS, "lease", **environment)
    assert (done.returncode, "virsh is not installed" in done.stderr) == (69, True), done.stderr


def test_the_clients_would_notice_a_gap(net: Net) -> None:
    """The control: the plain way, a moment without the range, and dnsmasq refuses who renews."""
    bare = "<range start='10.77.0.10' end='10.77.0.99'/>"
    whole = "<range start='10.77.0.10' end='10.77.0.99'><lease expiry='2' unit='minutes'/></range>"
    with hammers(net, "vbr-busy", 1, "control") as (one,):
        net.cage.virsh("net-update", "busy", "delete", "ip-dhcp-range", bare, "--parent-index", "0", "--live")
        until(lambda: one.lines("NAK"), "it is refused")
        net.cage.virsh("net-update", "busy", "add-last", "ip-dhcp-range", whole, "--parent-index", "0", "--live")
        until(lambda: len(one.lines("BOUND")) > 1, "it has an address again")


# A real guest that renews as guests do: what is computed from its lease is what is counted in the logs, before and after a longer one.


def dhcp_flood(log: dict[str, Any]) -> dict[str, Any]:
    (found,) = (one for one in log["floods"] if one["dhcp"])
    flood: dict[str, Any] = found
    return flood


def test_a_line_a_day_that_is_computed_is_one_that_is_counted(net: Net, guest: HomeGuest) -> None:
    """A loaded machine makes a renewal late by some seconds, which is why the figures are near and not the same."""
    guest.asked(2)  # the second time by itself, after half of its lease
    (home,) = net.json("home")["networks"]
    assert [(one["guest"], one["lines_per_day"]) for one in home["leases"]] == [("home1", 2880)] * 2
    counted = dhcp_flood(guest.logs(str(guest.dnsmasq)))
    assert counted["per_day"] == pytest.approx(home["lines_per_day"], rel=0.25)
    assert (counted["dhcp"]["clients"], counted["dhcp"]["then_lines_per_day"]) == (2, 8)
    said = guest.told(str(guest.dnsmasq))
    assert re.search(
        r"every \d+ s by each of 2 clients: lease about \d+ s on network home; `crazytrain lease home --set 24h`",
        said,
    ), said


def test_its_own_log_says_the_same(guest: HomeGuest) -> None:
    guest.asked(2)
    guest.settles(lambda: guest.counts("lease of .* obtained") >= 4)  # it logs once its script has run
    log = guest.logs("guest:home1", "--top", "0")
    assert log["sources"][0]["name"] == "home1:/var/log/messages"
    assert any("there is no journalctl" in note for note in log["notes"])
    own = dhcp_flood(log)
    assert (own["program"], own["dhcp"]["lease_s"], own["dhcp"]["clients"]) == ("udhcpc", 120, 2)
    assert 15 <= own["dhcp"]["every_s"] <= 75  # a question that was lost on a loaded machine is asked again
    assert own["dhcp"]["command"] == "crazytrain lease home --set 24h"
    assert (
        4 <= guest.counts("lease of .* obtained") <= 2 + guest.counts("sending renew")
    )  # two lines a renewal, as is computed
    assert "GUEST UP" in guest.told(str(guest.console))


def test_it_takes_a_longer_lease_at_its_renewal_and_keeps_its_address(net: Net, guest: HomeGuest) -> None:
    guest.asked(1)
    before = guest.addresses()
    net.said("home", "--set", "24h", "--yes")
    guest.does("kill -USR1 $(cat /run/udhcpc.eth0) $(cat /run/udhcpc.eth1)")  # renew now, not in a minute
    guest.settles(
        lambda: all(one["expires_s"] > time.time() + 80_000 for one in net.json("home")["networks"][0]["leases"])
    )
    (home,) = net.json("home")["networks"]
    assert [one["lease_s"] for one in home["leases"]] == [86_400, 86_400]
    assert home["lines_per_day"] == 8
    assert guest.addresses() == before == [{"10.79.0.10"}, {"10.79.0.11"}]
    assert not [line for line in guest.dnsmasq.read_text().splitlines() if "DHCPNAK" in line]
    assert "10.79.0.10" in guest.does("ip addr show eth0")
    dhcp = dhcp_flood(guest.logs("guest:home1", "--top", "0"))["dhcp"]
    assert (dhcp["lease_s"], dhcp["lease_said"], dhcp["command"]) == (86_400, True, "")


def test_its_journal_comes_by_the_agent(guest: HomeGuest) -> None:
    """A stand-in for journalctl, which busybox has not; the way to it and back is the real one."""
    guest.does(JOURNAL)
    log = guest.logs("guest:home1")
    guest.does("rm /bin/journalctl")
    assert (log["sources"][0]["name"], log["lines"]) == ("home1: its journal", 3001)
    flood = dhcp_flood(log)
    assert (flood["lines"], flood["dhcp"]["network"], flood["dhcp"]["interface"]) == (3000, "home", "eth0")
    assert [one["matters"] for one in log["shown"]] == ["soft lockup"]


def test_an_ordinary_user_is_told_what_is_missing(net: Net, guest: HomeGuest) -> None:
    drop = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
    environment: Any = net.environment(user=True)
    for source, says in (("guest:home1", "the group libvirt"), (str(guest.console), "may not be read")):
        done = net.cage.tried(*drop, *OURS, "logs", source, **environment)
        assert (done.returncode, says in done.stderr, "Traceback" in done.stderr) == (77, True, False), done.stderr
