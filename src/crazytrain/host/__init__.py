"""The only door to the machine: files under a root, commands, sockets, clocks, limits. A live one and a fake one."""

from crazytrain.host.door import Finished, Host, outcome_of
from crazytrain.host.fake import FakeHost
from crazytrain.host.live import LiveHost

__all__ = ["FakeHost", "Finished", "Host", "LiveHost", "outcome_of"]
