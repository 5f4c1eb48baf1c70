"""The clocksource of a guest's running kernel: what it offers, and switching it. Linux, admin-guide/pm and kernel/time/clocksource.c."""

import re

import msgspec

from crazytrain.model.errors import BadInput, CrazytrainError
from crazytrain.remedy.guest_hands import GuestHands

_FOLDER = "/sys/devices/system/clocksource/clocksource0"
CURRENT, AVAILABLE = f"{_FOLDER}/current_clocksource", f"{_FOLDER}/available_clocksource"
_BOOT_ID = "/proc/sys/kernel/random/boot_id"
_ID = re.compile(r"[0-9a-f-]{1,40}")
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,60}")
_MOST = 32
_NOT_LINUX = (
    "A clocksource is a thing of Linux's. For Windows: crazytrain clock GUEST --set hypervclock=on\n"
    "For a BSD, in the guest: sysctl kern.timecounter.hardware"
)


class Offered(msgspec.Struct, frozen=True, kw_only=True):
    """Which clocksource the guest's kernel uses, and which it has, in its own order."""

    current: str
    available: tuple[str, ...]


async def offered(hands: GuestHands) -> Offered:
    """Ask the guest's kernel.

    Raises:
        BadInput: it has no such files. CrazytrainError: its agent does not tell.
    """
    current, available = await hands.read(CURRENT, 4096), await hands.read(AVAILABLE, 4096)
    if current is None or available is None:
        raise BadInput(f"the guest has no {CURRENT}: its kernel is no Linux, or hides /sys", _NOT_LINUX)
    names = tuple(one for one in available.split() if _NAME.fullmatch(one))[:_MOST]
    now = current.strip()
    return Offered(current=now if _NAME.fullmatch(now) else "", available=names)


async def boot_of(hands: GuestHands) -> str:
    """What tells this boot of the guest's kernel from any other; empty where it does not tell."""
    said = (await hands.read(_BOOT_ID, 4096) or "").strip()
    return said if _ID.fullmatch(said) else ""


def check_offered(there: Offered, wanted: str) -> None:
    """Refuse what the guest's kernel does not have: it would take the name without a word, and keep what it uses.

    Raises:
        BadInput: it is not there; the hint lists what is.
    """
    if wanted not in there.available:
        more = {
            "kvm-clock": "\nkvm-clock takes KVM and kvmclock=on; under TCG it never is there.",
            "hpet": "\nhpet takes --set hpet=on and a full stop and start.",
        }
        raise BadInput(
            f"this guest has no clocksource {wanted!r}",
            f"It offers: {', '.join(there.available)} (now {there.current or 'not told'}){more.get(wanted, '')}",
        )


async def switch(hands: GuestHands, wanted: str) -> str:
    """Switch, look at what came of it, and say that.

    Raises:
        CrazytrainError: the kernel did not take it.
    """
    await hands.write(CURRENT, f"{wanted}\n")
    there = await offered(hands)
    if there.current != wanted:
        raise CrazytrainError(
            f"the guest's kernel did not take {wanted}: it uses {there.current or 'what it does not tell'}",
            "Its log says why (it may not fit timers of high resolution): crazytrain logs GUEST | grep clocksource",
        )
    return f"the guest's {CURRENT} says {wanted}"
