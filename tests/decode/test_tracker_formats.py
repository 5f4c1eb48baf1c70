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


def test_a_stamp_that_has_run_over() -> None:
    line = "[18446744007.500000] rcu: INFO: rcu_sched detected stalls on CPUs/tasks:"
    assert log_line(line).stamp_ns == 18_446_744_007_500_000_000
    assert [piece.kind for piece in split("paste", (line + "\n").encode())] == [Kind.LOG_TEXT]


def test_a_kernels_words_behind_its_name_alone() -> None:
    text = "kernel: INFO: task worker:4711 blocked for more than 120 seconds.\nkernel: Call Trace:\n"
    assert [piece.kind for piece in split("paste", text.encode())] == [Kind.LOG_TEXT]
