"""Forms of tools' output that reports hold beside the usual ones: profiles without files, busybox's top, stamps that have run over."""

from crazytrain.decode.log_lines import log_line
from crazytrain.decode.perf_report import decode_perf_report
from crazytrain.decode.recognise import split
from crazytrain.decode.top_cpus import decode_top_cpus
from crazytrain.model.evidence import Evidence, Kind
from crazytrain.model.facts.host_tables import CpuTable
from crazytrain.model.facts.profile_table import ProfileTable


def test_a_profile_by_symbol_alone() -> None:
    text = "# Overhead  Symbol\n    24.10%  [.] ehci_work_bh\n    11.02%  [k] do_sys_poll\n     3.00%  [kernel]  [k] schedule\n"
    (piece,) = [one for one in split("paste", text.encode()) if one.kind is Kind.PERF_REPORT]
    (table,) = [fact for fact in decode_perf_report(piece) if isinstance(fact, ProfileTable)]
    assert [(row.symbol, row.where, row.file) for row in table.rows] == [
        ("ehci_work_bh", ".", ""),
        ("do_sys_poll", "k", ""),
        ("schedule", "k", "[kernel]"),
    ]


def test_the_head_of_busyboxs_top() -> None:
    text = "CPU:  61% usr   7% sys   2% nic  29% idle   1% io   0% irq   0% sirq\n"
    evidence = Evidence(id="top", kind=Kind.TOP_THREADS, source="top", data=text.encode())
    (table,) = [fact for fact in decode_top_cpus(evidence) if isinstance(fact, CpuTable)]
    assert table.whole is not None
    assert (table.whole.user_ratio, table.whole.idle_ratio, table.whole.iowait_ratio) == (0.63, 0.29, 0.01)
    assert table.guest is None


def _cpu_table(text: str) -> CpuTable:
    evidence = Evidence(id="top", kind=Kind.TOP_THREADS, source="top", data=text.encode())
    (table,) = [fact for fact in decode_top_cpus(evidence) if isinstance(fact, CpuTable)]
    return table


def test_each_cpu_of_top_and_their_mean() -> None:
    screen = (
        "%Cpu0  : 10.0 us, 30.0 sy,  0.0 ni, 60.0 id,  0.0 wa,  0.0 hi,  0.0 si,  0.0 st\n"
        "%Cpu1  : 50.0 us, 10.0 sy,  0.0 ni, 40.0 id,  0.0 wa,  0.0 hi,  0.0 si,  0.0 st\n"
    )
    whole = _cpu_table(screen).whole
    assert whole is not None
    assert (round(whole.user_ratio, 3), round(whole.system_ratio, 3), round(whole.idle_ratio, 3)) == (0.3, 0.2, 0.5)
    twice = _cpu_table(screen + "\n" + screen.replace("60.0 id", "40.0 id").replace("40.0 id", "20.0 id"))
    assert twice.samples == 1
    assert twice.whole is not None
    assert round(twice.whole.idle_ratio, 3) == 0.2


def test_the_bars_of_top() -> None:
    text = "%Cpu0  :   2.0/80.0   82[||||||    ]   %Cpu1  :   0.0/90.0   90[||||||    ]\n"
    whole = _cpu_table(text).whole
    assert whole is not None
    assert (round(whole.user_ratio, 3), round(whole.system_ratio, 3), round(whole.idle_ratio, 3)) == (0.01, 0.85, 0.14)
    assert whole.steal_ratio is None
    assert [piece.kind for piece in split("paste", text.encode())] == [Kind.TOP_THREADS]


def test_a_stamp_that_has_run_over() -> None:
    line = "[18446744007.500000] rcu: INFO: rcu_sched detected stalls on CPUs/tasks:"
    assert log_line(line).stamp_ns == 18_446_744_007_500_000_000
    assert [piece.kind for piece in split("paste", (line + "\n").encode())] == [Kind.LOG_TEXT]


def test_a_kernels_words_behind_its_name_alone() -> None:
    text = "kernel: INFO: task worker:4711 blocked for more than 120 seconds.\nkernel: Call Trace:\n"
    assert [piece.kind for piece in split("paste", text.encode())] == [Kind.LOG_TEXT]
