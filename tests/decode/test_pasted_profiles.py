"""Profiles and tables as people paste them: trees of perf's screen, folded stacks, bcc's tables, virsh in other languages."""

from typing import TypeVar

import pytest

from crazytrain.decode.recognise import split
from crazytrain.decode.registry import decoders_of
from crazytrain.model.evidence import Kind
from crazytrain.model.facts import KvmExits, QemuState, ThreadActivity
from crazytrain.model.facts.kernel_traces import KernelTrace
from crazytrain.model.facts.profile_table import ProfileTable
from crazytrain.model.facts.stacks import CpuSamples
from crazytrain.model.facts.threads import ThreadRole
from crazytrain.model.facts.told import Told, Topic
from crazytrain.model.facts.waits import WaitInstant

_T = TypeVar("_T")


def _facts(text: str, kind: type[_T]) -> list[_T]:
    parts = split("pasted", text.encode())
    facts = (fact for part in parts for decode in decoders_of(part) for fact in decode(part))
    return [fact for fact in facts if isinstance(fact, kind)]


def _shares(text: str) -> dict[str, tuple[float, float | None]]:
    (table,) = _facts(text, ProfileTable)
    return {row.symbol: (row.own_ratio, row.with_calls_ratio) for row in table.rows}


_SCREEN = """\
Samples: 31K of event 'cycles', Event count (approx.): 20140236578
  Children      Self  Command    Shared Object      Symbol
-   97.10%     0.00%  CPU 3/KVM  [kernel.kallsyms]  [k] entry_SYSCALL_64_after_hwframe
   - entry_SYSCALL_64_after_hwframe
      - 97.10% do_syscall_64
         - 96.20% kvm_vcpu_ioctl
            + 51.30% handle_pause
              20.40% vmx_vcpu_run
"""


def test_the_tree_on_perfs_screen_is_read() -> None:
    shares = _shares(_SCREEN)
    assert shares["handle_pause"] == (0.0, 0.513)
    assert shares["vmx_vcpu_run"] == (0.204, 0.204)


def test_the_tree_on_perfs_screen_is_no_prose() -> None:
    assert not _facts(_SCREEN, Told)


def test_the_tree_of_stdio_is_read_where_it_goes_down() -> None:
    text = """\
# Children      Self  Command          Shared Object            Symbol
    98.00%     0.20%  CPU 0/KVM        [kernel.vmlinux]         [k] kvm_vcpu_ioctl
            |
            ---kvm_vcpu_ioctl
               |
               |--55.20%--vmx_handle_exit
               |          |
               |           --50.00%--handle_ept_misconfig
                --12.00%--vmx_vcpu_run
"""
    shares = _shares(text)
    assert shares["handle_ept_misconfig"] == (0.0, 0.5)
    assert shares["vmx_vcpu_run"][1] == 0.12


def test_a_tree_that_goes_up_adds_no_rows() -> None:
    text = """\
# Overhead  Command   Shared Object  Symbol
-   62.00%  qemu-kvm  [kernel]       [k] _raw_spin_lock
   - _raw_spin_lock
      - 90.00% try_to_wake_up
"""
    assert list(_shares(text)) == ["_raw_spin_lock"]


def test_old_perf_top_is_read() -> None:
    text = """\
   PerfTop:     812 irqs/sec  kernel:90.1%  exact:  0.0% [1000Hz cycles],  (all, 4 CPUs)
             samples  pcnt function                        DSO
             _______ _____ _______________________________ _________________________

             3111.00 38.4% svm_vcpu_run                    [kvm_amd]
              901.00 11.1% memcpy                          /lib/libc-2.12.so
"""
    (table,) = _facts(text, ProfileTable)
    assert [(row.symbol, row.own_ratio, row.where) for row in table.rows] == [
        ("svm_vcpu_run", 0.384, "k"),
        ("memcpy", 0.111, "."),
    ]


_FOLDED = """\
CPU 1/KVM;entry_SYSCALL_64_after_hwframe;do_syscall_64;kvm_vcpu_ioctl;vcpu_enter_guest;vmx_vcpu_run 300
CPU 1/KVM;entry_SYSCALL_64_after_hwframe;do_syscall_64;kvm_vcpu_ioctl;kvm_vcpu_halt;kvm_vcpu_check_block 60
qemu-system-x86;__libc_start_main;main;main_loop_wait;slirp_pollfds_poll 40
"""


def test_folded_stacks_are_samples_and_no_prose() -> None:
    shares = _shares(_FOLDED)
    assert shares["kvm_vcpu_check_block"] == (0.15, 0.15)
    assert shares["main_loop_wait"] == (0.0, 0.1)
    (samples,) = _facts(_FOLDED, CpuSamples)
    assert samples.samples == 400
    assert {stack.comm for stack in samples.stacks} == {"CPU 1/KVM", "qemu-system-x86"}
    assert not _facts(_FOLDED, Told)


def test_folded_stacks_of_threads_that_slept_are_no_samples() -> None:
    text = "CPU 1/KVM;do_syscall_64;kvm_vcpu_ioctl;kvm_vcpu_block;schedule 812233\nhelper;do_syscall_64;futex_wait;schedule 91223\n"
    assert not _facts(text, CpuSamples)
    assert not _facts(text, ProfileTable)
    (instant,) = _facts(text, WaitInstant)
    assert [(wait.role, wait.call) for wait in instant.threads] == [(ThreadRole.VCPU, "ioctl"), (None, "futex")]


