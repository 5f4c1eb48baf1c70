"""Logs made for tests: floods of several programs, and rare lines planted in them."""

import random
from collections.abc import Iterator, Sequence

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
BEGIN_S = 1_790_000_000  # 2026-09-21 14:13:20 UTC
_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)

WORDS = (
    "alpha",
    "bravo",
    "charlie",
    "delta",
    "echo",
    "foxtrot",
    "golf",
    "hotel",
    "india",
    "juliet",
    "kilo",
    "lima",
    "mike",
    "november",
    "oscar",
    "papa",
    "quebec",
    "romeo",
    "sierra",
    "tango",
)
PLANTED = (
    "kernel: [12345.678901] watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [sh:71]",
    "kernel: rcu: INFO: rcu_sched self-detected stall on CPU",
    "kernel: clocksource: timekeeping watchdog on CPU0: Marking clocksource 'tsc' as unstable because the skew is too large:",
    "kernel: INFO: task jbd2/vda1-8:212 blocked for more than 120 seconds.",
    "kernel: Out of memory: Killed process 612 (mysqld) total-vm:1804412kB",
    "kernel: blk_update_request: I/O error, dev vda, sector 9182 op 0x1:(WRITE)",
    "kernel: [UFW ALLOW] IN=eth0 OUT= MAC=52:54:00:00:00:01 SRC=10.0.0.1 DST=10.0.0.1 LEN=40 TOS=0x00 PROTO=TCP SPT=1 DPT=23",
    "dnsmasq-dhcp[1234]: DHCPNAK(virbr0) 192.168.122.3 52:54:00:00:00:01 wrong address",
    "dnsmasq-dhcp[1234]: DHCPREQUEST(virbr0) 192.168.122.11 52:54:00:00:00:01 unusual",
    "dnsmasq-dhcp[1234]: DHCPACK(bridge) 192.168.122.11 52:54:00:00:00:01 web01",
    "CRON[12]: (root) CMD (command -v evil > /dev/null && evil 1 1)",
    "CRON[12]: (backup) CMD (command -v debian-sa1 > /dev/null && debian-sa1 1 1)",
    "sshd[3]: Accepted password for invalid user root from 1.2.3.4 port 22 ssh2",
    "sshd[3]: Failed publickey for invalid user root from 1.2.3.4 port 22 ssh2",
    "systemd[1]: session-12.scope: Activated successfully.",
    "systemd[1]: machine-12.scope: Deactivated successfully.",
    *(f"app[7]: the {word} went away" for word in WORDS[:4]),
)


def stamp(at_s: int) -> str:
    """A stamp of syslog, UTC, of the year 2026 (days of a year without a 29 February)."""
    seconds = at_s - 1_767_225_600
    day, clock = divmod(seconds, 86_400)
    month = 0
    while day >= _DAYS[month]:
        day -= _DAYS[month]
        month += 1
    return f"{MONTHS[month]} {day + 1:2d} {clock // 3600:02d}:{clock // 60 % 60:02d}:{clock % 60:02d}"


def floods(rolls: random.Random) -> Iterator[str]:
    """Lines of floods without end: DHCP on both sides, cron, sshd with names that vary, a firewall, systemd, and two words that vary."""
    macs = [f"52:54:00:{rolls.randrange(256):02x}:{rolls.randrange(256):02x}:{number:02x}" for number in range(40)]
    users = ["".join(rolls.choice("abcdefghij") for _ in range(6)) for _ in range(2000)]
    while True:
        one = rolls.randrange(40)
        ip = f"192.168.122.{one + 10}"
        yield f"dnsmasq-dhcp[1234]: DHCPREQUEST(virbr0) {ip} {macs[one]}"
        yield f"dnsmasq-dhcp[1234]: DHCPACK(virbr0) {ip} {macs[one]} web{one:02d}"
        yield f"dhclient[612]: DHCPREQUEST for {ip} on eth0 to 192.168.122.1 port 67 (xid=0x{rolls.getrandbits(32):x})"
        yield f"dhclient[612]: DHCPACK of {ip} from 192.168.122.1"
        yield f"CRON[{rolls.randrange(32768)}]: (root) CMD (command -v debian-sa1 > /dev/null && debian-sa1 1 1)"
        yield (
            f"sshd[{rolls.randrange(32768)}]: Failed password for invalid user {rolls.choice(users)} from {rolls.randrange(256)}.2.3.4"
            f" port {rolls.randrange(65536)} ssh2"
        )
        yield (
            f"kernel: [{rolls.randrange(10**6)}.{rolls.randrange(10**6):06d}] [UFW BLOCK] IN=eth0 OUT= MAC={macs[one]} SRC=10.0.0.{one} "
            f"DST=10.0.0.1 LEN={rolls.randrange(1500)} TOS=0x00 PROTO=TCP SPT={rolls.randrange(65536)} DPT=23"
        )
        yield f"systemd[1]: session-{rolls.randrange(9999)}.scope: Deactivated successfully."
        yield f"app[7]: {rolls.choice(users)} was moved to the group {rolls.choice(users)} by an administrator"


def flood_log(count: int, planted: Sequence[str] = (), seed: int = 1) -> bytes:
    """So many lines of syslog, and these among them at places of chance."""
    rolls = random.Random(seed)
    places = dict(zip(sorted(rolls.sample(range(count), len(planted))), planted, strict=True))
    at_s, rows, flood = BEGIN_S, [], floods(rolls)
    for number in range(count):
        at_s += rolls.choice((0, 0, 1, 2))
        rows.append(f"{stamp(at_s)} host1 {places.get(number) or next(flood)}\n")
    return "".join(rows).encode()


def renewals(count: int, every_s: int = 60, interface: str = "eth0") -> bytes:
    """A client's own log: it renews its lease in such steps."""
    rows = []
    for number in range(count):
        head = f"{stamp(BEGIN_S + number * every_s)} web01 dhclient[612]:"
        rows.append(f"{head} DHCPREQUEST for 10.0.0.5 on {interface} to 10.0.0.1 port 67\n")
        rows.append(f"{head} DHCPACK of 10.0.0.5 from 10.0.0.1\n")
    return "".join(rows).encode()
