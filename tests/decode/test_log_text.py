"""Kernel logs as pasted: whose they are, what matters in them, call traces."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crazytrain.decode.log_lines import log_line
from crazytrain.decode.log_side import side
from crazytrain.decode.recognise import split
from crazytrain.decode.registry import decoders_of
from crazytrain.derive.host_log import derive_host_log
from crazytrain.derive.pasted import derive_best_exits, derive_console_log, derive_kernel_log
from crazytrain.model.evidence import Kind
from crazytrain.model.facts import ConsoleLog, ExitCount, Facts, KvmExits, LineMeaning
from crazytrain.model.facts.kernel_traces import KernelTrace, LogClock
from crazytrain.model.facts.logs import KernelLog, KernelMeaning
from crazytrain.model.facts.versions import VersionTold
from tests.decode.pasted import broken_by_mailer, evidence
from tests.support import ROOT

RECORDED = (ROOT / "tests" / "data" / "log_text" / "guest-soft-lockup.txt").read_text()
# The forms of lib/dump_stack.c and arch/x86/kernel/dumpstack.c: a guest's CPU that is stuck, and a host's in KVM's timer.
GUEST = """[  181.101152] watchdog: BUG: soft lockup - CPU#5 stuck for 26s! [swapper/5:0]
[  181.145578] Modules linked in: kvm_intel kvm virtio_net
[  181.145578] CPU: 5 PID: 0 Comm: swapper/5 Not tainted 6.2.9-300.x86_64 #1
[  181.145578] Hardware name: QEMU Standard PC (Q35 + ICH9, 2009), BIOS 1.16.2 04/01/2014
[  181.145578] RIP: 0010:virtqueue_get_buf_ctx+0x58/0x300 [virtio_ring]
[  181.145578] Code: 4c 89 74 24 08
[  181.145578] RAX: 0000000000000000 RBX: ff2d02b1b404c910 RCX: 0000000000000100
[  181.145578] Call Trace:
[  181.145578]  <IRQ>
[  181.145578]  virtnet_poll+0x1a/0x90 [virtio_net]
[  181.145578]  ? wakeup_entity+0x3a/0x70
[  181.145578]  net_rx_action+0x10a/0x2b0
[  181.145578]  </IRQ>
"""
HOST = """NMI watchdog: Watchdog detected hard LOCKUP on cpu 45
...
RIP: 0010:advance_periodic_target_expiration+0x4d/0x80 [kvm]
Call Trace:
 <IRQ>
 apic_timer_fn+0x31/0x50 [kvm]
 __hrtimer_run_queues+0x100/0x280
 </IRQ>