@pytest.mark.parametrize(
    ("rows", "tid"),
    [
        (
            "PID      TID      KVM_EXIT_REASON      COUNT\n^C811      822      EXIT_REASON_EPT_MISCONFIG      9911\n",
            822,
        ),
        ("KVM_EXIT_REASON      COUNT\nEXIT_REASON_EPT_MISCONFIG      9911\n", None),
    ],
)
def test_kvmexit_of_bcc_counts_exits(rows: str, tid: int | None) -> None:
    (exits,) = _facts(rows, KvmExits)
    assert [(one.reason, one.count, one.tid) for one in exits.exits] == [("EPT_MISCONFIG", 9911, tid)]


def test_a_table_in_markdown_is_read_like_the_tools_own() -> None:
    text = """\
| VM-EXIT | Samples | Samples% | Time% | Min Time | Max Time | Avg time |
|---|---|---|---|---|---|---|
| PAUSE_INSTRUCTION | 70123 | 81.22% | 60.11% | 1.22us | 712.11us | 5.50us |
| HLT | 1123 | 1.30% | 30.11% | 1.22us | 9200.11us | 204.11us |
"""
    (exits,) = _facts(text, KvmExits)
    assert {one.reason: one.count for one in exits.exits} == {"PAUSE_INSTRUCTION": 70123, "HLT": 1123}


def test_of_a_top_that_begins_with_a_vcpu_nothing_is_taken_off() -> None:
    text = """\
    PID USER      PRI  NI  VIRT   RES   SHR S CPU% MEM%   TIME+  Command
   8114 root       20   0 4582M 4200M 11440 R 100.  6.1 18:12.4 CPU 0/KVM
   8115 root       20   0 4582M 4200M 11440 R 100.  6.1 18:12.4 CPU 1/KVM
"""
    (activity,) = _facts(text, ThreadActivity)
    assert [use.user_ratio for use in activity.threads] == [1.0, 1.0]


@pytest.mark.parametrize(
    "said", ["暂停 (I/O 错误)", "一時停止中 (I/O エラー)", "pausiert (I/O Fehler)", "en pausa (Error de E/S)"]
)
def test_virsh_in_other_languages_says_why_a_guest_is_paused(said: str) -> None:
    (state,) = _facts(f"# virsh domstate db02 --reason\n{said}\n", QemuState)
    assert state.status == "io-error"


def test_a_list_in_another_language_shows_a_paused_guest() -> None:
    text = " Id    名称                         状态\n----------------------------------\n 7     db02                           暂停\n"
    assert [told.topic for told in _facts(text, Told)] == [Topic.GUEST_PAUSED]


def test_folded_lines_are_of_the_kind_of_samples() -> None:
    assert [part.kind for part in split("pasted", _FOLDED.encode())] == [Kind.ONCPU]


def test_exits_counted_with_the_shell_are_read() -> None:
    text = "$ trace-cmd report | grep kvm_exit | awk '{print $6}' | sort | uniq -c\n   8111 MSR_WRITE\n    911 HLT\n"
    (exits,) = _facts(text, KvmExits)
    assert {one.reason: one.count for one in exits.exits} == {"MSR_WRITE": 8111, "HLT": 911}


def test_counted_words_that_are_no_exits_are_none() -> None:
    assert not _facts("   8111 io\n    911 hlt\n     12 nmi\n", KvmExits)


def test_a_debugger_at_the_gdb_port_lists_vcpus() -> None:
    text = """\
  Id   Target Id                    Frame
* 1    Thread 1.1 (CPU#0 [running]) 0xffffffff810e3a1b in native_queued_spin_lock_slowpath ()
  2    Thread 1.2 (CPU#1 [halted ]) 0xffffffff81a0c1f2 in native_safe_halt ()
  3    Thread 1.3 (CPU#2 [running]) 0x00007f12aa001122 in poll ()
"""
    assert [(trace.cpu, trace.place, trace.host) for trace in _facts(text, KernelTrace)] == [
        (0, "native_queued_spin_lock_slowpath", False),
        (1, "native_safe_halt", False),
    ]


def test_crash_lists_threads_that_cannot_be_interrupted() -> None:
    text = """\
crash> ps | grep UN
   9122      1   3  ffff9b2f6a1d1040  UN   4.1 4812344 1412344  qemu-kvm
   9130      1   7  ffff9b2f6a1d5040  UN   4.1 4812344 1412344  CPU 1/KVM
   9444      2   7  ffff9b2f6a1d7040  UN   0.0       0       0  [kworker/7:1]
"""
    (instant,) = _facts(text, WaitInstant)
    assert [(wait.tid, wait.state, wait.role) for wait in instant.threads] == [
        (9122, "D", None),
        (9130, "D", ThreadRole.VCPU),
    ]


def test_crash_says_since_when_a_thread_has_not_run() -> None:
    text = '[0 01:00:02.500] [UN]  PID: 9122   TASK: ffff9b2f6a1d1040  CPU: 3   COMMAND: "qemu-kvm"\n'
    (instant,) = _facts(text, WaitInstant)
    assert [wait.asleep_ns for wait in instant.threads] == [3_602_500_000_000]
