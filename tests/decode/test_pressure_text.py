"""Tables and lines that tell of a host that has too little, of storage under its guests, and of tasks that wait for it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crazytrain.decode.blocked_tasks import decode_blocked_tasks
from crazytrain.decode.bsd_interrupts import decode_bsd_interrupts
from crazytrain.decode.domblkstat import decode_domblkstat
from crazytrain.decode.iostat_text import decode_iostat
from crazytrain.decode.iotop_text import decode_iotop
from crazytrain.decode.json_lines import unwrapped
from crazytrain.decode.kernel_stack import decode_kernel_stack
from crazytrain.decode.kvm_stat_text import decode_kvm_stat
from crazytrain.decode.memory_tables import decode_memory_tables
from crazytrain.decode.perf_trace_calls import decode_perf_trace_calls
from crazytrain.decode.pinning_text import decode_pinning
from crazytrain.decode.qmp_text import decode_qmp_text
from crazytrain.decode.recognise import split
from crazytrain.decode.registry import Decoder
from crazytrain.decode.run_delay_text import decode_run_delay
from crazytrain.decode.told import decode_told
from crazytrain.decode.top_queue import decode_top_queue
from crazytrain.decode.wchan_lines import decode_wchan_lines
from crazytrain.model.evidence import Evidence, Kind
from crazytrain.model.facts import KvmExits, ThreadRole
from crazytrain.model.facts.block import BlockReading
from crazytrain.model.facts.qemu import QemuState
from crazytrain.model.facts.told import Stance, Topic
from crazytrain.model.facts.tool_lines import ToolLine, ToolMeaning
from crazytrain.model.facts.waits import WaitInstant

M = ToolMeaning
S = Stance
T = Topic
DELAYS = """vcpu.0.time=5000000000
vcpu.0.delay=1000000000
vcpu.0.time=6000000000
vcpu.0.delay=3000000000
"""
LATENCY = """  Task                  |   Runtime ms  | Switches | Average delay ms | Maximum delay ms |
  CPU 0/KVM:901         |    500.000 ms |      300 | avg:   5.000 ms | max:  40.000 ms | max at:  11.2 s
  qemu-kvm:890          |    200.000 ms |     9000 | avg:   3.000 ms | max:  10.000 ms | max at:  11.2 s
"""
HISTORY = """     100.000001 [0002]  CPU 1/KVM[77/70]     1.000     4.000     2.000
     100.100001 [0002]  CPU 1/KVM[77/70]     1.000     6.000     2.000
"""
SWITCHES = """  <idle>-0 [001] 50.000000: sched_switch: swapper/1:0 [120] R ==> CPU 2/KVM:31 [98]
  CPU 2/KVM-31 [001] 50.010000: sched_switch: CPU 2/KVM:31 [98] R ==> burn:40 [97]
  burn-40 [001] 50.040000: sched_switch: burn:40 [97] S ==> CPU 2/KVM:31 [98]
  CPU 2/KVM-31 [001] 50.050000: sched_switch: prev_comm=CPU 2/KVM prev_pid=31 prev_prio=98 prev_state=S ==> next_comm=burn next_pid=40 next_prio=97