"""
OLD = """[183308.532032] INFO: rcu_sched self-detected stall on CPU { 1}  (t=22338 jiffies g=1 c=2 q=30)
[183308.532032] CPU: 1 PID: 2765 Comm: alsa-sink-ID 22 Tainted: G        W    3.10-2-amd64 #1 Debian 3.10.7-1
[183308.532032] Hardware name: Bochs Bochs, BIOS Bochs 01/01/2011
[183308.532032] RIP: 0010:[<ffffffff8102e321>]  [<ffffffff8102e321>] native_write_msr_safe+0x6/0x9
[183308.532032]  [<ffffffff8104b1c6>] ? snd_pcm_action+0x20/0x40
[183308.532032]  [<ffffffff8104b1c6>] snd_pcm_ioctl+0x20/0x40
"""


def facts(text: str) -> list[object]:
    every = (fact for part in split("log.txt", text.encode()) for decode in decoders_of(part) for fact in decode(part))
    return [fact for fact in every if not isinstance(fact, VersionTold)]  # told by what stands beside the trace


def test_a_recorded_guest_tells_of_its_lockup() -> None:
    log = derive_console_log(Facts(facts(RECORDED)))
    assert log is not None
    assert [line.meaning for line in log.matter] == [LineMeaning.SOFT_LOCKUP, LineMeaning.SOFT_LOCKUP]
    assert log.matter[0].text.startswith("watchdog: BUG: soft lockup - CPU#1 stuck for 3s!")
    assert "does not tell whose" in log.matter[0].said_in


def test_a_guests_trace() -> None:
    log, trace = facts(GUEST)
    assert isinstance(log, ConsoleLog)
    assert isinstance(trace, KernelTrace)
    assert log.matter[0].said_in == "the guest's log"
    assert (trace.host, trace.sure, trace.place) == (False, True, "virtqueue_get_buf_ctx")
    assert (trace.functions, trace.doubtful) == (("virtnet_poll", "net_rx_action"), ("wakeup_entity",))
    assert (trace.cpu, trace.pid, trace.comm, trace.kernel) == (5, 0, "swapper/5", "6.2.9-300.x86_64")
    assert trace.has("virtqueue_*")
    assert not trace.has("wakeup_entity")
    assert str(trace.refs[0]) == "log.txt:1-12"


def test_a_hosts_trace_without_stamps() -> None:
    log, trace = facts(HOST)
    assert isinstance(log, KernelLog)
    assert isinstance(trace, KernelTrace)
    assert [line.meaning for line in log.matter] == [
        KernelMeaning.HARD_LOCKUP,
        KernelMeaning.TRACE,
        KernelMeaning.TRACE,
    ]
    assert (trace.host, trace.names[:2]) == (True, ("advance_periodic_target_expiration", "apic_timer_fn"))


def test_the_old_form_of_a_trace() -> None:
    _log, trace = facts(OLD)
    assert isinstance(trace, KernelTrace)
    assert (trace.place, trace.functions, trace.doubtful) == (
        "native_write_msr_safe",
        ("snd_pcm_ioctl",),
        ("snd_pcm_action",),
    )
    assert (trace.kernel, trace.host) == ("3.10-2-amd64", False)
    assert trace.complaint.startswith("INFO: rcu_sched")


@pytest.mark.parametrize(
    "prefix",
    [
        "[2251047.907013] ",
        "[2251047.907013][T123] ",
        "<4>[2251047.907013] ",
        "kern  :warn  : [2251047.907013] ",
        "[Fri Mar  9 12:00:00 2012] ",
        "Mar  9 12:00:00 neon kernel: ",
        "Mar 09 12:00:00 neon kernel: [2251047.907013] ",
        "7月 27 10:48:59 neon kernel: ",
        "2024-03-09T12:00:00.123456+01:00 neon kernel: [2251047.907013] ",
        "2024-03-09 12:00:00 neon kernel: ",
        "kernel: [2251047.907013] ",
        "",
    ],
)
def test_every_kind_of_stamp(prefix: str) -> None:
    text = "x86/split lock detection: #AC: CPU 0/KVM/88279 took a split_lock trap at address: 0xfffff80104613be8"
    (log,) = facts(prefix + text + "\n")
    assert isinstance(log, KernelLog)
    assert [(line.meaning, line.pid, line.comm, line.text) for line in log.matter] == [
        (KernelMeaning.SPLIT_LOCK, 88279, "CPU 0/KVM", text)
    ]


def test_without_threads_to_compare_a_vcpu_is_the_guests() -> None:
    text = "[ 100.000000] kvm [21715]: vcpu1 unhandled rdmsr: 0x611\n[ 160.000000] x86/split lock detection: #AC: {}/9 took a split_lock trap at address: 0x1\n"
    log = derive_host_log(Facts(facts(text.format("CPU 0/KVM"))))
    assert log is not None
    assert [(line.ours, line.in_window, line.ago_ns) for line in log.lines] == [
        (True, False, 60_000_000_000),
        (True, False, 0),
    ]
    other = derive_host_log(Facts(facts(text.format("Steam"))))
    assert other is not None
    assert [line.ours for line in other.lines] == [True, False]


@pytest.mark.parametrize(
    ("line", "host", "sure"),
    [
        ("kvm: requested 99733 ns i8254 timer period limited to 200000 ns", True, True),
        ("vmbr0: port 2(tap100i0) entered blocking state", True, True),
        ("CPU: 3 PID: 99 Comm: CPU 1/KVM Not tainted 6.8.12-1-pve #1", True, True),
        ("INFO: task qemu-system-x86_64:4711 blocked for more than 120 seconds.", True, True),
        ("watchdog: BUG: soft lockup - CPU#3 stuck for 22s! [kvm:4711]", True, True),
        ("Hardware name: linux,dummy-virt (DT)", False, True),
        ("Hardware name: IBM pSeries (emulated by qemu) POWER9", False, True),
        ("Hypervisor detected: KVM", False, True),
        ("clocksource: Switched to clocksource kvm-clock", False, True),
        ("Booting paravirtualized kernel on KVM", False, True),
        ("virtio_blk virtio2: [vda] 41943040 512-byte logical blocks", False, True),
        ("watchdog: BUG: soft lockup - CPU#1 stuck for 22s! [swapper/1:0]", False, False),
        ("Modules linked in: kvm_intel kvm vhost_net tun virtio_net", False, False),
    ],
)
def test_whose_log_it_is(line: str, host: bool, sure: bool) -> None:
    assert side([line]) == (host, sure)


def test_a_nested_host_is_a_host() -> None:
    """It says that it is a guest itself, and names the threads and cards of its own."""
    assert side(
        ["Hypervisor detected: KVM", "Comm: CPU 0/KVM", "vmbr0: port 2(tap100i0) entered", "kvm [99]: vcpu0"]
    ) == (True, True)


def test_stamps_that_no_machine_reaches() -> None:
    text = "[14071563.261117] Out of memory: Kill process 2083 (cron)\n[9223372037.903009] BUG: soft lockup - CPU#0 stuck for 4281394478s! [a:1]\n"
    (clock,) = [fact for fact in facts(text) if isinstance(fact, LogClock)]
    assert (clock.stamp_ns, clock.before_ns, clock.host) == (9223372037903009000, 14071563261117000, False)
    assert not [fact for fact in facts(text.splitlines()[0]) if isinstance(fact, LogClock)]


def test_a_kernel_that_speaks_in_the_middle_of_a_line() -> None:
    line = log_line(
        "[  OK  ] Started apt-daily.timer - Daily activities.[   46.187450] rcu: INFO: rcu_preempt self-detected stall on CPU"
    )
    assert (line.text, line.stamp_ns) == ("rcu: INFO: rcu_preempt self-detected stall on CPU", 46_187_450_000)


def test_lines_of_programs_are_no_kernels() -> None:
    text = "Mar  9 12:00:00 web01 kernel: [ 1.000000] clocksource: Switched to clocksource kvm-clock\nMar  9 12:00:01 web01 evil[9]: BUG: soft lockup\n"
    (log,) = facts(text)
    assert isinstance(log, ConsoleLog)
    assert [line.meaning for line in log.matter] == [LineMeaning.CLOCKSOURCE]


def test_pieces_of_one_log_are_put_together() -> None:
    noise = "".join(f"word {number} of something else\n" for number in range(20))
    found = Facts(facts(RECORDED + noise + GUEST + noise + "[ 300.000000] x\n"))
    log = derive_console_log(found)
    assert log is not None
    assert [line.meaning for line in log.matter] == [LineMeaning.SOFT_LOCKUP] * 3
    assert log.lines == sum(piece.lines for piece in found.all(ConsoleLog))
    assert derive_console_log(Facts(found.all(ConsoleLog)[:1])) is None


def test_pieces_of_a_hosts_log_end_together() -> None:
    text = "[ {}.000000] kvm [1]: vcpu0 unhandled rdmsr: 0x1\n[ {}.000000] kvm [1]: vcpu0 unhandled rdmsr: 0x2\n"
    log = derive_kernel_log(Facts([*facts(text.format(10, 20)), *facts(text.format(5010, 5050))]))
    assert log is not None
    assert [(log.mono_ns - (line.mono_ns or 0)) // 10**9 for line in log.matter] == [10, 0, 40, 0]


def test_of_several_looks_at_exits_the_one_with_rates_counts() -> None:
    counts = KvmExits(window_ns=0, exits=(ExitCount(reason="HLT", count=9), ExitCount(reason="CPUID", count=1)))
    rates = KvmExits(window_ns=10**9, exits=(ExitCount(reason="any reason", count=7),))
    assert derive_best_exits(Facts([rates, counts])) is rates
    assert derive_best_exits(Facts([rates])) is None


@pytest.mark.parametrize("width", [60, 72, 76])
def test_lines_that_a_mailer_broke(width: int) -> None:
    text = "".join(
        f"[2251047.90701{n}] x86/split lock detection: #AC: CPU 24/KVM/3010259 took a split_lock trap at address: 0x569228{n}f\n"
        for n in range(3)
    )
    broken = "".join(f"> {line}\r\n" for line in broken_by_mailer(text + "so much for that\n", width).splitlines())
    (log,) = [fact for fact in facts(broken) if isinstance(fact, KernelLog)]
    assert [(line.meaning, line.comm) for line in log.matter] == [(KernelMeaning.SPLIT_LOCK, "CPU 24/KVM")] * 3


PIECES = st.sampled_from(
    [
        *GUEST.splitlines(),
        *HOST.splitlines(),
        *OLD.splitlines(),
        "[99999999999999.1] x",
        "Call Trace:",
        "task:a state:S",
        "+0x1/0x2",
        "",
    ]
)


@given(st.lists(st.one_of(PIECES, st.text(max_size=40)), max_size=25))
def test_any_mixture_is_read(lines: list[str]) -> None:
    part = evidence(Kind.LOG_TEXT, "\n".join(lines))
    for decode in decoders_of(part):
        found = list(decode(part))
        assert all(
            line.ref.line and line.ref.line <= len(lines) * 2
            for log in found
            if isinstance(log, KernelLog)
            for line in log.matter
        )
