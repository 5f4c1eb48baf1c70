"""Networks and their leases as text: a block for each network, and the change where one was made."""

from collections.abc import Iterator, Sequence

from crazytrain.model.figures import count, span
from crazytrain.model.lease_report import ChangeView, EntryView, GivenView, LeaseReport, NetworkView
from crazytrain.report.escape import plain
from crazytrain.report.style import Line, wrapped

WIDTH = 100
_NAME = 24  # a host name is the guest's own: it gets so much room and no more
_SHOWN_LEASES, _SHOWN_HOSTS, _SHOWN_COMMANDS = 40, 20, 40
_UNITS = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))
NOISY_LINES_PER_DAY = 200  # from here on a shorter way is named: dnsmasq's own hour makes 96


def lease_lines(report: LeaseReport, *, width: int = WIDTH, full: bool = False) -> tuple[Line, ...]:
    """The report as styled lines; ``full`` lists every lease and host."""
    parts: list[Line] = []
    if report.change:
        parts += _change(report.change)
    if not (report.change and report.change.dry_run):
        parts += [part for number, one in enumerate(report.networks) for part in _network(one, number > 0, full)]
    if not report.networks and not report.change:
        parts.append(Line("libvirt has no network"))
    return tuple(part for one in parts for part in wrapped(one, width))


def time_words(lease_s: int | None, family: int = 4) -> str:
    """A lease time as people say it: ``24 h``, ``infinite``; none that is set is dnsmasq's hour.

    >>> time_words(86_400), time_words(5400), time_words(0), time_words(None)
    ('24 h', '90 min', 'infinite', 'not set (1 h)')
    """
    if lease_s is None:
        return "not set (1 h)" if family == 4 else "not set (24 h)"
    if lease_s == 0:
        return "infinite"
    days = lease_s > 2 * _UNITS[0][0]
    factor, unit = next((f, u) for f, u in _UNITS if lease_s % f == 0 and (days or u != "d"))
    return f"{lease_s // factor:,} {unit}"


def per_day(figure: float) -> str:
    """A figure a day, whole numbers from 10 on."""
    return f"{figure:,.0f}" if figure >= 10 or figure == int(figure) else f"{figure:.1f}"


def _network(view: NetworkView, again: bool, full: bool) -> Iterator[Line]:
    if again:
        yield Line("")
    yield Line(f"network {plain(view.name, 60)}: {', '.join(_traits(view))}", "title")
    if not view.serves_dhcp:
        yield Line("  libvirt serves no DHCP here", "dim")
    yield from _entries(view, full)
    yield from _leases(view, full)
    for note in view.notes:
        yield Line(f"  note: {plain(note, 600)}", "dim")


def _traits(view: NetworkView) -> Iterator[str]:
    yield "active" if view.active else "not active"
    yield "persistent" if view.persistent else "transient"
    yield f"mode {plain(view.forward, 20)}" if view.forward else "isolated"
    if view.bridge:
        yield f"bridge {plain(view.bridge, 20)}"
    if view.dnsmasq.alive and view.dnsmasq.pid:
        yield f"dnsmasq {view.dnsmasq.pid}"


_COLUMNS = ("", "addresses", "live", "persistent", "dnsmasq runs", "renewals/day", "log lines/day")


def _entries(view: NetworkView, full: bool) -> Iterator[Line]:
    """A table of ranges and hosts: the time as set and as dnsmasq runs, and what it makes each client do."""
    shown = (*view.ranges, *(view.hosts if full else view.hosts[:_SHOWN_HOSTS]))
    if shown:
        yield from _table([_COLUMNS, *(_entry(view, one) for one in shown)], from_right=5)
    if not full and len(view.hosts) > _SHOWN_HOSTS:
        yield Line(f"  and {len(view.hosts) - _SHOWN_HOSTS} more hosts: --all", "dim")


def _entry(view: NetworkView, entry: EntryView) -> tuple[str, ...]:
    host = not entry.start
    who = plain(entry.mac or entry.name or entry.duid, 40)
    runs = (
        "not seen"
        if entry.in_dnsmasq is None
        else _set(entry.dnsmasq_s, host, entry.family)
        if entry.in_dnsmasq
        else "not there"
    )
    return (
        f"host {who}" if host else "range",
        plain(entry.ip, 39) if host else f"{entry.start}-{entry.end}",
        _set(entry.live_s, host, entry.family) if entry.in_live else "not there" if view.active else "not active",
        _set(entry.kept_s, host, entry.family) if entry.in_kept else "not there" if view.persistent else "transient",
        runs if view.active else "no",
        per_day(entry.renewals_per_day),
        per_day(entry.lines_per_day),
    )


