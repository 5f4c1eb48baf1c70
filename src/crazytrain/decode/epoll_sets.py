"""What each epoll set of a process watches: the ``tfd`` lines of its fdinfo, with the data that epoll_wait gives back."""

import re
from collections.abc import Iterable

from crazytrain.model.bundle import Part, unpack
from crazytrain.model.evidence import Evidence, Outcome
from crazytrain.model.facts.loop import EpollSet, EpollWatch

_INFO = re.compile(r"(?:/?proc/\d{1,10}/)?fdinfo/(\d{1,9})")
# `tfd:        8 events:       19 data:     5581e0b3a2c0  pos:0 ino:62a sdev:4` (proc_pid_fdinfo(5))
_WATCH = re.compile(rb"^tfd:\s*(\d{1,9}) events:\s*([0-9a-f]{1,8}) data:\s*([0-9a-f]{1,16})\b", re.MULTILINE)


def decode_epoll_sets(evidence: Evidence) -> Iterable[object]:
    """Yield an ``EpollSet`` for each epoll set among the descriptors."""
    for part in unpack(evidence.data):
        found = _INFO.fullmatch(part.name)
        if found and part.outcome is Outcome.OK and b"tfd:" in part.data:
            yield _set(int(found[1]), part, evidence)


def _set(fd: int, part: Part, evidence: Evidence) -> EpollSet:
    watches = (
        EpollWatch(fd=int(tfd), events=int(events, 16), data=int(data, 16))
        for tfd, events, data in _WATCH.findall(part.data)
    )
    return EpollSet(fd=fd, watches=tuple(watches), ref=evidence.ref(part.line))
