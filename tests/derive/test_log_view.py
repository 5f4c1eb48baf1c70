import datetime as dt
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crazytrain.decode.log_mining import Miner, Wanted
from crazytrain.decode.log_tally import tally
from crazytrain.derive.log_floods import derive_log_floods
from crazytrain.derive.log_leases import lease_of
from crazytrain.derive.log_times import LogTimes
from crazytrain.derive.log_view import MOST_LINES, Wish, log_view
from crazytrain.model.facts import Facts
from crazytrain.model.log_view import LogView
from crazytrain.report.log_story import log_story
from crazytrain.report.logs_text import logs_text
from tests.logs_made import BEGIN_S, PLANTED, flood_log, renewals, stamp

UTC = LogTimes(zone=dt.UTC)


def view_of(
    data: bytes,
    *,
    networks: Mapping[str, str] | None = None,
    around: tuple[float, float] | None = None,
    top: int | None = 12,
) -> LogView:
    wanted = Wanted(inside_from=around[0], inside_until=around[1]) if around else None
    miner = Miner(wanted, zone=dt.UTC)
    miner.begin(1_800_000_000.0)
    miner.feed(data)
    found = tally(miner)
    times = LogTimes(boots=found.span.boots, zone=dt.UTC)
    return log_view(
        found,
        Wish(
            tool="x", times=times, networks=networks or {}, around=around, floods=top, lines=MOST_LINES if top else None
        ),
    )


def text_of(view: LogView) -> list[str]:
    return [line.text for line in logs_text(view)]


def is_whole(view: LogView) -> bool:
    return (
        view.lines
        == sum(one.lines for one in view.floods) + view.other_lines + view.rare_lines + view.matter_lines + view.outside
    )


def test_renewals_are_one_sentence_as_a_person_would_say_it() -> None:
    view = view_of(renewals(4 * 1440), networks={"eth0": "default"})
    (flood,) = view.floods
    assert flood.lines == 8 * 1440
    (said,) = [line for line in text_of(view) if "DHCP" in line]
    assert "DHCPREQUEST/DHCPACK on eth0" in said
    assert "2,880 a day, every 60 s: lease about 120 s on network default" in said
    assert "`crazytrain lease default --set 24h` would make it 2 a day (4 lines)" in said


def test_the_network_is_named_only_where_it_is_known() -> None:
    (said,) = [line for line in text_of(view_of(renewals(2000))) if "DHCP" in line]
    assert "on network" not in said
    assert "crazytrain lease NETWORK --set 24h" in said


def test_a_long_lease_needs_no_command() -> None:
    (flood,) = view_of(renewals(100, every_s=43_200)).floods
    assert flood.dhcp is not None
    assert (flood.dhcp.lease_s, flood.dhcp.command) == (86_400, "")


@pytest.mark.parametrize(
    ("every_s", "lease_s"), [(57, 120), (60, 120), (64, 120), (1790, 3600), (43_000, 86_400), (100, 200), (5, 10)]
)
def test_renewals_mean_a_lease_time(every_s: int, lease_s: int) -> None:
    assert lease_of(every_s) == lease_s


def udhcpc(pids: Mapping[int, int], renewals_each: int, lease_s: int = 120) -> bytes:
    """busybox's clients, whose lines name no interface, as its syslogd writes them; ``pids``: when each began."""
    rows = sorted(
        (BEGIN_S + begin + 60 * number + turn, f"udhcpc[{pid}]: {words}")
        for pid, begin in pids.items()
        for number in range(renewals_each)
        for turn, words in enumerate(
            ("sending renew to server 10.0.0.1", f"lease of 10.0.0.{pid} obtained from 10.0.0.1, lease time {lease_s}")
        )
    )
    return "".join(f"{stamp(at)} web01 daemon.info {row}\n" for at, row in rows).encode()


def test_two_clients_that_name_no_interface_are_two() -> None:
    (flood,) = view_of(udhcpc({107: 0, 113: 1}, 30), networks={"": "home"}).floods
    assert flood.dhcp is not None
    assert (flood.dhcp.clients, flood.dhcp.every_s, flood.dhcp.network) == (2, 60, "home")
    assert flood.per_day == pytest.approx(5760, rel=0.02)


def test_a_client_that_is_started_anew_is_one() -> None:
    (flood,) = view_of(udhcpc({107: 0, 113: 40_000, 120: 80_000}, 30)).floods
    assert flood.dhcp is not None
    assert flood.dhcp.clients == 1


def test_a_log_of_two_renewals_has_the_rate_of_a_long_one() -> None:
    """What came at once at its beginning took no time."""
    rows = [
        f"{stamp(BEGIN_S + 60 * turn)} h dnsmasq-dhcp[1]: {kind}(virbr0) 10.0.0.{client} 52:54:00:00:00:{client:02x}\n"
        for turn in range(2)
        for client in range(20)
        for kind in ("DHCPREQUEST", "DHCPACK")
    ]
    (flood,) = view_of("".join(rows).encode()).floods
    assert flood.per_day == pytest.approx(20 * 2880)


def test_a_lease_that_is_long_by_now_is_said_to_be() -> None:
    data = udhcpc({107: 0}, 30) + f"{stamp(BEGIN_S + 1801)} web01 daemon.info udhcpc[107]: ".encode()
    (said,) = [
        line
        for line in text_of(view_of(data + b"lease of 10.0.0.107 obtained from 10.0.0.1, lease time 86400\n"))
        if "every 60 s" in line
    ]
    assert "lease now 24 h" in said
    assert "--set" not in said


