"""Ability: one thing that this host lets us see, or does not, and what to do for more."""

from enum import StrEnum

import msgspec


class State(StrEnum):
    """How far an ability goes: fully, with limits that ``Ability.found`` names, or not at all."""

    YES = "yes"
    PART = "part"
    NO = "no"


class Ability(msgspec.Struct, frozen=True, kw_only=True):
    """One row of ``crazytrain doctor``.

    ``found`` says what is there, ``matters`` what it is good for. ``remedy`` are lines for a root shell that bring more: commands, and
    explanations as ``#`` comments; empty where there is nothing to do. ``found`` may hold text of guests and of other programs: escape it.
    """

    name: str
    state: State
    found: str
    matters: str
    remedy: str = ""
