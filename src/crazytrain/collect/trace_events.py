"""Which of the kernel's trace events there are and what fields they have, also where tracefs is not mounted."""

import re
from collections.abc import Sequence

import msgspec

from crazytrain.host.door import Host
from crazytrain.model.evidence import Outcome

_PLACES = ("/sys/kernel/tracing", "/sys/kernel/debug/tracing")
_FORMAT_BYTES = 64 << 10
_LISTING_BYTES = 1 << 20
_TIMEOUT_S = 4.0
# `field:unsigned long args[6];	offset:16;`: the name is the last word, without the size of an array.
_FIELD = re.compile(r"field:[^;\n]*?(\w+)(?:\[[^\]\n]*\])?;")
# A mount of our own that ends with the command: the host stays as it is. Where / is no mount point (a chroot), it is
# enough that nothing below /sys is passed on.
_ALONE = "{ mount --make-rprivate / || mount --make-rprivate /sys; } 2>/dev/null"
_MOUNTED = f'{_ALONE} && mount -t tracefs tracefs /sys/kernel/tracing && cd /sys/kernel/tracing/events && exec "$@"'
_IN_PRIVATE = ("unshare", "--mount", "--propagation", "unchanged", "sh", "-c")
_PRIVATELY = (*_IN_PRIVATE, _MOUNTED, "sh")
# bpftrace reads the list of all events some thirty times for each probe. With a short list in its place, in a mount of
# its own, it attaches in half the time. Where that cannot be had the long list does.
_FEW = f"""{_ALONE}
t=/sys/kernel/tracing; few=$1; shift
[ -e $t/events ] || mount -t tracefs tracefs $t || exit 1
{{ mount -t tmpfs tmpfs $t/instances && printf '%s\\n' $few >$t/instances/few &&
mount --bind $t/instances/few $t/available_events; }} 2>/dev/null
exec "$@\""""
_NEEDED = ("unshare", "mount")


class Tracing(msgspec.Struct, frozen=True, kw_only=True):
    """The events that were asked for and are there, with their fields, and what a tracer's command must begin with.

    ``quick`` is a beginning with which it finds its events sooner, ``prefix`` the one that is sure to work.
    ``outcome`` and ``detail`` tell how looking ended; ``OK`` also where none of the events is there.
    """

    events: dict[str, frozenset[str]]
    prefix: tuple[str, ...] = ()
    quick: tuple[str, ...] = ()
    outcome: Outcome = Outcome.OK
    detail: str = ""


async def find_events(host: Host, wanted: Sequence[str]) -> Tracing:
    """Look for events (``group:event``) in tracefs; mount it for ourselves alone where it is not mounted."""
    for place in _PLACES:
        try:
            host.names(f"{place}/events")
        except PermissionError as error:
            return Tracing(events={}, outcome=Outcome.DENIED, detail=f"{place}: {error.strerror}")
        except OSError:
            continue
        events = _read(host, place, wanted)
        return Tracing(events=events, quick=_quick(host, events) if place == _PLACES[0] else ())
    return await _privately(host, wanted)


def _read(host: Host, place: str, wanted: Sequence[str]) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for event in wanted:
        try:
            text = host.read(f"{place}/events/{event.replace(':', '/')}/format", _FORMAT_BYTES)
        except OSError:
            continue
        found[event] = fields_of(text)
    return found


def fields_of(text: bytes) -> frozenset[str]:
    """Give the names of the fields in a ``format`` file, or in lines of one."""
    return frozenset(_FIELD.findall(text.decode("ascii", "replace")))


async def _privately(host: Host, wanted: Sequence[str]) -> Tracing:
    files = [f"{event.replace(':', '/')}/format" for event in wanted]
    told = await host.run(
        (*_PRIVATELY, "grep", "-sH", "field:", *files), timeout_s=_TIMEOUT_S, limit_bytes=_LISTING_BYTES
    )
    if told.outcome is not Outcome.OK:
        return Tracing(events={}, outcome=told.outcome, detail=told.detail)
    found: dict[str, frozenset[str]] = {}
    for line in told.stdout.splitlines():
        name, _, text = line.partition(b"/format:")
        event = name.decode("ascii", "replace").replace("/", ":")
        found[event] = found.get(event, frozenset()) | fields_of(text)
    if found or not told.stderr.strip():
        return Tracing(events=found, prefix=_PRIVATELY, quick=_quick(host, found) or _PRIVATELY)
    said = told.stderr.decode("utf-8", "backslashreplace").strip().splitlines()[-1]
    return Tracing(events={}, outcome=Outcome.DENIED, detail=f"tracefs is not mounted, and cannot be: {said}")


def _quick(host: Host, events: dict[str, frozenset[str]]) -> tuple[str, ...]:
    """Make the quick beginning; empty where we may not mount."""
    if not host.may("CAP_SYS_ADMIN") or any(host.which(tool) is None for tool in _NEEDED):
        return ()
    return (*_IN_PRIVATE, _FEW, "sh", " ".join(sorted(events)))
