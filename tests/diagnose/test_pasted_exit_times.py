"""Exits that take as long as a sleep, lines that are only lowered, and mappings that the host takes away."""

import pytest

from crazytrain.decode.recognise import split
from crazytrain.model.case import Case
from crazytrain.model.report import Report
from crazytrain.pipeline import conclude


def report(*texts: str) -> Report:
    pieces = tuple(piece for number, text in enumerate(texts) for piece in split(f"paste-{number}.txt", text.encode()))
    return conclude(Case(id="", guest=None, window=None, evidence=pieces))


TABLE = """\
             VM-EXIT    Samples  Samples%     Time%    Min Time    Max Time         Avg time

       EXCEPTION_NMI        {}    40.00%    98.00%      2.10us  12011.00us   {}us ( +-   0.90% )
      IO_INSTRUCTION        300    30.00%     1.00%      1.20us     80.00us     {}us ( +-   1.10% )
                 HLT        300    30.00%     1.00%      1.20us  90000.00us  31000.00us ( +-   1.10% )

Total Samples:1000, Total events handled time:4100000.00us.
"""


@pytest.mark.parametrize(
    ("samples", "mean", "other", "said"),
    [("400", "10213.40", "8.00", True), ("400", "813.40", "8.00", False), ("1", "10213.40", "8.00", False)],
)
def test_exceptions_that_take_ten_milliseconds(samples: str, mean: str, other: str, said: bool) -> None:
    assert (report(TABLE.format(samples, mean, other)).verdict.cause == "split-lock") is said


def test_a_vcpu_that_is_late_in_all_its_exits() -> None:
    alone, late = (report(TABLE.format("400", "10213.40", other)).verdict for other in ("8.00", "9100.00"))
    assert alone.confidence > (late.confidence if late.cause == "split-lock" else 0.0)


def lowered(level: int) -> str:
    line = "       qemu-kvm-4711  [003] {:.6f}: kvm_set_irq:          gsi 2 level {} source 0\n"
    return "".join(line.format(100 + number / 1000, level if number % 2 else 0) for number in range(40))


def test_a_tick_that_is_only_lowered() -> None:
    assert report(lowered(0)).verdict.cause == "pit-hpet-storm"
    assert report(lowered(0)).verdict.confidence >= report(lowered(1)).verdict.confidence


TAKEN = """\
kvm statistics

 kvm_unmap_hva_range      {0}      {0}
 kvm_exit                 9000     9000
 kvm_entry                9000     9000
"""


def confidence(cause: str, text: str) -> float:
    return next(one.confidence for one in report(text).findings if one.cause == cause)


def test_mappings_that_the_host_takes_away() -> None:
    many, few = (confidence("memory-pressure", TAKEN.format(rate)) for rate in (5000, 12))
    assert many > 2 * few


def test_split_locks_of_other_monitors() -> None:
    text = "[ 8812.100000] x86/split lock detection: #AC: {}/712 took a split_lock trap at address: 0x4711\n"
    monitor, other = (confidence("split-lock", text.format(name)) for name in ("fc_vcpu0", "game.exe"))
    assert monitor > 2 * other


OOPS = """\
[  912.100000] BUG: unable to handle page fault for address: ffffa5e780812000
[  912.100100] Oops: 0002 [#1] SMP NOPTI
[  912.100200] CPU: 0 PID: 0 Comm: swapper/0 Not tainted 6.9.3 #1
[  912.100300] Hardware name: QEMU Standard PC (Q35 + ICH9, 2009), BIOS 1.16.2 04/01/2014
"""


def test_a_guest_whose_kernel_complained_has_left_its_firmware() -> None:
    words = "The guest hangs, and its screen stays black.\n"
    without, beside = (
        next(one.confidence for one in report(*texts).findings if one.cause == "firmware-hang")
        for texts in ((words,), (words, OOPS))
    )
    assert beside < without


SWAPS = """\
$ vmstat 1
procs -----------memory---------- ---swap-- -----io---- -system-- ------cpu-----
 r  b   swpd   free   buff  cache   si   so    bi    bo   in   cs us sy id wa st
 1 12 9811200 150100    900  90100 20100 31200 21100 31400 20100 41100  4 20 10 66  0
 2 11 9822400 149200    900  90200 22300 33100 23300 33500 21200 42200  4 21 11 64  0
"""
SWAPPED = "$ grep -E 'VmRSS|VmSwap' /proc/4711/status\nVmRSS:\t 6221136 kB\nVmSwap:\t 3873212 kB\n"


def test_whose_swap_it_is() -> None:
    assert report(SWAPS, SWAPPED).verdict.cause == "memory-pressure"
    told = report("Inside the guest vmstat shows heavy swapping to its own swap.\n", SWAPS).verdict
    assert told.cause == "guest-memory-thrash"
