"""The small formats of /proc: ``stat`` lines, ``Key: value`` files, plain numbers."""

import msgspec

_DIGITS = 20  # an unsigned 64-bit number

# Fields of /proc/PID/stat behind the name, counted from 0 (proc_pid_stat(5) counts them from 3).
_FLAGS, _MAJOR_FAULTS, _USER, _SYSTEM, _START, _GUEST = 6, 9, 11, 12, 19, 40
_KERNEL_THREAD = 0x0020_0000  # PF_KTHREAD
_IO_WORKER = 0x0000_0010  # PF_IO_WORKER
_USER_WORKER = 0x0000_4000  # PF_USER_WORKER (Linux 6.4; the bit meant something else before 5.17)


class StatLine(msgspec.Struct, frozen=True, kw_only=True):
    """What is used of one ``stat`` line. ``user_ticks`` includes ``guest_ticks``, as the kernel counts."""

    number: int
    comm: str
    state: str
    flags: int
    major_faults: int
    user_ticks: int
    system_ticks: int
    guest_ticks: int
    start_ticks: int

    @property
    def kernel_thread(self) -> bool:
        """Whether it is a thread of the kernel's own."""
        return bool(self.flags & _KERNEL_THREAD)

    @property
    def kernel_worker(self) -> bool:
        """Whether the kernel may have made it inside the process (io_uring's workers; vhost and kvm since 6.4)."""
        return bool(self.flags & (_IO_WORKER | _USER_WORKER))


def stat_line(data: bytes) -> StatLine | None:
    """Read one ``stat`` line; ``None`` where it is none. The name may hold blanks, brackets and line ends.

    >>> begin = b"4036 (CPU 0/KVM) R 1 4027 959 0 -1 138412224 299 0 0 0 6705 83765 0 0 20 0 5 0 42268 "
    >>> found = stat_line(begin + b"0 " * 20 + b"322 0")
    >>> found.number, found.comm, found.state, found.user_ticks, found.system_ticks, found.guest_ticks
    (4036, 'CPU 0/KVM', 'R', 6705, 83765, 322)
    """
    before, opened, rest = data.partition(b"(")
    name, closed, after = rest.rpartition(b")")
    own, fields = number(before), after.split()
    if not opened or not closed or own is None or len(fields) <= _GUEST:
        return None
    picked = [number(fields[i]) for i in (_FLAGS, _MAJOR_FAULTS, _USER, _SYSTEM, _GUEST, _START)]
    known = [value for value in picked if value is not None]
    if len(known) != len(picked):
        return None
    flags, faults, user, system, guest, start = known
    return StatLine(
        number=own,
        comm=text(name),
        state=text(fields[0])[:1],
        flags=flags,
        major_faults=faults,
        user_ticks=user,
        system_ticks=system,
        guest_ticks=guest,
        start_ticks=start,
    )


def number(data: bytes) -> int | None:
    """Read a plain decimal number; ``None`` where it is none, or none that the kernel writes."""
    data = data.strip()
    return int(data) if data.isdigit() and len(data) <= _DIGITS else None


def decimal(data: bytes) -> float | None:
    """Read a number with an optional fraction, as ``loadavg``, ``uptime`` and ``pressure`` have it."""
    whole, point, fraction = data.strip().partition(b".")
    if number(whole) is None or (point and number(fraction) is None):
        return None
    return float(data)


def text(data: bytes) -> str:
    """Bytes as text; what is no UTF-8 is kept as escapes."""
    return data.decode("utf-8", "backslashreplace")


def keyed(data: bytes) -> dict[str, str]:
    """Read ``Key:<tab>value`` lines (``status``, ``fdinfo``, ``io``); the first of a key counts."""
    found: dict[str, str] = {}
    for line in text(data).split("\n"):
        key, colon, value = line.partition(":")
        if colon:
            found.setdefault(key.strip(), value.strip())
    return found


def keyed_number(fields: dict[str, str], key: str, unit: int = 1) -> int | None:
    """A number of ``keyed``: its first word, times ``unit``."""
    words = fields.get(key, "").split()
    found = number(words[0].encode("utf-8", "replace")) if words else None
    return None if found is None else found * unit
