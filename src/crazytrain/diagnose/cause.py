"""Cause: one entry of the knowledge base: a typed function and the words beside it."""

import tomllib
from collections.abc import Callable
from enum import IntEnum
from functools import cache
from importlib import resources

import msgspec

from crazytrain.model.finding import Claim, Family, Look, Step


class Rank(IntEnum):
    """How specific a cause is: where two hold, the more specific one gives the headline."""

    NOTE = 0  # true beside any verdict, never the headline (misread)
    CONTEXT = 1  # explains slowness where nothing else does (software-emulation)
    HEALTHY = 2
    PRESSURE = 3  # what holds it back; a guest that burns does so on a loaded host, too (cpu-contention)
    GENERAL = 4  # who burns, not why (guest-user-busy)
    SYMPTOM = 5  # why, but something may stand behind it (timer-always-due)
    SPECIFIC = 6


# Who burns, not why: what a cause that knows why takes under its wing.
BUSY = ("guest-user-busy", "guest-kernel-busy", "software-emulation", "cpu-contention")


class Words(msgspec.Struct, frozen=True, kw_only=True):
    """What a cause means and what to do about it; read from the TOML file of the cause's name.

    ``plain`` is for the owner of a home lab, ``engineer`` for one who knows QEMU; two sentences each. ``remedy`` is
    ordered, least drastic first; commands may hold ``{name}`` and ``{pid}`` of the guest.
    """

    plain: str
    engineer: str
    refute: str
    remedy: tuple[Step, ...] = ()
    looks: tuple[Look, ...] = ()
    references: tuple[str, ...] = ()


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """A slug, its family, how specific it is, and the function that judges it.

    The function's docstring is the question it answers; its parameters are the facts it needs, wired by their
    annotations (``X | None``: may be missing). ``absorbs`` are causes that are this one's symptoms: where this holds
    they fold under it. ``either``: kinds of fact of which one is enough, so each may be missing by itself and not all of them.
    """

    slug: str
    family: Family
    rank: Rank
    judge: Callable[..., Claim]
    absorbs: tuple[str, ...] = ()
    either: tuple[type, ...] = ()

    @property
    def question(self) -> str:
        """The question that the cause answers."""
        return (self.judge.__doc__ or "").strip().splitlines()[0]

    @property
    def words(self) -> Words:
        """The words beside it."""
        return words(self.slug)


@cache
def words(slug: str) -> Words:
    """The words of a cause."""
    text = (
        resources.files("crazytrain.diagnose.causes")
        .joinpath(f"{slug.replace('-', '_')}.toml")
        .read_text(encoding="utf-8")
    )
    return msgspec.convert(tomllib.loads(text), Words)
