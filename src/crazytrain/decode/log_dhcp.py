"""DHCP in logs: who asked for an address on which interface, how often, and for how long he got it.

Sources: dnsmasq (src/rfc2131.c, rfc3315.c), ISC dhclient and dhcpd (dhclient.c, dhcp.c), busybox udhcpc, dhcpcd, NetworkManager.
"""

import re
from collections.abc import Iterator

from crazytrain.model.facts.log_templates import DhcpParty

MOST_PARTIES = 2_000
_MOST_CACHED = 20_000
_MOST_GAPS = 64
_MOST_TEMPLATES = 32
_LIKE = re.compile(
    rb"DHCP[A-Z]{3,9}\b|dhcp[46] \(|-- renewal in \d|[Ll]ease of \S+ obtained|leased \S+ for \d|(?:re(?:new|bind)ing lease of|[Ss]ending renew)"
)
_IF = rb"(?P<iface>[\w.@:-]{1,15})"
_ID = rb"(?P<who>[0-9a-fA-F]{2}(?::[0-9a-fA-F]{2}){5,31})"
_KIND = rb"(?P<kind>DHCP[A-Z]{3,12})"
_ADDRESS = rb"(?P<ip>[0-9a-fA-F.:]{2,39})"
_FORMS: tuple[tuple[bool, re.Pattern[bytes]], ...] = tuple(
    (server, re.compile(pattern))
    for server, pattern in (
        (True, _KIND + rb"\(" + _IF + rb"\) (?:" + _ADDRESS + rb" )?" + _ID),  # dnsmasq
        (
            True,
            _KIND
            + rb" (?:for |on )?(?:"
            + _ADDRESS
            + rb"(?: \([^)]{1,64}\))? )?(?:from|to) "
            + _ID
            + rb"(?: \([^)]{1,255}\))? via "
            + _IF,
        ),
        (False, _KIND + rb" (?:(?:of|for) " + _ADDRESS + rb" )?on " + _IF + rb" to "),  # dhclient asks
        (False, _KIND + rb" of " + _ADDRESS + rb" from "),  # dhclient is answered
        (False, rb"(?P<kind>bound) to " + _ADDRESS + rb" -- renewal in (?P<half>\d{1,9}) s"),
        (
            False,
            rb"(?:.{0,20}: )?[Ll]ease of " + _ADDRESS + rb" (?P<kind>obtained)\b.{0,60}lease time (?P<lease>\d{1,10})",
        ),
        (False, rb"(?:.{0,20}: )?(?P<kind>[Ss]ending renew)"),  # udhcpc
        (False, _IF + rb": (?P<kind>leased) " + _ADDRESS + rb" for (?P<lease>\d{1,10}) s"),  # dhcpcd
        (False, _IF + rb": (?P<kind>re(?:new|bind)ing) lease of " + _ADDRESS),
        (
            False,
            rb"(?:<\w+> +(?:\[[\d.]{1,24}\] )?)?dhcp[46] \("
            + _IF
            + rb"\): .{0,60}(?P<kind>lease.time)\W{1,6}(?:=> '?)?(?P<lease>\d{1,10})",
        ),
        (False, rb"(?:<\w+> +(?:\[[\d.]{1,24}\] )?)?(?P<kind>dhcp[46]) \(" + _IF + rb"\): "),
    )
)
_PID = re.compile(rb"\[(\d{1,10})\]: ?\Z")
_ASKS = frozenset({"DHCPREQUEST", "DHCPRENEW", "DHCPREBIND", "Sending renew", "sending renew", "renewing"})
_TELLS = frozenset({"leased", "obtained", "lease time", "lease_time"})  # where asking itself is not logged


def like_dhcp(message: bytes) -> bool:
    """Whether a line may be about DHCP."""
    return _LIKE.search(message) is not None


