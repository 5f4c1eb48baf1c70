import datetime as dt
import itertools
import random
from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from crazytrain.decode.log_mining import Miner, Wanted
from crazytrain.decode.log_tally import decode_inside_log_templates, decode_log_templates, tally
from crazytrain.decode.log_tree import MOST_TEMPLATES, SELDOM, VARIES
from crazytrain.model.evidence import Evidence, Kind
from crazytrain.model.facts.log_templates import LogTally
from tests.logs_made import BEGIN_S, PLANTED, WORDS, flood_log, renewals, stamp

LATE_S = 1_800_000_000.0


def mined(data: bytes, cuts: Sequence[int] = (), wanted: Wanted | None = None) -> tuple[LogTally, list[int]]:
    """A log's tally, and the template of each of its lines; fed in blocks that end at the lines nearest to these places."""
    numbers: list[int] = []
    miner = Miner(wanted, zone=dt.UTC, sink=lambda _, number: numbers.append(number))
    miner.begin(LATE_S)
    ends = sorted({data.find(b"\n", cut) + 1 for cut in cuts} | {0, len(data)})
    for begin, end in itertools.pairwise(ends):
        miner.feed(data[begin:end])
    found = tally(miner)
    return found, [miner.tree.part_of(number) for number in numbers]


def patterns(found: LogTally) -> dict[str, int]:
    return {f"{one.program}: {' '.join(one.words)}": one.count for one in found.templates}


def rows(*said: str, step_s: int = 60) -> bytes:
    return "".join(f"{stamp(BEGIN_S + number * step_s)} h {one}\n" for number, one in enumerate(said)).encode()


LINE = st.one_of(
    st.binary(max_size=60),
    st.sampled_from(
        [
            b"Nov 23 06:45:01 h p[1]: x",
            b"[  1.0] usb 1-1",
            b"2026-11-23T06:45:01Z h p: y",
            b"\x1b[31mred\r",
            b"",
            b"\0\0",
            b"a b c d",
        ]
    ),
)


@settings(max_examples=200)
@given(st.lists(LINE, max_size=80), st.lists(st.integers(0, 4000), max_size=5))
@example([b"Nov 23 06:45:61 h p[1]: x"], [])
@example([b"Feb 31 06:45:01 h p[1]: x", b"Feb 31 06:45:99 h p[1]: x"], [])
def test_every_line_counts_for_one_template(lines: list[bytes], cuts: list[int]) -> None:
    data = b"".join(line.replace(b"\n", b" ") + b"\n" for line in lines)
    found, numbers = mined(data, [min(cut, len(data)) for cut in cuts])
    assert found.lines == len(lines) == len(numbers)
    assert sum(one.count for one in found.templates) == len(lines)
    assert Counter(numbers) == {one.number: one.count for one in found.templates}


@settings(max_examples=60)
@given(st.lists(LINE, max_size=60), st.lists(st.integers(0, 3000), max_size=5))
def test_blocks_do_not_matter(lines: list[bytes], cuts: list[int]) -> None:
    data = b"".join(line.replace(b"\n", b" ") + b"\n" for line in [b"Nov 23 06:45:01 h p[1]: begin", *lines])
    assert mined(data, [min(cut, len(data)) for cut in cuts])[1] == mined(data)[1]


def test_a_last_line_without_an_end_counts() -> None:
    assert mined(b"a\nb")[0].lines == 2


def test_a_flood_of_many_programs_hides_none_of_twenty_rare_lines() -> None:
    assert len(PLANTED) == 20
    found, _ = mined(flood_log(60_000, PLANTED))
    kept = {line.text.partition(" host1 ")[2] for one in found.templates for line in one.kept if one.count <= SELDOM}
    assert set(PLANTED) <= kept
    assert len(found.templates) < 40


def test_twenty_odd_words_in_one_place_of_a_flood_are_not_part_of_it() -> None:
    flood = ["app[7]: the backup is done"] * 3000
    for number, word in enumerate(WORDS):
        flood[100 * number + 50] = f"app[7]: the {word} is done"
    counts = patterns(mined(rows(*flood))[0])
    assert counts["app: the backup is done"] == 2980
    assert all(counts[f"app: the {word} is done"] == 1 for word in WORDS)


