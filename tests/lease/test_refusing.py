"""What is refused before anything is changed, by a libvirt that is made up: old ones, hosts that cannot be told apart, lonely addresses."""

import asyncio
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from crazytrain.collect.networks import Where
from crazytrain.host.door import Finished
from crazytrain.host.fake import FakeHost
from crazytrain.model.errors import BadInput, CrazytrainError, MissingTool, NoSuchNetwork, NotAllowed
from crazytrain.model.evidence import Outcome
from crazytrain.pipeline_lease import Asked, Restart, changed, dry, is_done, planned, planned_by_options, undoing
from crazytrain.remedy.lease import Hands, Seen
from crazytrain.remedy.lease_options import check_option, with_option
from crazytrain.remedy.lease_wanted import Wish
from tests.lease.making import CONF, STAT, STATUS, TWO_MINUTES, network, xml

DAY = Wish(seconds=86_400)
_TIME = "\n\n(Time: 1.000 ms)\n\n"


class MadeUp(FakeHost):
    """A virsh that answers from what it was given, and says yes to every change without making it."""

    def __init__(self, live: str, *, version: str = "9.0.0", stderr: bytes = b"", status: int = 0) -> None:
        base = "/var/lib/libvirt/dnsmasq"
        super().__init__(
            {
                f"{base}/default.conf": CONF.encode(),
                f"{base}/default.hostsfile": b"52:54:00:77:00:02,192.168.122.5,h1\n",
                f"{base}/virbr0.status": STATUS.replace(b"1700000060", b"9700000060"),
                "/run/libvirt/network/default.pid": b"812\n",
                "/proc/812/stat": STAT,
                "/proc/812/cmdline": b"dnsmasq\0--conf-file=/var/lib/libvirt/dnsmasq/default.conf\0",
            }
        )
        self.live, self.version, self.stderr, self.status = live, version, stderr, status
        self.updates = 0

    async def run(self, argv: Sequence[str], **limits: object) -> Finished:
        del limits
        if "-t" not in argv:
            self.updates += "net-update" in argv
            return Finished(status=self.status, stdout=b"", stderr=self.stderr, outcome=Outcome.OK)
        said = "".join(self.answer(one) + _TIME for one in re.split(r"; (?=')", argv[-1]))
        return Finished(status=0, stdout=said.encode(), stderr=b"", outcome=Outcome.OK)

    def answer(self, command: str) -> str:
        words = command.replace("'", "").split()
        if words[0] == "net-dumpxml":
            return self.live
        if words[0] == "version":
            return f"Running against daemon: {self.version}"
        if words[0] == "net-list":
            return "" if "--autostart" in words else "default"
        if words[0] == "domiflist":
            return "vnet0 network default virtio 52:54:00:11:22:33"
        return "4c17c2a0-c396-46e0-8a27-5b1cf1ebe382 web01" if words[0] == "list" else ""


def asked(host: FakeHost, root: Path) -> Asked:
    return Asked(host=host, where=Where(), root=root, told=lambda _: None)


def refusal(host: FakeHost, root: Path, wish: Wish = DAY, name: str = "default") -> CrazytrainError:
    with pytest.raises(CrazytrainError) as caught:
        asyncio.run(planned(asked(host, root), name, wish, "test"))
    assert not list(root.iterdir())
    return caught.value


def test_an_old_libvirt_is_told_what_it_can_do_and_whom_that_cuts_off(tmp_path: Path) -> None:
    error = refusal(MadeUp(xml(lease=""), version="6.2.0"), tmp_path)
    assert "6.2.0" in error.message
    assert "--by-options" in error.hint
    assert "web01" in error.hint
    asyncio.run(planned(asked(MadeUp(xml(), version="6.3.0"), tmp_path), "default", DAY, "test"))


def test_a_lonely_address_that_somebody_has_is_not_taken_away(tmp_path: Path) -> None:
    lonely = xml().replace("192.168.122.2'", "192.168.122.40'").replace("192.168.122.254'", "192.168.122.40'")
    error = refusal(MadeUp(lonely), tmp_path)
    assert "192.168.122.40 alone" in error.message
    assert "web01 has it now" in error.message
    assert "--mac" in error.hint


def test_a_lonely_address_that_nobody_has_is_set_and_said(tmp_path: Path) -> None:
    lonely = xml().replace("192.168.122.2'", "192.168.122.99'").replace("192.168.122.254'", "192.168.122.99'")
    plan = asyncio.run(planned(asked(MadeUp(lonely), tmp_path), "default", DAY, "test"))
    assert any("192.168.122.99" in note for note in plan.notes)


def test_hosts_that_libvirt_cannot_tell_apart(tmp_path: Path) -> None:
    twins = xml().replace("<host ", "<host mac='52:54:00:77:00:09' name='h1' ip='192.168.122.9'/><host ")
    error = refusal(MadeUp(twins), tmp_path, Wish(seconds=3600, host="52:54:00:77:00:02"))
    assert isinstance(error, BadInput)
    assert "cannot tell" in error.message
    both = refusal(MadeUp(twins), tmp_path, Wish(seconds=3600, host="h1"))
    assert "2 hosts" in both.message


