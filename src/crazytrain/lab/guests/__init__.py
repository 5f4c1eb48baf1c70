"""The guests of the lab, one a file. The healthy ones come first."""

from crazytrain.lab.errors import NoSuchLabGuest
from crazytrain.lab.guest import LabGuest
from crazytrain.lab.guests.busy import BUSY
from crazytrain.lab.guests.idle import IDLE
from crazytrain.lab.guests.kvmclock_jump import KVMCLOCK_JUMP
from crazytrain.lab.guests.panic_spin import PANIC_SPIN
from crazytrain.lab.guests.pio_poll import PIO_POLL
from crazytrain.lab.guests.rtc_storm import RTC_STORM
from crazytrain.lab.guests.user_spin import USER_SPIN

GUESTS: tuple[LabGuest, ...] = (IDLE, BUSY, USER_SPIN, RTC_STORM, PANIC_SPIN, PIO_POLL, KVMCLOCK_JUMP)


def find_guest(name: str) -> LabGuest:
    """Return the lab guest of that name; ``NoSuchLabGuest`` lists those there are."""
    for guest in GUESTS:
        if guest.name == name:
            return guest
    known = ", ".join(guest.name for guest in GUESTS)
    raise NoSuchLabGuest(f"there is no lab guest {name!r}", f"choose one of: {known}")
