"""What the balloon did: the difference between the first and the last time that it was asked about."""

from crazytrain.model.facts import Facts
from crazytrain.model.facts.services import Balloon, BalloonUse


def derive_balloon(facts: Facts) -> BalloonUse | None:
    """Compare the first and the last reading; ``None`` with fewer than two."""
    readings = sorted(facts.all(Balloon), key=lambda reading: reading.mono_ns)
    window_ns = readings[-1].mono_ns - readings[0].mono_ns if readings else 0
    if window_ns <= 0:
        return None
    return BalloonUse(
        window_ns=window_ns,
        actual_bytes=readings[-1].actual_bytes,
        grown_bytes=readings[-1].actual_bytes - readings[0].actual_bytes,
        refs=(*readings[0].refs, *readings[-1].refs),
    )
