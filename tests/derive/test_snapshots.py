"""Several snapshots of one kind in pasted text: rates where the text tells how far apart they are, and none where it does not."""

import subprocess
from pathlib import Path

import pytest

from crazytrain.decode.recognise import split
from crazytrain.diagnose.causes import CAUSES
from crazytrain.diagnose.engine import diagnose, headline
from crazytrain.model.facts import Facts, InterruptRates, KvmStats, ThreadActivity, ThreadRole
from crazytrain.model.facts.block import BlockUse
from crazytrain.model.facts.host_tables import CpuTable
from crazytrain.model.facts.moments import LinuxInterrupts, Snapshots
from crazytrain.model.facts.services import BalloonUse
from crazytrain.model.facts.threads import ProcessUse
from crazytrain.pipeline import read
from crazytrain.report.story import story

IRQS = """(qemu) info irq
IRQ statistics for ioapic:
 4: 3
 8: {}
"""
FIRST, SECOND = IRQS.format(100_000), IRQS.format(181_920)

INTERRUPTS = """           CPU0       CPU1
  0:         38          0   IO-APIC   2-edge      timer
  8:    {}          0   IO-APIC   8-edge      rtc0
 24:        100         12   PCI-MSI 524288-edge      virtio0-input.0
LOC:    4021234    3998121   Local timer interrupts
"""
STAT = "4711 (qemu-system-x86) S 1 4711 4711 0 -1 138412352 1 0 0 0 {} 200 0 0 20 0 4 0 4000 " + "0 " * 20 + "0 0"
MAIN = "{} (qemu-system-x86) S 1 4711 4711 0 -1 138412352 1 0 0 0 {} 0 0 0 20 0 2 0 4000 " + "0 " * 20 + "0 0"
VCPU = "{} (CPU 0/KVM) S 1 4711 4711 0 -1 138412352 1 0 0 0 {} 0 0 0 20 0 2 0 4000 " + "0 " * 20 + "{} 0"


def facts_of(*texts: str) -> Facts:
    reading = read([one for number, text in enumerate(texts) for one in split(f"{number}.txt", text.encode())])
    assert not reading.notes
    return reading.facts


def rtc_rate(*texts: str) -> float | None:
    rates = facts_of(*texts).get(InterruptRates)
    return rates.per_s(8) if rates else None


def before(first: str, second: str) -> str:
    return f"{first}\n{FIRST}\n{second}\n{SECOND}"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Mon Nov 23 16:00:14 UTC 2026", "Mon Nov 23 16:00:24 UTC 2026"),
        ("Mon Nov 23 23:59:55 UTC 2026", "Tue Nov 24 00:00:05 UTC 2026"),
        ("Tue Dec  1 03:59:55 PM CET 2026", "Tue Dec  1 04:00:05 PM CET 2026"),
        ("Mo 23. Nov 16:00:14 CET 2026", "Mo 23. Nov 16:00:24 CET 2026"),
        ("lun. 31 août 2026 23:59:58 CEST", "mar. 1 sept. 2026 00:00:08 CEST"),
        ("2026-11-23T16:00:14+00:00", "2026-11-23T16:00:24+00:00"),
        ("$ date +%s\n1795449614", "$ date +%s\n1795449624"),
        ("1795449614.250000000", "1795449624.250000000"),
        ("=== 23:59:55 ===", "=== 00:00:05 ==="),
        ("$ cat /proc/uptime\n4711.50 9000.00", "$ cat /proc/uptime\n4721.50 9020.00"),
        (" 16:00:14 up 3 days,  2:01,  1 user,  load average: 1.00, 1.00, 1.00",) * 1
        + (" 16:00:24 up 3 days,  2:01,  1 user,  load average: 1.00, 1.00, 1.00",),
        ("", "10 seconds later:"),
        ("", "# and about 10 sec later, once more:"),
        ("", "after 10s:"),
        ("", "$ sleep 10"),
        ("while true; do ask; sleep 10; done", ""),
        ("Every 10.0s: ask    pve: Mon Nov 23 16:00:14 2026", "Every 10.0s: ask    pve: Mon Nov 23 16:00:24 2026"),
        ("Every 10,0s: ask", "Every 10,0s: ask"),
    ],
)
def test_what_tells_how_far_apart_they_are(first: str, second: str) -> None:
    assert rtc_rate(before(first, second)) == pytest.approx(8192.0)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("", ""),
        ("Mon Nov 23 16:00:14 UTC 2026", ""),
        ("", "Mon Nov 23 16:00:14 UTC 2026"),
        ("Mon Nov 23 16:00:14 UTC 2026", "Mon Nov 23 16:00:14 UTC 2026"),
        ("Mon Nov 23 16:00:14 UTC 2026", "Mon Nov 23 16:00:04 UTC 2026"),
        ("Mon Nov 23 16:00:14 UTC 2026", "1795449624"),
        ("Mon Nov 23 16:00:14 UTC 2026", "Mon Nov 30 16:00:14 UTC 2026"),
        ("sleep 10", ""),
        ("", "the guest hung 10 seconds later"),
        ("", "After 5 minutes the guest was still at 100 %"),
        ("[16:00:14] root@pve:~# ask", "[16:00:24] root@pve:~# ask"),
        ("the guest hangs since 16:00:14, and I", "asked once more at 16:00:24 when it hung"),
    ],
)
def test_no_rate_where_it_is_not_told(first: str, second: str) -> None:
    """The time in a prompt is when the command before it ended: one that stands above the first snapshot dates nothing."""
    assert rtc_rate(before(first, second)) is None