@pytest.mark.parametrize(
    ("wish", "says"),
    [
        (Wish(seconds=3600, within="192.168.122.2-192.168.122.3"), "192.168.122.2-192.168.122.254"),
        (Wish(seconds=3600, within="nonsense"), "START-END"),
        (Wish(seconds=3600, host="nobody"), "h1"),
    ],
)
def test_what_is_not_there_is_answered_by_what_is(tmp_path: Path, wish: Wish, says: str) -> None:
    error = refusal(MadeUp(xml()), tmp_path, wish)
    assert says in error.message + error.hint


def test_a_network_that_is_not_there(tmp_path: Path) -> None:
    error = refusal(MadeUp(xml()), tmp_path, name="defualt")
    assert isinstance(error, NoSuchNetwork)
    assert "default" in error.hint


def test_no_virsh_at_all(tmp_path: Path) -> None:
    assert isinstance(refusal(FakeHost(), tmp_path), MissingTool)


def test_a_connection_that_only_reads(tmp_path: Path) -> None:
    host = MadeUp(xml(), status=1, stderr=b"error: operation forbidden: read only access prevents virNetworkUpdate\n")
    where = asked(host, tmp_path)
    plan = asyncio.run(planned(where, "default", DAY, "test"))
    with pytest.raises(NotAllowed, match="read only"):
        asyncio.run(changed(where, plan))
    assert not list(tmp_path.iterdir())
    assert host.updates == 0


def test_a_libvirt_that_says_yes_and_does_nothing_is_found_out(tmp_path: Path) -> None:
    host = MadeUp(xml())
    where = asked(host, tmp_path)
    plan = asyncio.run(planned(where, "default", Wish(seconds=86_400, host="h1"), "test"))
    with pytest.raises(CrazytrainError, match="did not do"):
        asyncio.run(changed(where, plan))


def test_the_disk_that_takes_no_record_stops_all(tmp_path: Path) -> None:
    host = MadeUp(xml())
    blocked = tmp_path / "file"
    blocked.write_text("")
    where = asked(host, blocked / "leases")
    plan = asyncio.run(planned(where, "default", DAY, "test"))
    with pytest.raises(CrazytrainError, match="cannot be kept"):
        asyncio.run(changed(where, plan))
    assert host.updates == 0


def test_what_dnsmasq_does_not_take_is_not_defined(tmp_path: Path) -> None:
    host = MadeUp(xml(), version="6.2.0", status=1, stderr=b"dnsmasq: illegal repeated keyword at line 22 of stdin\n")
    where = asked(host, tmp_path)
    plan = asyncio.run(planned_by_options(where, "default", 86_400, "test", Restart(asked=False, cut_off=False)))
    with pytest.raises(CrazytrainError, match="illegal repeated keyword") as caught:
        asyncio.run(check_option(hands(host), plan.definition or network()))
    assert caught.value.hint == "Nothing was changed."
    assert any("web01" in note for note in plan.notes)


def hands(host: FakeHost) -> Hands:
    async def see() -> Seen:
        return {}

    return Hands(host=host, uri="", network="default", see=see, told=lambda _: None)


def test_a_network_with_guests_on_it_is_not_restarted(tmp_path: Path) -> None:
    where = asked(MadeUp(xml()), tmp_path)
    with pytest.raises(CrazytrainError, match="web01") as caught:
        asyncio.run(planned_by_options(where, "default", 0, "test", Restart(asked=True, cut_off=False)))
    assert "ip link set vnet0 master virbr0" in caught.value.hint
    asyncio.run(planned_by_options(where, "default", 0, "test", Restart(asked=True, cut_off=True)))


def test_the_option_takes_the_place_of_an_older_one_and_of_nothing_else() -> None:
    other = "<dnsmasq:options><dnsmasq:option value='log-dhcp'/></dnsmasq:options>"
    once = with_option(network(more=other), 86_400)
    twice = with_option(once, 0)
    assert [one.get("value") for one in (twice.first("dnsmasq:options") or twice).inside] == [
        "log-dhcp",
        "dhcp-host=52:54:00:*:*:*,infinite",
    ]
    assert with_option(twice, None) == network(more=other)
    assert with_option(with_option(network(), 7200), None) == network().without_attribute("xmlns:dnsmasq")
    with pytest.raises(BadInput, match="metadata"):
        with_option(network(more="<metadata><x/></metadata>"), 7200)


def test_nothing_to_undo(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="nothing to undo"):
        asyncio.run(undoing(asked(MadeUp(xml()), tmp_path), "default"))


def test_what_is_so_already_takes_no_step(tmp_path: Path) -> None:
    host = MadeUp(xml())
    wish = Wish(seconds=120, within="192.168.122.2-192.168.122.254")
    assert is_done(asyncio.run(planned(asked(host, tmp_path), "default", wish, "test")))


def test_a_dry_run_tells_commands_and_diff(tmp_path: Path) -> None:
    where = asked(MadeUp(xml()), tmp_path)
    report = dry(where, asyncio.run(planned(where, "default", DAY, "test")))
    assert report.change
    assert report.change.dry_run
    assert len(report.change.commands) == 12
    assert report.change.commands[0].startswith("virsh net-update default add-last ip-dhcp-range \"<range start='192")
    assert report.change.edits[0].before.endswith(f"{TWO_MINUTES}</range>")
    assert report.change.edits[0].places == ("live", "config")
    assert not list(tmp_path.iterdir())
