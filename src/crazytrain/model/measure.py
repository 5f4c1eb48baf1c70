"""Measures: what is compared between two guests, each with what is needed to say how sure its figure is.

Measures are matched by meaning (role of the thread, call, role of the descriptor, interrupt line, port, exit reason), never by the
number of a descriptor or thread.
"""

import msgspec

from crazytrain.model.evidence import Ref


class Spread(msgspec.Struct, frozen=True):
    """How much counts vary more than chance alone would have it: variance over mean, from ``freedom`` + 1 parts of the window.

    ``freedom`` 0: the window could not be divided, and nothing is known.
    """

    factor: float = 1.0
    freedom: int = 0


class Events(msgspec.Struct, frozen=True, kw_only=True):
    """Things that were counted. ``window_ns`` is ``None`` where the text holds no times; ``out_of`` are all counted of that kind.

    ``ours`` of them at most may be the doing of whoever looked.
    """

    count: float
    window_ns: int | None
    out_of: int | None = None
    ours: float = 0.0
    spread: Spread = Spread()


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A share of time (1.0 = one CPU), with its standard error and how many degrees of freedom that rests on (0: not measured).

    ``state``: it is no share but something that is so (1) or not (0).
    """

    share: float
    error: float
    freedom: int = 0
    state: bool = False


class Sampled(msgspec.Struct, frozen=True):
    """How many of some samples hit."""

    hits: float
    samples: float


Amount = Events | Part | Sampled


class Measure(msgspec.Struct, frozen=True, kw_only=True):
    """One figure of one guest. ``title`` is what it is matched by, ``source`` what it was read from.

    ``name`` is what it is called on this side (``fd 17``), ``odd`` why it is normal where it looks alarming. ``follows``: it
    only follows from others (a futex that hands over). ``by`` says how it comes about on this side. ``little``: why a difference
    of it says nothing as long as no side has more than ``little_to`` of it. ``lead`` is how much further ahead it is told than what
    it brings about: a factor, as a logarithm.
    """

    title: str
    source: str
    amount: Amount
    name: str = ""
    odd: str = ""
    by: str = ""
    follows: bool = False
    little: str = ""
    little_to: float = 0.0
    lead: float = 0.0
    refs: tuple[Ref, ...] = ()


class Measures(msgspec.Struct, frozen=True, kw_only=True):
    """All measures of one guest. ``zeros`` are the sources that were looked at, with the amount of what was never seen there.

    ``because`` says of a source why nothing can be there.
    """

    found: tuple[Measure, ...]
    zeros: dict[str, Amount]
    because: dict[str, str] = {}