def test_a_lease_that_the_log_names_is_not_guessed() -> None:
    rows = [
        f"{stamp(BEGIN_S + 50 * number)} h dhcpcd[1]: eth0: leased 10.0.0.5 for 120 seconds\n" for number in range(100)
    ]
    (flood,) = view_of("".join(rows).encode()).floods
    assert flood.dhcp is not None
    assert (flood.dhcp.lease_s, flood.dhcp.lease_said, flood.dhcp.every_s) == (120, True, 50)


def test_twenty_rare_lines_in_any_mixture_of_floods_are_all_shown_in_sixty_lines() -> None:
    text = text_of(view_of(flood_log(220_000, PLANTED)))
    assert len(text) <= 60
    missing = [one for one in PLANTED if not any(one in line for line in text)]
    assert missing == []


@pytest.mark.parametrize("seed", range(4))
def test_counts_sum_up(seed: int) -> None:
    assert is_whole(view_of(flood_log(5000, PLANTED, seed=seed)))


@given(
    st.lists(
        st.sampled_from([*PLANTED, "app[1]: a b c", "app[1]: a b d", "app[1]: a b e", "app[1]: a b f", "x"]),
        max_size=120,
    )
)
def test_counts_sum_up_whatever_it_holds(said: list[str]) -> None:
    view = view_of("".join(f"{stamp(BEGIN_S + 60 * number)} h {one}\n" for number, one in enumerate(said)).encode())
    assert is_whole(view)
    shown = sum(1 + one.like_it for one in view.shown) + sum(number for _, number in view.not_shown)
    assert shown == view.rare_lines + view.matter_lines


def test_nothing_is_left_out_where_all_is_asked_for() -> None:
    said = [
        f"app{chr(97 + number % 26)}[1]: {'abcdefghij'[number % 10]} {'klmnopqrst'[number // 10 % 10]} once"
        for number in range(100)
    ]
    data = "".join(f"{stamp(BEGIN_S + 60 * number)} h {one}\n" for number, one in enumerate(said)).encode()
    assert view_of(data).not_shown or len(view_of(data).shown) <= MOST_LINES
    assert len(view_of(data, top=None).shown) == 100


def test_lines_that_matter_are_never_folded_away_by_rare_ones() -> None:
    rare = [f"app[1]: {'abcdefghij'[number % 10]} {'klmnopqrst'[number // 10 % 10]} once" for number in range(100)]
    said = [*rare, "kernel: watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [sh:71]"]
    view = view_of("".join(f"{stamp(BEGIN_S + 60 * number)} h {one}\n" for number, one in enumerate(said)).encode())
    assert [one.matters for one in view.shown if one.matters] == ["soft lockup"]
    assert len(text_of(view)) <= 60


def test_a_flood_of_lines_that_matter_shows_its_ends_and_its_number() -> None:
    said = [f"kernel: blk_update_request: I/O error, dev vda, sector {number}" for number in range(5000)]
    view = view_of("".join(f"{stamp(BEGIN_S + number)} h {one}\n" for number, one in enumerate(said)).encode())
    text = text_of(view)
    assert len(text) <= 60
    assert (view.shown[0].line, view.shown[-1].line) == (1, 5000)
    assert any("what matters: I/O error 5,000" in line for line in text)


def test_around_a_time_only_that_is_shown() -> None:
    view = view_of(flood_log(30_000, PLANTED), around=(BEGIN_S, BEGIN_S + 600))
    assert view.around is not None
    assert view.around.lines == sum(one.inside or 0 for one in view.floods) + len(view.shown)
    assert all(one.usual_inside is not None for one in view.floods)


def test_what_the_guest_writes_is_harmless() -> None:
    data = b"[    1.000000] evil \x1b]0;x\x07\x1b[2J\xe2\x80\xae\r\n[    2.000000] \x9b31m\n"
    assert all(line.isprintable() for line in text_of(view_of(data)))


def test_times_since_the_boot() -> None:
    assert LogTimes(boots=()).shown(12.4) == "+12 s"
    assert LogTimes(boots=(100,)).shown(150) == "boot 2 +50 s"
    assert LogTimes(boots=(), boot_wall_s=BEGIN_S, zone=dt.UTC).shown(61) == "2026-09-21 14:14:21+00:00"
    assert LogTimes(zone=dt.UTC, ahead_s=3600).shown(BEGIN_S) == "2026-09-21 13:13:20+00:00"
    assert UTC.shown(None) == ""
    assert UTC.shown(1e18) == "1000000000000000000"


def test_a_flood_is_a_fact_and_a_sentence() -> None:
    miner = Miner(zone=dt.UTC)
    miner.feed(renewals(300))
    found = derive_log_floods(Facts([tally(miner)]))
    assert found is not None
    (line,) = log_story(Facts([found]))
    assert line.says.startswith("the log is flooded by DHCPREQUEST/DHCPACK on eth0")
    assert "crazytrain lease NETWORK --set 24h" in line.says


def test_without_a_log_there_is_no_fact() -> None:
    assert derive_log_floods(Facts()) is None


def test_a_log_without_a_flood_is_a_fact_that_says_so() -> None:
    miner = Miner(zone=dt.UTC)
    miner.feed(b"a\nb c\n")
    found = derive_log_floods(Facts([tally(miner)]))
    assert found is not None
    assert found.floods == ()


def test_a_clock_that_falls_back_spoils_no_rate() -> None:
    data = renewals(2000) + renewals(2000)
    view = view_of(data)
    (flood,) = view.floods
    assert flood.per_day is not None
    assert 2870 < flood.per_day < 2890
    assert view.span_s == 2 * 1999 * 60
    assert [jump.back_s for jump in view.jumps] == [1999 * 60]