"""
SCHEDSTAT = """# cat /proc/70/task/77/schedstat; sleep 5; cat /proc/70/task/77/schedstat
1000000000 100000000 4000
2000000000 1100000000 4100
"""


def paste(text: str, kind: Kind = Kind.TEXT) -> Evidence:
    return Evidence(id="paste", kind=kind, source="paste", data=text.encode())


def tool_lines(decode: Decoder, text: str, kind: Kind = Kind.TEXT) -> list[ToolLine]:
    return [fact for fact in decode(paste(text, kind)) if isinstance(fact, ToolLine)]


@pytest.mark.parametrize(
    ("text", "who", "share"),
    [
        (DELAYS, "vCPU 0", 2 / 3),
        (LATENCY, "CPU 0/KVM", 0.75),
        (HISTORY, "CPU 1/KVM", 10 / 14),
        (SCHEDSTAT, "/proc/70/task/77", 0.5),
        (SWITCHES, "CPU 2/KVM", 0.6),
    ],
)
def test_a_vcpu_that_is_kept_waiting(text: str, who: str, share: float) -> None:
    (found,) = tool_lines(decode_run_delay, text)
    assert found.meaning is M.VCPU_WAITS
    assert who in found.text
    assert found.value == pytest.approx(share)


@pytest.mark.parametrize(
    "text",
    [
        DELAYS.replace("3000000000", "1100000000"),
        LATENCY.replace("5.000 ms | max:  40", "0.050 ms | max:  40").replace("qemu-kvm", "make"),
        HISTORY.replace("4.000", "0.010").replace("6.000", "0.010"),
        SCHEDSTAT.replace("1100000000", "101000000"),
        SWITCHES.replace("[98] R", "[98] S"),
        "vcpu.0.delay=1000\n",
        "1 2 3\n4 5 6\n",
    ],
)
def test_little_waiting_is_not_told(text: str) -> None:
    assert tool_lines(decode_run_delay, text) == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("VCPU:  0\nCPU Affinity: --y-\n\nVCPU:  1\nCPU Affinity: --y-\n", "2 vCPUs may run on 1 of"),
        (
            "<vcpupin vcpu='0' cpuset='4'/>\n<vcpupin vcpu='1' cpuset='4'/>\n<vcpupin vcpu='2' cpuset='4,5'/>\n",
            "3 vCPUs may run on 2",
        ),
        ("VCPU: CPU Affinity\n----------\n 0: 7\n 1: 7\n", "(7)"),
        ("  901  3  51.0 CPU 0/KVM\n  950  3  48.0 CPU 0/KVM\n", "2 vCPUs were on CPU 3"),
        ("pid 51's current affinity list: 3\npid 52's current affinity list: 3\n", "2 vCPUs may run on 1"),
    ],
)
def test_vcpus_that_share_a_cpu(text: str, says: str) -> None:
    (found,) = tool_lines(decode_pinning, text)
    assert found.meaning is M.VCPUS_SHARE
    assert says in found.text


def test_vcpus_with_a_cpu_each() -> None:
    assert tool_lines(decode_pinning, "VCPU: 0\nCPU Affinity: yy--\nVCPU: 1\nCPU Affinity: --yy\n") == []


IOSTAT = """Device   r/s  rkB/s  r_await  w/s  wkB/s  w_await  aqu-sz  %util
sdx     {0}
"""


@pytest.mark.parametrize(
    ("row", "meaning"),
    [
        ("2.00 80.00 900.00 1.00 4.00 2500.00 9.00 99.80", M.DISK_AWAITS),
        ("0.00 0.00 0.00 0.00 0.00 0.00 14.00 100.00", M.DISK_AWAITS),
        ("900.00 250000.00 2.00 1.00 4.00 3.00 2.00 97.00", M.DISK_MOVES),
    ],
)
def test_disks_of_a_machine(row: str, meaning: ToolMeaning) -> None:
    assert [one.meaning for one in tool_lines(decode_iostat, IOSTAT.format(row))] == [meaning]


def test_a_disk_that_works_is_not_told() -> None:
    assert tool_lines(decode_iostat, IOSTAT.format("20.00 800.00 4.00 3.00 40.00 6.00 0.10 12.00")) == []


IOTOP = """Total DISK READ: {0} | Total DISK WRITE: 0.00 B/s
  501 be/4 libvirt  {0}  0.00 B/s  0.00 %  {1} %  qemu-kvm -name shop [worker]
"""


@pytest.mark.parametrize(
    ("rate", "waits", "meanings"),
    [
        ("400.00 M/s", "30.00", [M.MOVES_MUCH]),
        ("12.00 K/s", "99.10", [M.DISK_SLOW]),
        ("12.00 K/s", "2.10", []),
    ],
)
def test_what_iotop_shows_of_qemu(rate: str, waits: str, meanings: list[ToolMeaning]) -> None:
    assert [one.meaning for one in tool_lines(decode_iotop, IOTOP.format(rate, waits))] == meanings


TOP = """%Cpu(s): 90.0 us,  9.0 sy,  0.0 ni,  {0} id,  0.0 wa,  0.0 hi,  0.0 si,  0.0 st
  71 qemu  20  0  9.1g  8.2g  22012 R  44.0  20.0  1:12.01 CPU 0/KVM
  72 qemu  20  0  9.1g  8.2g  22012 R  {1}  20.0  1:44.70 CPU 1/KVM
