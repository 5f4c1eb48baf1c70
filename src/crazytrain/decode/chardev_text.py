"""Where a monitor or a serial port of QEMU leads, in the short words of -serial: unix:PATH, tcp:HOST:PORT, pty."""

from collections.abc import Iterable

from crazytrain.decode.option_text import Pairs, first_of, pairs_of


def chardevs_by_id(values: Iterable[str]) -> dict[str, str]:
    """Where each ``-chardev`` leads, by its id."""
    parsed = [pairs_of(value) for value in values]
    return {first_of(pairs, "id"): place_of(pairs) for pairs in parsed}


def place_of(pairs: Pairs) -> str:
    """Where the settings of one ``-chardev`` lead; a log file is added as ``,logfile=PATH``.

    >>> place_of(pairs_of("socket,id=charmonitor,path=/run/m.sock,server=on,wait=off"))
    'unix:/run/m.sock'
    >>> place_of(pairs_of("pty,id=charserial0,logfile=/var/log/web01.log,logappend=off"))
    'pty,logfile=/var/log/web01.log'
    """
    log = first_of(pairs, "logfile")
    return _end_of(pairs) + (f",logfile={log}" if log else "")


def _end_of(pairs: Pairs) -> str:
    backend = first_of(pairs, "", "backend")
    path, port, descriptor = first_of(pairs, "path"), first_of(pairs, "port"), first_of(pairs, "fd")
    if backend == "socket" and not path:
        return f"fd:{descriptor}" if descriptor else f"tcp:{first_of(pairs, 'host')}:{port}"
    if path:
        return f"{'unix' if backend == 'socket' else backend}:{path}"
    return backend


def short_place(value: str) -> str:
    """Where the value of ``-serial``, ``-monitor`` or ``-qmp`` leads, without its settings (``server``, ``nowait``)."""
    first, *settings = value.split(",")
    log = next((setting for setting in settings if setting.startswith("logfile=")), "")
    return first + (f",{log}" if log else "")
