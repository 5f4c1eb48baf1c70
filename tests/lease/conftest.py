"""One cage with networks for all tests of leases: the clients hammer one network, a real guest renews on another as guests do."""

from collections.abc import Iterator

import pytest

from tests.agent_guest import boot_files
from tests.lease.cage_net import Net, networked
from tests.lease.home_guest import HomeGuest
from tests.lease.networks_xml import BUSY, HOME, PLAIN


@pytest.fixture(scope="session")
def net() -> Iterator[Net]:
    with networked() as found:
        path = found.cage.base / "home1.xml"
        found.define(HOME.format(log=found.cage.base / "dnsmasq.log"), name="home")
        guest = HomeGuest(found)
        path.write_text(boot_files(found.cage.base).domain("home1", guest.console, guest.devices()))
        found.cage.virsh("create", str(path))  # it boots while others are tested
        found.define(BUSY, name="busy")
        dhcp = "<dhcp><range start='10.78.1.2' end='10.78.1.9'/></dhcp>"
        found.define(PLAIN.format(name="asleep", bridge="vbr-asleep", third=1, dhcp=dhcp), start=False)
        found.define(PLAIN.format(name="mute", bridge="vbr-mute", third=2, dhcp=""), name="mute")
        found.define("<network><name>lan</name><forward mode='bridge'/><bridge name='br0'/></network>", start=False)
        yield found


@pytest.fixture(scope="session")
def guest(net: Net) -> HomeGuest:
    return HomeGuest(net)