def test_order_alone_is_said_to_give_no_rate() -> None:
    facts = facts_of(before("", ""))
    assert facts.get(InterruptRates) is None
    said = " ".join(one.says for one in story(facts))
    assert "2 snapshots of info irq" in said
    assert "IRQ 8 by 81,920" in said
    assert "gives no rate" in said


EVENT = '{{"timestamp": {{"seconds": {}, "microseconds": {}}}, "event": "RTC_CHANGE", "data": {{"offset": 0}}}}\n'


def test_events_on_both_sides_date_what_stands_between() -> None:
    asked = '{{"execute": "query-balloon"}}\n{{"return": {{"actual": {}}}}}\n'
    parts = (
        EVENT.format(1795449614, 0),
        asked.format(1 << 30),
        EVENT.format(1795449614, 500_000),
        EVENT.format(1795449624, 0),
        asked.format(3 << 30),
        EVENT.format(1795449624, 500_000),
    )
    use = facts_of("".join(parts)).get(BalloonUse)
    assert use
    assert (use.window_ns, use.grown_bytes) == (10 * 10**9, 2 << 30)
    assert facts_of("".join(parts[:-1])).get(BalloonUse) is None
    assert facts_of("".join((parts[0], *parts[1:3], parts[4], parts[5]))).get(BalloonUse) is None  # too far apart


def test_a_prompt_dates_what_stands_above_it() -> None:
    text = f"[16:00:00] root@pve:~# ask\n{FIRST}[16:05:00] root@pve:~# ask\n{SECOND}[16:05:10] root@pve:~# \n"
    assert rtc_rate(text) == pytest.approx(8192.0)


def test_two_files_each_with_its_date() -> None:
    first, second = f"Mon Nov 23 16:00:14 UTC 2026\n{FIRST}", f"Mon Nov 23 16:00:24 UTC 2026\n{SECOND}"
    assert rtc_rate(first, second) == pytest.approx(8192.0)
    assert rtc_rate(f"sleep 10\n{FIRST}", SECOND) is None


def test_a_storm_is_found_from_two_pasted_answers() -> None:
    for text, wanted in ((before("", "10 s later"), "rtc-periodic-storm"), (before("", ""), None)):
        best = headline(diagnose(facts_of(text), CAUSES), CAUSES)
        assert (best.cause if best else None) == wanted