def _set(lease_s: int | None, host: bool, family: int) -> str:
    return "as its range" if host and lease_s is None else time_words(lease_s, family)


def _table(rows: Sequence[tuple[str, ...]], from_right: int) -> Iterator[Line]:
    """Rows under their titles; columns from ``from_right`` on hold figures."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = (
            c.rjust(w) if n >= from_right else c.ljust(w) for n, (c, w) in enumerate(zip(row, widths, strict=True))
        )
        yield Line(f"  {'  '.join(cells)}".rstrip(), "row")


_TITLES = ("guest", "host name", "MAC", "address", "expires", "lease", "renewals/day", "log lines/day")


def _leases(view: NetworkView, full: bool) -> Iterator[Line]:
    if not view.leases:
        if view.active and view.serves_dhcp and view.leases is not None:
            yield Line("  no current leases", "dim")
        return
    shown = view.leases if full else view.leases[:_SHOWN_LEASES]
    rows = [_TITLES, *(_row(one, view.seen_s) for one in shown)]
    if len(view.leases) > 1:
        rows.append(
            ("in sum", "", "", "", "", "", per_day(view.renewals_per_day or 0), per_day(view.lines_per_day or 0))
        )
    yield from _table(rows, from_right=6)
    if len(shown) < len(view.leases):
        yield Line(f"  and {len(view.leases) - len(shown)} more leases, counted in the sum: --all", "dim")
    if view.lines_per_day and view.lines_per_day >= NOISY_LINES_PER_DAY:
        yield Line(
            f"  a lease of 24 h makes that {per_day(sum(min(4.0, one.lines_per_day) for one in view.leases))} lines a day:"
        )
        yield Line(f"  $ crazytrain lease {plain(view.name, 60)} --set 24h", "command")


def _row(given: GivenView, now_s: int) -> tuple[str, ...]:
    return (
        plain(given.guest, _NAME) or "-",
        plain(given.host_name, _NAME) or "-",
        plain(given.mac, 59) or "-",
        plain(given.ip, 39),
        _expiry(given, now_s),
        time_words(given.lease_s),
        per_day(given.renewals_per_day),
        per_day(given.lines_per_day),
    )


def _expiry(given: GivenView, now_s: int) -> str:
    if given.infinite:
        return "never"
    if given.expires_s is None:
        return "not seen"
    return f"in {span(max(0, given.expires_s - now_s) * 1e9)}"


def _change(change: ChangeView) -> Iterator[Line]:
    yield Line(f"{plain(change.asked, 300)}{' (dry run: nothing was changed)' if change.dry_run else ''}", "title")
    if not change.done:
        yield from diff_lines(change)
    if change.dry_run:
        safe = (
            ""
            if any("net-destroy" in one for one in change.commands)
            else "; after each every address that is leased is served"
        )
        yield Line(f"  {count(len(change.commands), 'step')}{safe}:")
        yield from (Line(f"  $ {plain(one, 600)}", "command") for one in change.commands[:_SHOWN_COMMANDS])
    if change.done:
        yield Line(f"  done in {count(change.steps, 'step')}", "good")
        yield from (Line(f"  seen: {one}") for one in change.verified)
        yield from _gain(change)
        yield Line(f"  the old state is kept in {plain(change.record, 300)}", "dim")
        yield Line("")
    else:
        yield from (Line(f"  note: {plain(note, 600)}", "dim") for note in change.notes)


def _gain(change: ChangeView) -> Iterator[Line]:
    before, after = change.lines_per_day_before, change.lines_per_day_after
    if before is not None and after is not None and before != after:
        said = f"  log lines a day, of all clients in sum: {per_day(before)} before, {per_day(after)} from now on"
        yield Line(f"{said} (each takes the new time at its next renewal)")


def diff_lines(change: ChangeView) -> Iterator[Line]:
    """What changes, as a diff of the network's XML."""
    for edit in change.edits:
        where = edit.address if ":options" in edit.address else f"ip {edit.address}"
        yield Line(f"  {plain(where, 60)}, {_places(edit.places)}", "dim")
        for mark, text, style in (("-", edit.before, "bad"), ("+", edit.after, "good")):
            if text:
                yield Line(f"  {mark} {plain(text, 400)}", style)


def _places(places: Sequence[str]) -> str:
    words = {"live": "live", "config": "persistent"}
    return " and ".join(words.get(place, place) for place in places)