def test_a_place_of_many_words_is_given_up() -> None:
    said = [
        f"app[7]: hello {''.join(chr(97 + (number // 26**p) % 26) for p in range(4))} again" for number in range(500)
    ]
    found, numbers = mined(rows(*said, "app[7]: hello there my friend"))
    counts = patterns(found)
    assert counts["app: hello <*> again"] == 500
    assert counts["app: hello there my friend"] == 1
    assert len(set(numbers)) == 2


def test_two_places_of_many_words_are_given_up_together() -> None:
    rolls = random.Random(1)
    names = ["".join(rolls.choice("abcdefgh") for _ in range(6)) for _ in range(400)]
    said = [f"app[7]: {rolls.choice(names)} was moved to {rolls.choice(names)} by root" for _ in range(2000)]
    counts = patterns(mined(rows(*said))[0])
    assert counts["app: <*> was moved to <*> by root"] >= 1900
    assert len(counts) < VARIES


def test_more_kinds_than_can_be_told_apart_are_told() -> None:
    rolls = random.Random(2)
    words = ["".join(rolls.choice("abcdefghijklmnop") for _ in range(7)) for _ in range(3000)]
    said = [" ".join(rolls.choice(words) for _ in range(rolls.randrange(1, 7))) for _ in range(3 * MOST_TEMPLATES)]
    found, _ = mined("".join(f"{one}\n" for one in said).encode())
    assert found.full
    assert sum(one.count for one in found.templates) == found.lines == len(said)
    assert len(found.templates) <= MOST_TEMPLATES + 100


def test_times_rates_and_bursts() -> None:
    said = rows(*["app[7]: tick"] * 60, step_s=60) + b"".join(
        f"{stamp(BEGIN_S + 7200 - BEGIN_S % 60 + second)} h app[7]: tick\n".encode() for second in range(50)
    )
    (one,) = mined(said)[0].templates
    assert (one.count, one.first_s, one.last_s) == (110, BEGIN_S, BEGIN_S + 7200 - BEGIN_S % 60 + 49)
    assert one.gap_s == 60
    assert (one.burst, one.burst_at_s) == (50, BEGIN_S + 7200 - BEGIN_S % 60)


def test_the_clock_falls_back() -> None:
    span = mined(rows("a: x", "a: x") + rows("a: x"))[0].span
    assert [(jump.line, jump.from_s - jump.to_s) for jump in span.jumps] == [(3, 60)]


def test_lines_a_little_late_are_no_fall() -> None:
    data = b"".join(f"{stamp(BEGIN_S + at)} h a: x\n".encode() for at in (0, 5, 3, 6, 4, 9))
    assert mined(data)[0].span.jumps == ()


def test_boots_are_counted_on_one_clock() -> None:
    data = b"[    1.000000] a\n[  100.000000] b\n[    2.000000] a\n[   50.000000] b\n"
    span = mined(data)[0].span
    assert (span.boots, span.first_s, span.last_s) == ((100,), 1, 150)


def test_one_clock_rules_and_stamps_of_the_other_are_words() -> None:
    span = mined(rows("a: x", "a: y") + b"[    1.000000] z\n" + rows("a: x", step_s=0))[0].span
    assert span.boots is None
    assert span.untimed == 1


def test_only_the_time_that_is_wanted_counts() -> None:
    data = rows(*["a: x"] * 10)
    found, numbers = mined(data, wanted=Wanted(since=BEGIN_S + 120, until=BEGIN_S + 300))
    assert (found.lines, found.outside, sum(one.count for one in found.templates), len(numbers)) == (10, 6, 4, 4)


def test_lines_inside_a_time_are_kept() -> None:
    (one,) = mined(rows(*["a: x"] * 100), wanted=Wanted(inside_from=BEGIN_S + 60, inside_until=BEGIN_S + 180))[
        0
    ].templates
    assert (one.count, one.inside, [line.number for line in one.kept_inside]) == (100, 3, [2, 3, 4])


def test_what_matters_is_kept_from_both_ends() -> None:
    said = [f"kernel: blk_update_request: I/O error, dev vda, sector {number}" for number in range(1000)]
    found = mined(rows(*said))[0]
    assert found.matter_counts == (("I/O error", 1000),)
    assert (found.matter[0].number, found.matter[-1].number, len(found.matter)) == (1, 1000, 400)