def test_proc_interrupts() -> None:
    text = f"date\nMon Nov 23 16:00:14 UTC 2026\n{INTERRUPTS.format(1000)}\nMon Nov 23 16:00:18 UTC 2026\n{INTERRUPTS.format(5096)}"
    found = facts_of(text).get(LinuxInterrupts)
    assert found
    assert found.per_s("rtc0") == 1024
    assert found.guest is True
    assert facts_of(text.replace("5096", "996")).get(LinuxInterrupts) is None  # it was booted in between


def blockstats(reads: int) -> str:
    return (
        f"drive0: rd_bytes={512 * reads} wr_bytes=0 rd_operations={reads} wr_operations=0 flush_operations=0 "
        f"wr_total_time_ns=0 rd_total_time_ns={1_000_000 * reads} flush_total_time_ns=0 rd_merged=0 wr_merged=0 idle_time_ns=123\n"
    )


def test_blockstats() -> None:
    text = f"(qemu) info blockstats\n{blockstats(100)}after 5 s\n(qemu) info blockstats\n{blockstats(600)}"
    use = facts_of(text).get(BlockUse)
    assert use
    assert use.disks[0].reads_per_s == 100
    assert use.disks[0].read_ns == 1_000_000


def test_query_blockstats() -> None:
    answer = '{{"return": [{{"device": "drive0", "stats": {{"rd_operations": {}, "wr_operations": 0, "rd_bytes": 0, "wr_bytes": 0}}}}]}}\n'
    asked = '{"execute": "query-blockstats"}\n'
    text = f"Mon Nov 23 16:00:14 UTC 2026\n{asked}{answer.format(10)}Mon Nov 23 16:00:24 UTC 2026\n{asked}{answer.format(110)}"
    use = facts_of(text).get(BlockUse)
    assert use
    assert use.disks[0].reads_per_s == 10


def domstats(domain: str, halts: int, reads: int, balloon_kib: int) -> str:
    return (
        f"Domain: '{domain}'\n  state.state=1\n  vcpu.current=1\n  vcpu.0.halt_exits.sum={halts}\n  balloon.current={balloon_kib}\n"
        f"  block.count=1\n  block.0.name=vda\n  block.0.rd.reqs={reads}\n  block.0.rd.bytes=0\n"
    )


def test_domstats() -> None:
    first, second = domstats("web01", 1000, 10, 1 << 20), domstats("web01", 21_000, 40, 1 << 19)
    other = domstats("db01", 999_999, 7, 1 << 10)
    facts = facts_of(
        f"$ date\nMon Nov 23 16:00:14 UTC 2026\n{other}{first}$ date\nMon Nov 23 16:00:24 UTC 2026\n{other}{second}"
    )
    stats, use, balloon = facts.get(KvmStats), facts.get(BlockUse), facts.get(BalloonUse)
    assert stats
    assert use
    assert balloon
    assert stats.per_s("halt_exits") == 2000
    assert use.disks[0].reads_per_s == 3
    assert balloon.grown_bytes == -512 << 20


def test_different_domains_are_no_pair() -> None:
    facts = facts_of(f"sleep 1; ask\n{domstats('a', 1, 1, 9)}{domstats('b', 9, 9, 99)}")
    assert facts.get(KvmStats) is None
    assert facts.get(Snapshots) is None


def test_counters_of_debugfs() -> None:
    row = "/sys/kernel/debug/kvm/4711-12/exits:{}\n/sys/kernel/debug/kvm/4711-12/halt_exits:{}\n"
    facts = facts_of(f"date +%s\n1795449614\n{row.format(1000, 10)}date +%s\n1795449616\n{row.format(9000, 30)}")
    stats = facts.get(KvmStats)
    assert stats
    assert (stats.per_s("exits"), stats.per_s("halt_exits")) == (4000, 10)