"""


@pytest.mark.parametrize(("idle", "got", "found"), [("0.3", "41.0", 1), ("40.0", "41.0", 0), ("0.3", "99.0", 0)])
def test_runnable_vcpus_without_a_cpu(idle: str, got: str, found: int) -> None:
    told = tool_lines(decode_top_queue, TOP.format(idle, got), Kind.TOP_THREADS)
    assert [one.meaning for one in told] == [M.QUEUES] * found


@pytest.mark.parametrize(
    ("line", "meanings"),
    [
        ("  5.123 ( 2100.500 ms): qemu-kvm/80 fsync(fd: 9</srv/a.img>) = 0", [M.LONG_CALL]),
        ("  5.123 ( 2100.500 ms): worker/81 fsync(fd: 9</srv/a.img>) = 0", [M.DISK_SLOW]),
        ("  5.123 (    2.500 ms): qemu-kvm/80 fsync(fd: 9</srv/a.img>) = 0", []),
        ("  5.123 ( 2100.500 ms): qemu-kvm/80 ppoll(ufds: 0x1, nfds: 7) = 0", []),
    ],
)
def test_long_calls_of_perf_trace(line: str, meanings: list[ToolMeaning]) -> None:
    assert [one.meaning for one in tool_lines(decode_perf_trace_calls, line)] == meanings


def test_interrupts_of_a_bsd() -> None:
    text = "interrupt                   total       rate\nirq17: ehci0        {0}     {1}\ncpu0:timer      90000     {2}\nTotal 1 2\n"
    assert [one.meaning for one in tool_lines(decode_bsd_interrupts, text.format(9_000_000, 90_000, 100))] == [
        M.IRQ_RATE
    ]
    assert [one.meaning for one in tool_lines(decode_bsd_interrupts, text.format(9, 9, 9000))] == [M.TICK_RATE]
    assert tool_lines(decode_bsd_interrupts, text.format(9, 9, 1000)) == []
    assert tool_lines(decode_bsd_interrupts, "irq17: ehci0  9000000  90000\n") == []


def test_memory_tables() -> None:
    sar = "09:00:01 majflt/s pgscank/s pgscand/s\n09:10:01 10.00 5.00 90000.00\n"
    swap = "09:00:01 pswpin/s pswpout/s\n09:10:01 2500.00 9.00\n"
    nodes = "Per-node process memory usage (in MBs) for PID 9 (qemu-kvm)\n         Node 0 Node 1 Total\nTotal  600  400 1000\n"
    assert [one.meaning for one in tool_lines(decode_memory_tables, sar)] == [M.MEMORY_STALLS]
    assert [one.meaning for one in tool_lines(decode_memory_tables, swap)] == [M.SWAPS]
    (spread,) = tool_lines(decode_memory_tables, nodes)
    assert spread.meaning is M.SPREAD
    assert spread.value == pytest.approx(0.4)
    calm = (
        sar.replace("90000.00", "3.00")
        + swap.replace("2500.00", "0.20")
        + nodes.replace("400", "4").replace("600", "996")
    )
    assert tool_lines(decode_memory_tables, calm) == []


SYSRQ = """[  500.000001] sysrq: Show Blocked State
[  500.000002] cron            D    0   91      2 0x00000000
[  500.000003] Call Trace:
[  500.000004]  __schedule+0x2a5/0x6d0
[  500.000005]  blk_mq_get_tag+0x11e/0x2c0
"""
CRASH = """PID: 91     TASK: ffff9c1eb6a2b0c0  CPU: 1   COMMAND: "cron"
 #0 [ffff9c1eb58c7ae0] __schedule at ffffffff9bd85a72
 #1 [ffff9c1eb58c7cf0] blk_mq_get_tag at ffffffff9b972163
