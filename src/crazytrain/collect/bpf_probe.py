"""A tracepoint of the program that bpftrace runs: what it must offer, what is done at it, which maps it fills."""

from collections.abc import Mapping, Sequence

import msgspec

Events = Mapping[str, frozenset[str]]


class Probe(msgspec.Struct, frozen=True):
    """One tracepoint: the fields that it must have, what is done at it, the maps that it fills, and those for itself."""

    event: str
    fields: frozenset[str]
    body: str
    maps: tuple[str, ...]
    scratch: tuple[str, ...] = ()

    def lacking(self, events: Events) -> str:
        """Say what this kernel has not: the event, or fields of it; empty where it has all."""
        fields = events.get(self.event)
        if fields is None:
            return self.event
        missing = sorted(self.fields - fields)
        return f"{self.event} (has no {', '.join(missing)})" if missing else ""


def counted(event: str, fields: Sequence[str], key: str, name: str = "") -> Probe:
    """One of KVM's events that is only counted, by process and ``key``; ``name`` is the map where it is not the event's."""
    into = f"@{name or event}"
    return Probe(f"kvm:{event}", frozenset(fields), f" {into}[pid, {key}] = count();", (into,))
