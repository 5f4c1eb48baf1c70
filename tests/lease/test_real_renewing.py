"""A real guest that renews as guests do: what is computed from its lease is what is counted in the logs, before and after a longer one.

Its agent is asked through libvirt, its syslogd writes /var/log/messages, dnsmasq writes a log of its own.
"""

import re
import time
from typing import Any

import pytest

from tests.lease.cage_net import OURS, Net
from tests.lease.home_guest import HomeGuest

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]

JOURNAL = """cat >/bin/journalctl <<'X'
#!/bin/sh
awk 'BEGIN { for (i = 0; i < 3000; i++) printf "2026-11-%02dT%02d:%02d:01+0000 web01 dhclient[9]: DHCPREQUEST for 10.79.0.10 on eth0 to 10.79.0.1 port 67\\n",
  1 + i / 1440, i / 60 % 24, i % 60; print "2026-11-03T02:01:01+0000 web01 kernel: watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [sh:71]" }'
X
chmod +x /bin/journalctl"""


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
    assert counted["per_day"] == pytest.approx(home["lines_per_day"], rel=0.15)
    assert (counted["dhcp"]["clients"], counted["dhcp"]["then_lines_per_day"]) == (2, 8)
    said = guest.told(str(guest.dnsmasq))
    assert re.search(
        r"every \d+ s by each of 2 clients: lease about 1\d\d s on network home; `crazytrain lease home --set 24h`",
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
    assert own["dhcp"]["every_s"] == pytest.approx(60, rel=0.15)
    assert own["dhcp"]["command"] == "crazytrain lease home --set 24h"
    renewed = guest.counts("sending renew")
    assert guest.counts("lease of .* obtained") == 2 + renewed  # two lines a renewal, as is computed
    assert "lease of 10.79.0." in guest.told(str(guest.console))


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
    net.said("home", "--undo", "--yes")


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