"""


@pytest.mark.parametrize(("text", "kind"), [(SYSRQ, Kind.LOG_TEXT), (CRASH, Kind.KERNEL_STACK)])
def test_tasks_that_wait_for_a_disk(text: str, kind: Kind) -> None:
    (found,) = tool_lines(decode_blocked_tasks, text, kind)
    assert found.meaning is M.TASKS_AT_DISK
    assert "cron in blk_mq_get_tag" in found.text
    assert tool_lines(decode_blocked_tasks, text.replace("cron", "kvm "), kind) == []  # the host's: read elsewhere
    assert tool_lines(decode_blocked_tasks, text.replace("blk_mq_get_tag", "pipe_read"), kind) == []


def test_counters_of_a_disk_twice() -> None:
    text = "vdb rd_req 10\nvdb rd_bytes 4096\nvdb wr_req 1\n\nvdb rd_req 30\nvdb rd_bytes 8192\nvdb wr_req 2\n"
    (evidence,) = split("paste", text.encode())
    assert evidence.kind is Kind.LIBVIRT_TEXT
    first, last = (fact for fact in decode_domblkstat(evidence) if isinstance(fact, BlockReading))
    assert (first.disks[0].reads, last.disks[0].reads, last.disks[0].read_bytes) == (10, 30, 8192)


@pytest.mark.parametrize(
    "text",
    [
        "801 CPU 0/KVM handle_userfault\n802 CPU 1/KVM futex_wait_queue\n",
        "/proc/80/task/801/wchan:handle_userfault\n/proc/80/task/802/wchan:do_sys_poll\n",
    ],
)
def test_what_threads_sleep_in(text: str) -> None:
    (found,) = decode_wchan_lines(paste(text))
    assert isinstance(found, WaitInstant)
    assert next((one.tid, one.wchan) for one in found.threads) == (801, "handle_userfault")
    assert list(decode_wchan_lines(paste(text.replace("handle_userfault", "futex_wait_queue")))) == []


def test_the_first_thread_is_the_one_with_the_programs_name() -> None:
    text = (
        "== 60 qemu-system-x86\n[<0>] vfs_fallocate+0x159/0x2c0\n== 61 CPU 0/KVM\n[<0>] futex_wait+0x105/0x240\n"
        "== 64 qemu-system-x86\n[<0>] ep_poll+0x105/0x240\n"
    )
    (evidence,) = split("paste", text.encode())
    (found,) = decode_kernel_stack(evidence)
    assert isinstance(found, WaitInstant)
    assert [one.role for one in found.threads] == [ThreadRole.MAIN_LOOP, ThreadRole.VCPU, None]


def test_kvm_stat_as_a_log_with_reasons() -> None:
    text = "kvm_exit kvm_exit(HLT) kvm_exit(EPT_MISCONFIG) kvm_mmio\n     900       100       800       790\n"
    (evidence,) = split("paste", text.encode())
    exits = next(fact for fact in decode_kvm_stat(evidence) if isinstance(fact, KvmExits))
    assert {one.reason: one.count for one in exits.exits} == {"EPT_MISCONFIG": 800, "HLT": 100}


def test_events_within_libvirts_log() -> None:
    text = (
        '2020-02-02 02:02:02.002+0000: 7: debug : qemuMonitorJSONIOProcessLine:1 : Line [{"timestamp": {"seconds": 1580608922, '
        '"microseconds": 1}, "event": "BLOCK_IO_ERROR", "data": {"device": "disk9", "nospace": true, "operation": "write", '
        '"action": "stop"}}]\n'
    )
    (evidence,) = split("paste", text.encode())
    assert evidence.kind is Kind.QMP_TEXT
    assert any(isinstance(fact, QemuState) and fact.status == "io-error" for fact in decode_qmp_text(evidence))


def test_logs_in_json_become_lines() -> None:
    journal = b'{"MESSAGE":"INFO: task kvm:5 blocked for more than 120 seconds.","_HOSTNAME":"n1","SYSLOG_IDENTIFIER":"kernel","__REALTIME_TIMESTAMP":"1580608922000000"}'
    assert (
        unwrapped(journal) == b"2020-02-02T02:02:02+0000 n1 kernel: INFO: task kvm:5 blocked for more than 120 seconds."
    )
    assert unwrapped(b'{"log":"one line\\n","stream":"stderr"}') == b"one line"
    assert unwrapped(b'  "MESSAGE" : "pretty",') == b"pretty"
    for other in (b'{"MESSAGE": 5}', b'{"MESSAGE"', b"MESSAGE", b'{"return": {}}'):
        assert unwrapped(other) == other


@given(st.text(alphabet='{}":,\\MESAGElog {}x1\n', max_size=200))
def test_json_that_is_none_keeps_its_lines(text: str) -> None:
    assert unwrapped(text.encode()).count(b"\n") == text.encode().count(b"\n")


@pytest.mark.parametrize(
    ("words", "topic", "stance"),
    [
        ("Its vCPUs share one core with a compiler that never rests.", T.OVERCOMMIT, S.SEEN),
        ("The load of the host is 90 all day long.", T.HOST_LOAD, S.SEEN),
        ("top in the guest has 41.0 st all the time.", T.STEAL, S.SEEN),
        ("The ARC holds 30 GiB of the memory.", T.HOST_MEMORY, S.SEEN),
        ("Since we boot with transparent_hugepage=never it is fine.", T.HUGE_PAGES, S.CURED),
        ("All running guests starve of I/O then.", T.STORAGE_SILENT, S.SEEN),
        ("While the pool resilvers nothing in the guest moves.", T.STORAGE_SILENT, S.SEEN),
        ("The other guests crawl at that time, too.", T.ALL_GUESTS, S.SEEN),
        ("Any host with kernel 6.4 shows it.", T.HOST_KERNEL, S.SEEN),
        ("Booting 5.4.0-91 again cures the guest.", T.HOST_KERNEL, S.GOOD_WITH),
    ],
)
def test_words_of_a_host_under_pressure(words: str, topic: Topic, stance: Stance) -> None:
    said = [(one.topic, one.stance) for one in decode_told(paste(words, Kind.TOLD))]
    assert (topic, stance) in said


@pytest.mark.parametrize(
    ("words", "topic"),
    [
        ("Nothing is swapped within the guest.", T.GUEST_SWAP),
        ("A bios update of the board brought no change.", T.FIRMWARE),
        ("The disk of the host is 12 % busy.", T.STORAGE_SILENT),
    ],
)
def test_words_that_are_no_such_observation(words: str, topic: Topic) -> None:
    said = [(one.topic, one.stance) for one in decode_told(paste(words, Kind.TOLD))]
    assert (topic, S.SEEN) not in said
