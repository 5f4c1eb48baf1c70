"""The only door to the machine: files under a root, commands, sockets, clocks, limits. A live one and a fake one."""

from typing import TYPE_CHECKING

from crazytrain.host.door import Finished, Host, outcome_of

if TYPE_CHECKING:
    from crazytrain.host.fake import FakeHost
    from crazytrain.host.live import LiveHost

__all__ = ["FakeHost", "Finished", "Host", "LiveHost", "outcome_of"]


def __getattr__(name: str) -> object:
    """Load a host when it is asked for: the child without privileges is in this room, too, and starts in half the time without."""
    if name == "LiveHost":
        from crazytrain.host.live import LiveHost  # noqa: PLC0415 - see above

        return LiveHost
    if name == "FakeHost":
        from crazytrain.host.fake import FakeHost  # noqa: PLC0415 - see above

        return FakeHost
    raise AttributeError(name)