class _Party:
    def __init__(self, key: tuple[str, bool, str, str]) -> None:
        self.key = key
        self.kinds: dict[str, int] = {}
        self.templates: dict[int, int] = {}
        self.first: int | None = None
        self.last: int | None = None
        self.asked_at: dict[bool, int | None] = {True: None, False: None}
        self.asked = {True: 0, False: 0}
        self.gaps: dict[bool, dict[int, int]] = {True: {}, False: {}}
        self.lease_s: int | None = None
        self.waits: dict[int, int] = {}

    @property
    def interface(self) -> str:
        return self.key[2]

    def see(self, kind: str, at_s: int | None, template: int) -> None:
        self.kinds[kind] = self.kinds.get(kind, 0) + 1
        if template in self.templates or len(self.templates) < _MOST_TEMPLATES:
            self.templates[template] = self.templates.get(template, 0) + 1
        if at_s is None:
            return
        self.first = at_s if self.first is None else self.first
        self.last = at_s
        if kind in _ASKS or kind in _TELLS:
            self._asks(kind in _ASKS, at_s)

    def said(self, said_s: int, *, half: bool) -> None:
        """The log names the lease time, or when the client will renew."""
        if not half:
            self.lease_s = said_s
        elif said_s in self.waits or len(self.waits) < _MOST_GAPS:
            self.waits[said_s] = self.waits.get(said_s, 0) + 1

    def _asks(self, really: bool, at_s: int) -> None:
        before = self.asked_at[really]
        self.asked[really] += 1
        self.asked_at[really] = at_s
        gaps = self.gaps[really]
        if before is not None and at_s > before and (at_s - before in gaps or len(gaps) < _MOST_GAPS):
            gaps[at_s - before] = gaps.get(at_s - before, 0) + 1


_Known = tuple[_Party, str, int | None]


class DhcpWatch:
    """Sees lines of DHCP, in their order."""

    def __init__(self) -> None:
        self._parties: dict[tuple[str, bool, str, str], _Party] = {}
        self._known: dict[tuple[str, bytes], _Known | None] = {}
        self._interfaces: dict[tuple[str, str], str] = {}
        self.left = 0

    def see(self, program: str, line: bytes, begin: int, at_s: int | None, template: int) -> None:
        """A line of a program that ``like_dhcp`` found; its message begins there."""
        message = line[begin:].rstrip(b"\r")
        key = (program, message.partition(b" (xid")[0])
        if key in self._known:
            known = self._known[key]
        else:
            if len(self._known) >= _MOST_CACHED:
                self._known.clear()
            known = self._read(program, message, line[:begin])
            if known is None or known[0].interface:  # which interface an answer is for may be told later
                self._known[key] = known
        if known is None:
            return
        party, kind, said_s = known
        party.see(kind, at_s, template)
        if said_s is not None:
            party.said(said_s, half=kind == "bound")

    def _read(self, program: str, message: bytes, head: bytes) -> _Known | None:
        found, server = next(
            ((match, server) for server, form in _FORMS if (match := form.match(message))), (None, False)
        )
        if found is None:
            return None
        parts = {name: _text(value) for name, value in found.groupdict().items() if value is not None}
        interface, who = self._whose(program, parts)
        party = self._party((program, server, interface, who if server else "" if interface else _pid(head)))
        said = parts.get("lease") or parts.get("half")
        return (party, parts["kind"], int(said) if said else None) if party else None

    def _whose(self, program: str, parts: dict[str, str]) -> tuple[str, str]:
        """The interface, and who asks there; an answer names the address alone, so that of the question counts."""
        address, interface = parts.get("ip", ""), parts.get("iface", "")
        if interface and address and len(self._interfaces) < MOST_PARTIES:
            self._interfaces[program, address] = interface
        return interface or self._interfaces.get((program, address), ""), parts.get("who", "")

    def _party(self, key: tuple[str, bool, str, str]) -> _Party | None:
        party = self._parties.get(key)
        if party is None:
            if len(self._parties) >= MOST_PARTIES:
                self.left += 1
                return None
            party = self._parties[key] = _Party(key)
        return party

    def parties(self) -> Iterator[DhcpParty]:
        """What was seen of each."""
        for party in self._parties.values():
            program, server, interface, client = party.key
            really = party.asked[True] > 0
            yield DhcpParty(
                program=program,
                server=server,
                interface=interface,
                client=client,
                kinds=tuple(party.kinds.items()),
                templates=tuple(party.templates.items()),
                renewals=party.asked[really],
                gap_s=median(party.gaps[really]) or median(party.gaps[not really]) or median(party.waits),
                first_s=party.first,
                last_s=party.last,
                lease_s=party.lease_s,
            )


def _pid(head: bytes) -> str:
    """The number of the process that said a line, which tells clients apart that name no interface; empty where there is none."""
    found = _PID.search(head)
    return _text(found[1]) if found else ""


def _text(value: bytes) -> str:
    return value.decode("ascii", "backslashreplace")


def median(counted: dict[int, int]) -> int | None:
    """The median of values that were counted; ``None`` of none.

    >>> median({60: 5, 1: 1})
    60
    """
    left = sum(counted.values()) / 2
    for value in sorted(counted):
        left -= counted[value]
        if left <= 0:
            return value
    return None
