import pytest
from hypothesis import given
from hypothesis import strategies as st

from crazytrain.decode.log_words import MOST_WORDS, Words, is_binary, shown_part, spoken, without_controls


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (b"from 192.168.122.45 port 22", "from <ip> port <n>"),
        (b"via fe80::5054:ff:fe12:3456 and 2001:db8::1/64", "via <ip> and <ip>"),
        (b"lease 52:54:00:a1:b2:c3", "lease <mac>"),
        (b"id 550e8400-e29b-41d4-a716-446655440000.", "id <uuid>."),
        (b"at 0x7ffd12ab xid=0xDEAD c0ffee1234", "at <hex> xid=<hex> <hex>"),
        (b"/dev/vda1 sdb nvme0n1p2 dm-3 loop12", "/dev/<dev> <dev> <dev> <dev> <dev>"),
        (b"eth0: 3.14 12,5 v1.2.3", "eth<n>: <n> <n>,<n> v<n>"),
        (b"dead beef face", "dead beef face"),
        (b"DHCPACK(virbr0)", "DHCPACK(virbr<n>)"),
    ],
)
def test_what_varies_is_masked(message: bytes, words: str) -> None:
    assert " ".join(Words().of(message)) == words


def test_a_long_message_has_a_last_word() -> None:
    words = Words().of(b"x " * 500)
    assert len(words) == MOST_WORDS + 1
    assert words[-1] == "..."


@given(st.text(alphabet="ab:.-/[]()=x0123456789 cdef", max_size=80), st.randoms())
def test_digits_never_tell_lines_apart(text: str, rolls: object) -> None:
    """The miner's cache rests on this: lines of the same length that differ in digits alone have the same words."""
    other = "".join(str(rolls.randrange(10)) if c.isdigit() else c for c in text)  # type: ignore[attr-defined]
    # 0x is the one place where a digit has a meaning
    if "x" not in text:
        assert Words().of(text.encode()) == Words().of(other.encode())


@pytest.mark.parametrize(
    ("rest", "boot", "program", "message"),
    [
        (b"web01 dnsmasq-dhcp[1234]: DHCPACK", False, "dnsmasq-dhcp", b"DHCPACK"),
        (b"web01 kernel: x", False, "kernel", b"x"),
        (b"kernel: x", False, "kernel", b"x"),
        (b"web01 daemon.info udhcpc[107]: started", False, "udhcpc", b"started"),
        (b"web01 kern.info kernel: x", False, "kernel", b"x"),
        (b"daemon.info dnsmasq-dhcp[1]: x", False, "dnsmasq-dhcp", b"x"),
        (b"(cron) y", False, "", b"(cron) y"),
        (b'm.example.com evntslog - ID47 [a@1 b="c"] hello', False, "evntslog", b"hello"),
        (b"random: crng init done", True, "", b"random: crng init done"),
        (b"web01 kernel: x", True, "kernel", b"x"),
        (b"systemd[1]: Started", True, "systemd", b"Started"),
    ],
)
def test_who_says_it(rest: bytes, boot: bool, program: str, message: bytes) -> None:
    found, end = spoken(rest, boot=boot)
    assert (found, rest[end:]) == (program, message)


def test_terminal_sequences_go() -> None:
    assert without_controls(b"\x1b[1;31mred\x1b[0m\x07 \x1b]0;title\x07x") == b"red x"
    assert b"10 %\r50 %\rdone\r"[shown_part(b"10 %\r50 %\rdone\r") :] == b"done\r"


@pytest.mark.parametrize(
    ("text", "binary"),
    [
        (b"plain", False),
        ("Größe €".encode(), False),
        (bytes(range(256)), True),
        (b"\x00\x01\x02" * 30, True),
        (b"", False),
        (b"\xff\xfe\xfd" * 9, True),
    ],
)
def test_what_is_no_text(text: bytes, binary: bool) -> None:
    assert is_binary(text) == binary