def test_proc_stat_has_its_own_clock() -> None:
    text = "cpu  1000 0 500 8000 0 0 0 0 900 0\ncpu0 1000 0 500 8000 0 0 0 0 900 0\nintr 1000 0 0 0 0 0\nctxt 5000\n"
    later = "cpu  1400 0 600 8400 50 0 0 50 1200 0\ncpu0 1400 0 600 8400 50 0 0 50 1200 0\nintr 3000 0 0 0 0 0\nctxt 15000\n"
    table = facts_of(f"$ cat /proc/stat\n{text}$ cat /proc/stat\n{later}").get(CpuTable)
    assert table
    assert table.whole
    assert (table.whole.guest_ratio, table.whole.user_ratio, table.whole.steal_ratio) == (0.3, 0.1, 0.05)
    assert (table.interrupts_per_s, table.switches_per_s) == (200, 1000)


def test_threads_by_stat() -> None:
    def shot(main: int, vcpu: int) -> str:
        return f"$ cat /proc/4711/task/*/stat\n{MAIN.format(4711, main)}\n{VCPU.format(4713, vcpu, vcpu)}\n"

    activity = facts_of(f"{shot(100, 1000)}$ sleep 10\n{shot(200, 1900)}").get(ThreadActivity)
    assert activity
    assert [(use.tid, use.role, use.cpu_ratio) for use in activity.threads] == [
        (4711, ThreadRole.MAIN_LOOP, 0.1),
        (4713, ThreadRole.VCPU, 0.9),
    ]
    alone = f"{VCPU.format(4713, 100, 1)}\n$ sleep 10\n{VCPU.format(4713, 1000, 1)}\n"
    assert facts_of(alone).get(ThreadActivity) is None  # of the other threads nothing is known


def test_schedstat_with_names() -> None:
    def shot(run_ns: int, delay_ns: int) -> str:
        return (
            "/proc/4711/task/4711/comm:qemu-system-x86\n/proc/4711/task/4711/schedstat:1000 10 3\n"
            f"/proc/4711/task/4713/comm:CPU 0/KVM\n/proc/4711/task/4713/schedstat:{run_ns} {delay_ns} 3\n"
        )

    text = f"1795449614\n{shot(10**9, 10**9)}\n1795449624\n{shot(5 * 10**9, 7 * 10**9)}"
    activity = facts_of(text).get(ThreadActivity)
    assert activity
    (vcpu,) = activity.of(ThreadRole.VCPU)
    assert (vcpu.cpu_ratio, vcpu.delay_ratio) == (0.4, 0.6)


def test_a_whole_process_by_its_stat() -> None:
    text = f"$ cat /proc/4711/stat\n{STAT.format(1000)}\n$ sleep 20\n$ cat /proc/4711/stat\n{STAT.format(3000)}\n"
    facts = facts_of(text)
    use = facts.get(ProcessUse)
    assert use
    assert use.cpu_ratio == 1.0
    assert facts.get(ThreadActivity) is None


def test_a_line_that_is_there_only_once_does_no_harm() -> None:
    later = INTERRUPTS.format(9000).replace(" 24:", " 25:")
    facts = facts_of(f"{INTERRUPTS.format(1000)}{later}")
    assert any("interrupts between the snapshots" in one.says for one in story(facts))


@pytest.mark.real
def test_snapshots_of_this_very_machine() -> None:
    """What the shell prints here, with its own date, read as a paste: rates of this machine's own clock."""
    shot = "date; cat /proc/interrupts; date +%s.%N; cat /proc/stat; cat /proc/uptime; grep . /proc/$$/task/*/schedstat"
    script = f"{shot}; sleep 1.2; {shot}"
    done = subprocess.run(("sh", "-c", script), capture_output=True, text=True, timeout=60, check=True)
    facts = facts_of(done.stdout)
    table, pairs = facts.get(CpuTable), facts.get(Snapshots)
    assert table
    assert table.whole
    assert table.whole.user_ratio + table.whole.system_ratio + table.whole.idle_ratio <= 1.001
    assert pairs
    assert all(pair.window_ns >= 10**9 for pair in pairs.pairs)
    if Path("/proc/interrupts").read_text().count("\n") > 1:
        found = facts.get(LinuxInterrupts)
        assert found
        assert 0 < sum(one.per_s for one in found.rates) < 10**7
