"""Finding: the verdict on one cause, with a confidence and the facts that it cites."""

from enum import StrEnum

import msgspec

from crazytrain.model.evidence import Ref


class Family(StrEnum):
    """Families of causes. A public contract: add freely, never rename."""

    GUEST_BUSY = "guest-busy"
    GUEST_STUCK = "guest-stuck"
    GUEST_CLOCK = "guest-clock"
    TIMER_STORM = "timer-storm"
    EXIT_STORM = "exit-storm"
    MAIN_LOOP_SPIN = "main-loop-spin"
    QEMU_BLOCKED = "qemu-blocked"
    VCPU_CANNOT_RUN = "vcpu-cannot-run"
    FIRMWARE = "firmware"
    HOST_PRESSURE = "host-pressure"
    EMULATED = "emulated"
    HEALTHY = "healthy"
    UNKNOWN = "unknown"


class Verdict(StrEnum):
    """What a cause's function said. ``UNKNOWN`` may lean one way: its confidence and its points say how far."""

    FOUND = "found"
    RULED_OUT = "ruled out"
    UNKNOWN = "unknown"
    BROKE = "broke"


KNOWN_DEFECT = "this version range has a known defect"  # how a point of one reads


class Point(msgspec.Struct, frozen=True):
    """One fact in a sentence, where to look it up, and how much it speaks for the cause.

    ``ratio`` is a likelihood ratio: how many times likelier this fact is where the cause holds than where it
    does not. Above 1 speaks for it, below 1 against, 1 says nothing.
    """

    says: str
    refs: tuple[Ref, ...]
    ratio: float


class Look(msgspec.Struct, frozen=True):
    """A look that would decide: what to see, and the command that shows it."""

    what: str
    command: str = ""


class Step(msgspec.Struct, frozen=True):
    """Something to do about a cause: why, and the command. ``harm`` says what it does to the guest; empty: nothing."""

    why: str
    command: str = ""
    harm: str = ""


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """What a cause's function returns: a sentence, a prior probability, and points for and against.

    ``missing`` are looks that this judgement did not have. ``ruled_out`` is a point so strong that the cause
    cannot hold; the sentence then says why. ``aside`` is true where the cause may hold but explains nothing of what is seen:
    it is told, and never the headline. ``at_most`` limits the probability where the facts may be certain, but not that they are the
    cause.
    """

    says: str
    prior: float
    points: tuple[Point, ...] = ()
    missing: tuple[Look, ...] = ()
    ruled_out: bool = False
    aside: bool = False
    at_most: float = 0.99


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict on one cause, as a report shows it. ``confidence`` is a probability from 0 to 1.

    ``missing`` are looks that would decide, ``unseen`` what else the cause asks for and did without.
    """

    family: Family
    cause: str
    verdict: Verdict
    confidence: float
    headline: str
    because: tuple[Point, ...] = ()
    against: tuple[Point, ...] = ()
    missing: tuple[Look, ...] = ()
    remedy: tuple[Step, ...] = ()
    meaning: str = ""
    engineer: str = ""
    refute: str = ""
    references: tuple[str, ...] = ()
    folded_into: str = ""
    aside: bool = False
    unseen: tuple[str, ...] = ()