def test_a_client_that_renews_every_minute() -> None:
    (party,) = mined(renewals(100))[0].dhcp
    assert (party.interface, party.server, party.renewals, party.gap_s) == ("eth0", False, 100, 60)
    assert dict(party.kinds) == {"DHCPREQUEST": 100, "DHCPACK": 100}


DHCP = [
    (
        "dnsmasq-dhcp[1]: DHCPREQUEST(virbr0) 192.168.122.45 52:54:00:a1:b2:c3",
        "virbr0",
        "52:54:00:a1:b2:c3",
        True,
        None,
    ),
    (
        "dnsmasq-dhcp[1]: DHCPRENEW(virbr1) 00:01:00:01:2a:bb:cc:dd:52:54:00:a1:b2:c3",
        "virbr1",
        "00:01:00:01:2a:bb:cc:dd:52:54:00:a1:b2:c3",
        True,
        None,
    ),
    (
        "dhcpd[1]: DHCPREQUEST for 10.0.0.5 from 52:54:00:a1:b2:c3 (web01) via br0",
        "br0",
        "52:54:00:a1:b2:c3",
        True,
        None,
    ),
    ("dhclient[1]: DHCPREQUEST of 10.0.0.5 on eth0 to 10.0.0.1 port 67 (xid=0x1)", "eth0", "", False, None),
    ("udhcpc: udhcpc: sending renew to server 10.0.0.1", "", "", False, None),
    ("udhcpc: Lease of 10.0.0.5 obtained from 10.0.0.1, lease time 120", "", "", False, 120),
    ("dhcpcd[1]: eth0: leased 10.0.0.5 for 300 seconds", "eth0", "", False, 300),
    ("NetworkManager[1]: <info>  [1795416301.1] dhcp4 (eth0):   lease time 3600", "eth0", "", False, 3600),
]


@pytest.mark.parametrize(("said", "interface", "client", "server", "lease_s"), DHCP)
def test_dhcp_in_the_words_of_its_programs(
    said: str, interface: str, client: str, server: bool, lease_s: int | None
) -> None:
    (party,) = mined(rows(said, said))[0].dhcp
    assert (party.interface, party.client, party.server, party.lease_s) == (interface, client, server, lease_s)
    assert party.renewals == 2
    assert party.gap_s == 60


def test_bytes_that_are_no_text_are_counted() -> None:
    assert mined(b"x\n" + bytes(range(128, 256)) + b"\ny\n")[0].binary_lines == 1


def test_a_console_of_a_look_is_a_fact() -> None:
    data = renewals(50)
    (fact,) = decode_log_templates(
        Evidence(id="console.0", kind=Kind.CONSOLE, source="x", data=data, wall_ns=int(LATE_S * 1e9))
    )
    assert isinstance(fact, LogTally)
    assert (fact.lines, fact.pasted, str(fact.refs[0])) == (100, False, "console.0")


def test_a_few_lines_are_no_log() -> None:
    assert list(decode_log_templates(Evidence(id="x", kind=Kind.CONSOLE, source="x", data=b"a\nb\n"))) == []


def test_the_log_in_the_guests_memory_is_a_fact() -> None:
    records = ",".join(f'[{number},{number * 10**9},0,"usb 1-{number}: new device"]' for number in range(30))
    (fact,) = decode_inside_log_templates(
        Evidence(id="x", kind=Kind.INSIDE_LOG, source="x", data=f'{{"records":[{records}]}}'.encode())
    )
    assert isinstance(fact, LogTally)
    assert fact.span.boots == ()
    assert fact.span.last_s == 29


@given(
    st.lists(
        st.sampled_from(["a=0x1f b", "a=0xab b", "a=0xabz b", "x\r[  12.5] y=0x1", "x=0xa1\r[  12.5] y", "a=0x b"]),
        max_size=30,
    )
)
def test_identifiers_are_masked_as_words_are(said: list[str]) -> None:
    data = "".join(f"[    1.000000] {one}\n" for one in said).encode()
    alone = [mined(b"[    1.000000] x\n" + f"[    1.000000] {one}\n".encode())[0].templates[-1].words for one in said]
    found, numbers = mined(data)
    words = {one.number: one.words for one in found.templates}
    assert [words[number] for number in numbers] == alone
