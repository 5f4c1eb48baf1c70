"""Names for the shell to complete."""

from collections.abc import Sequence


def guest_names(incomplete: str) -> Sequence[str]:
    """Names of the guests that run here and begin so; none where they cannot be told, for a shell waits for the answer."""
    from crazytrain.collect import discover
    from crazytrain.decode.command_line import config_of
    from crazytrain.host import LiveHost
    from crazytrain.host.loop import run

    try:
        found = run(discover.guests(LiveHost(), config_of))
    except OSError:
        return []
    fitting = {guest.name for guest in found if guest.name.startswith(incomplete) and guest.name.isprintable()}
    return sorted(fitting)
