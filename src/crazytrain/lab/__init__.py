"""Real guests that misbehave on purpose, and healthy ones to compare with.

    GUESTS                    the kinds there are, a tuple of ``LabGuest``
    start(name, ...)          boots one and returns when it is seen to misbehave: a ``Running``
    running(state_dir, tell)  those that run; clears up what a killed lab left
    stop(name, ...), stop_all(...)
    count_progress(guest)     how far a guest is by its own count
    mark_progress(guest)      the same at a moment when it just moved: two marks give the guest's speed

The lab starts and owns its guests itself; it is one of the two rooms that do not go through ``host``. It ends no
process but those it started, known by pid and start time. A guest's folder is ``state_dir``/NAME: state.json, pid,
qmp.sock, console.log (serial port), debugcon.log (port 0xe9), qemu.log, and lab-actions.json where the lab did
something to its guest.
"""

from crazytrain.lab.clockjump import LabActions
from crazytrain.lab.guest import LabGuest, Tell
from crazytrain.lab.guests import GUESTS, find_guest
from crazytrain.lab.progress import Mark, count_progress, mark_progress
from crazytrain.lab.running import Running, running, stop, stop_all
from crazytrain.lab.starting import Wish, start

__all__ = [
    "GUESTS",
    "LabActions",
    "LabGuest",
    "Mark",
    "Running",
    "Tell",
    "Wish",
    "count_progress",
    "find_guest",
    "mark_progress",
    "running",
    "start",
    "stop",
    "stop_all",
]
