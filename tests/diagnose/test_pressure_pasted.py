"""What is shown goes before what is only told; samples and stacks in the kernel's handling of memory speak for its want."""

from pathlib import Path

import pytest

from crazytrain.cli.reading import read_all
from crazytrain.model.report import Report


def said(tmp_path: Path, *texts: str) -> Report:
    paths = [tmp_path / f"p{number}.txt" for number, _ in enumerate(texts)]
    for path, text in zip(paths, texts, strict=True):
        path.write_text(text)
    (report,) = read_all(paths)
    return report


SAMPLE = """CPU 0/KVM 81 [001] 10.000001:   1 cycles:
	ffffffff812e1b0c {0}+0x4bc ([kernel.kallsyms])
	ffffffff812838b2 __handle_mm_fault+0xa42 ([kernel.kallsyms])
"""
STACK = """# cat /proc/70/task/81/stack
[<0>] rwsem_down_read_slowpath+0x1a5/0x4d0
[<0>] {0}+0x290/0x300
[<0>] hva_to_pfn+0x2ab/0x450 [kvm]
[<0>] kvm_arch_vcpu_ioctl_run+0x2ab/0x450 [kvm]
"""


@pytest.mark.parametrize(
    ("text", "ratio"),
    [
        (SAMPLE.format("migrate_pages"), 20.0),
        (SAMPLE.format("do_sys_poll"), None),
        (STACK.format("get_user_pages_unlocked"), 12.0),
        (STACK.replace("hva_to_pfn", "vfs_read").format("down_read"), None),
    ],
)
def test_threads_in_the_kernels_handling_of_memory(tmp_path: Path, text: str, ratio: float | None) -> None:
    report = said(tmp_path, "The guest under KVM stalls now and then.", text)
    finding = next(one for one in report.findings if one.cause == "memory-pressure")
    assert any(point.ratio == ratio for point in finding.because) is (ratio is not None)
    assert bool([point for point in finding.because if point.ratio > 3]) is (ratio is not None)


def test_what_a_log_shows_goes_before_what_is_told(tmp_path: Path) -> None:
    words = "A KVM guest stuttered while its backup ran, and then it was gone."
    log = "Mar  4 02:31:12 n1 kernel: Out of memory: Killed process 718 (kvm) total-vm:34188228kB, anon-rss:33412204kB"
    assert said(tmp_path, words, log).verdict.cause == "memory-pressure"


def test_a_host_that_is_told_to_be_too_small_is_the_answer(tmp_path: Path) -> None:
    words = (
        "30 guests with 4 vCPUs each on a host with 16 cores are slow at noon. In them top has 44 st. "
        "They complain of the clocksource watchdog, too, as a KVM guest does then."
    )
    assert said(tmp_path, words).verdict.cause == "cpu-contention"


def test_an_old_monitor_does_not_say_why_it_is_paused(tmp_path: Path) -> None:
    monitor = "QEMU {0} monitor - type 'help' for more information\n(qemu) info status\nVM status: paused\n"
    full = "/dev/sdx1  100G  100G     0 100% /srv\n"
    assert said(tmp_path, monitor.format("0.14.1"), full).verdict.cause == "enospc-paused"
    assert said(tmp_path, monitor.format("6.2.0")).verdict.cause == "paused"
