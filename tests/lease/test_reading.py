"""What virsh and dnsmasq's files say, read: also what is hostile, cut off or not there."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from crazytrain.decode.dnsmasq_files import by_hand, hosts_of, leases_in_table, leases_of, ranges_of
from crazytrain.decode.network_xml import definition_of, element_of
from crazytrain.decode.networks import all_names, decode_networks, elements_of, version_of
from crazytrain.derive.lease_view import network_view
from crazytrain.derive.leases import derive_guest_leases, lease_that_applies, load_of
from crazytrain.model.bundle import Part
from crazytrain.model.evidence import Outcome
from crazytrain.model.facts import Facts
from crazytrain.model.facts.networks import Attached, DhcpNetwork, LeaseGiven
from crazytrain.model.lease_report import LeaseReport
from crazytrain.model.xml_element import differences
from crazytrain.report.lease_story import lease_story
from crazytrain.report.lease_text import WIDTH, lease_lines
from tests.lease.making import CONF, STAT, evidence, network, seen, xml

TABLE = """ 2026-11-23 18:00:00   52:54:00:11:22:33   ipv4       192.168.122.40/24   web01      ff:1
 1970-01-01 00:00:00   52:54:00:11:22:34   ipv4       192.168.122.41/24   -          -
"""


def only(**changes: bytes) -> DhcpNetwork:
    (found,) = (one for one in decode_networks(seen(**changes)) if isinstance(one, DhcpNetwork))
    return found


def text(*networks: DhcpNetwork) -> str:
    report = LeaseReport(networks=tuple(network_view(one) for one in networks))
    return "\n".join(line.text for line in lease_lines(report))


def test_a_network_is_read_with_all_that_runs_of_it() -> None:
    found = only()
    assert found.live is not None
    assert found.live == found.kept
    assert (found.live.bridge, found.live.forward, found.live.serves) == ("virbr0", "nat", True)
    assert [r.lease_s for ip in found.live.ips for r in ip.ranges] == [120, None]
    assert (found.dnsmasq.pid, found.dnsmasq.start_ticks, found.dnsmasq.alive) == (812, 5611, True)
    assert found.dnsmasq.ranges == tuple(r for ip in found.live.ips for r in ip.ranges)
    assert found.guests == (Attached(guest="web one", mac="52:54:00:11:22:33", tap="vnet0"),)
    assert found.leases == (
        LeaseGiven(
            ip="192.168.122.40", mac="52:54:00:11:22:33", host_name="web01", expires_s=1700000060, guest="web one"
        ),
        LeaseGiven(ip="192.168.122.41", mac="52:54:00:11:22:34", client_id="ff:1", expires_s=None),
    )
    assert version_of(seen()) == (9, 0, 0)
    assert all_names(seen()) == ("default",)


def test_each_client_is_counted_by_the_lease_that_applies_to_it() -> None:
    load = load_of(only())
    assert load is not None
    assert [one.lines_per_day for one in load.loads] == [2880, 2880]
    assert load.renewals_per_day == 2880
    definition = definition_of(network())
    assert lease_that_applies(definition, "192.168.122.5", "52:54:00:77:00:02") == (120, False)  # its range's
    assert lease_that_applies(definition, "fd00:91::11", "") == (86_400, False)  # dnsmasq's own


def test_a_lease_that_is_over_is_not_counted() -> None:
    load = load_of(only(wall_ns=b"1800000000000000000"))
    assert load is not None
    assert [one.given.ip for one in load.loads] == ["192.168.122.41"]


def test_never_is_not_1970() -> None:
    shown = text(only())
    assert "never" in shown
    assert "1970" not in shown
    assert "in 60 s" in shown


def test_host_names_of_guests_are_harmless_and_bounded() -> None:
    row = {
        "ip-address": "192.168.122.40",
        "mac-address": "52:54:00:11:22:33",
        "hostname": "\x1b[31mweb\u202e" + "x" * 5000,
        "expiry-time": 1700000060,
    }
    shown = text(only(net_default_status=msgspec.json.encode([row])))
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "\\x1b[31mweb" in shown
    assert max(len(line) for line in shown.splitlines()) < 2 * WIDTH


def test_what_may_not_be_seen_is_said() -> None:
    parts = [
        Part("nets/all", b"default\n"),
        Part("nets/active", b"default\n"),
        Part("net/default/live", xml().encode()),
        Part("net/default/leases", TABLE.encode()),
        Part("net/default/conf", outcome=Outcome.DENIED),
        Part("net/default/status", outcome=Outcome.DENIED),
        Part("net/default/pid", b"812\n"),
        Part("net/default/stat", STAT),
        Part("net/default/cmdline", b"/usr/sbin/dnsmasq\0--conf-file=/var/lib/libvirt/dnsmasq/default.conf\0"),
    ]
    (found,) = (one for one in decode_networks(evidence(parts)) if isinstance(one, DhcpNetwork))
    assert found.dnsmasq.ranges is None
    view = network_view(found)
    assert view.ranges[0].in_dnsmasq is None
    assert view.leases is not None
    assert [(one.infinite, one.expires_s) for one in view.leases] == [(False, None), (True, None)]
    assert "may not be seen (default.conf: denied)" in text(found)
    assert "not seen" in text(found)


def test_a_dnsmasq_that_died_is_said() -> None:
    assert "nobody gets or renews an address" in text(only(net_default_stat=b""))
    zombie = STAT.replace(b") S ", b") Z ")
    assert "nobody gets or renews an address" in text(only(net_default_stat=zombie))
    other = only(net_default_cmdline=b"/usr/sbin/dnsmasq\0--conf-file=/etc/dnsmasq.conf\0")
    assert other.dnsmasq.alive is False


def test_what_dnsmasq_runs_with_differs_from_what_is_set() -> None:
    shown = text(only(net_default_conf=CONF.replace(",2m", ",1h").encode()))
    assert "dnsmasq runs with other ranges or lease times" in shown
    view = network_view(only(net_default_conf=CONF.replace(",2m", ",1h").encode()))
    assert (view.ranges[0].live_s, view.ranges[0].dnsmasq_s, view.ranges[0].applies_s) == (120, 3600, 3600)


def test_persistent_and_live_are_told_apart() -> None:
    found = only(net_default_kept=xml(lease="<lease expiry='0'/>").encode())
    view = network_view(found)
    assert (view.ranges[0].live_s, view.ranges[0].kept_s) == (120, 0)
    assert "next start of this network takes other DHCP settings" in text(found)


def test_options_past_libvirt_are_named() -> None:
    assert by_hand("dhcp-host=52:54:00:*:*:*,24h\ndhcp-range=10.0.0.1,10.0.0.2\nlog-dhcp\ndhcp-option=58,30\n") == (
        "dhcp-host=52:54:00:*:*:*,24h",
        "dhcp-option=58,30",
    )


def test_a_pattern_in_the_options_applies_to_who_has_no_host() -> None:
    option = "<dnsmasq:options><dnsmasq:option value='dhcp-host=52:54:00:*:*:*,24h'/></dnsmasq:options>"
    definition = definition_of(network(more=option))
    assert lease_that_applies(definition, "192.168.122.40", "52:54:00:11:22:33") == (86_400, False)
    assert lease_that_applies(definition, "192.168.122.40", "52:55:00:11:22:33") == (120, False)
    assert lease_that_applies(definition, "192.168.122.5", "52:54:00:77:00:02") == (120, False)


def test_lines_of_dnsmasq_as_libvirt_writes_them() -> None:
    hosts = "52:54:00:77:00:02,10.77.0.5,h-inf,infinite\n52:54:00:77:00:04,10.77.0.7,h-def\nid:0:3:0:1,six,[fd00:91::6],3h\nid:0:4,[fd00::7]\n"
    assert [(h.mac, h.duid, h.name, h.ip, h.lease_s) for h in hosts_of(hosts)] == [
        ("52:54:00:77:00:02", "", "h-inf", "10.77.0.5", 0),
        ("52:54:00:77:00:04", "", "h-def", "10.77.0.7", None),
        ("", "0:3:0:1", "six", "fd00:91::6", 10_800),
        ("", "0:4", "", "fd00::7", None),
    ]
    conf = (
        "dhcp-range=10.77.0.1,static\ndhcp-range=fd00::10,fd00::ff,64,4h\ndhcp-range=10.0.0.1,10.0.0.2,255.255.255.0\n"
    )
    assert [(r.start, r.lease_s) for r in ranges_of(conf)] == [("fd00::10", 14_400), ("10.0.0.1", None)]


@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_passed_over(data: bytes) -> None:
    words = data.decode("utf-8", "replace")
    leases_of(data), leases_in_table(words), ranges_of(words), hosts_of(words), by_hand(words)
    found = element_of(words)
    if found:
        definition_of(found)
    changes = ("net_default_live", "net_default_status", "net_default_stat", "domains", "version")
    for name in changes:
        for one in decode_networks(seen(**{name: data})):
            assert isinstance(one, DhcpNetwork)
            text(one)


def test_xml_comes_back_as_it_was() -> None:
    found, _ = elements_of(seen(), "default")
    assert found is not None
    again = element_of(found.written())
    assert again is not None
    assert list(differences(found, again)) == []
    assert element_of("<network><name>a&amp;b&lt;</name></network>") == element_of(
        element_of("<network><name>a&amp;b&lt;</name></network>").written()  # type: ignore[union-attr]
    )


def test_differences_name_their_place() -> None:
    found = list(differences(network(), network(lease="", more="<dns/>")))
    assert found == [
        "/network/ip/dhcp/range: <lease expiry='2' unit='minutes'/> is gone",
        "/network: <dns/> is new",
    ]
    (said,) = differences(network(), element_of(xml().replace("connections='3'", "connections='4'")) or network())
    assert said == "/network: connections was '3', is '4'"
    assert not list(
        differences(network(), element_of(xml().replace("'3'", "'4'")) or network(), frozenset({"connections"}))
    )


def test_the_story_of_a_guest_names_the_way_out() -> None:
    facts = Facts(decode_networks(seen()))
    leases = derive_guest_leases(facts)
    assert leases is not None
    (told,) = lease_story(facts.plus(leases))
    assert "1,440 renewals, 2,880 lines in its log a day" in told.says
    assert "crazytrain lease default --set 24h" in told.says
    assert told.evidence[0].startswith("networks:")
    assert derive_guest_leases(Facts()) is None
