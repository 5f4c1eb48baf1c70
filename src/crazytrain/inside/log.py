"""The guest's kernel log as it lies in its memory: what its dmesg would print.

Since 5.10 it is a ring of descriptors over a ring of text (linux/kernel/printk/printk_ringbuffer.h), before that one ring of
records (``struct printk_log``). The guest goes on writing: a record that is being overwritten is counted as lost, not guessed.
"""

import msgspec

from crazytrain.inside.kernel import Kernel
from crazytrain.inside.old_log import read_old_log
from crazytrain.inside.ring_log import read_ring
from crazytrain.model.facts.inside import InsideLog

_MOST_LETTERS = 5 << 20  # of all text: it goes out as JSON, where one may become six


def read_log(kernel: Kernel, most_records: int) -> InsideLog:
    """Read the last ``most_records`` records, oldest first. Raises ``Unreadable`` where there is no log that we know."""
    most = max(most_records, 1)
    read = read_ring if kernel.symbols.get("prb") is not None else read_old_log
    return _bounded(read(kernel, most))


def _bounded(log: InsideLog) -> InsideLog:
    """The last records that are not too much together."""
    left = _MOST_LETTERS
    for place in range(len(log.records) - 1, -1, -1):
        left -= len(log.records[place].text) + 32
        if left < 0:
            return msgspec.structs.replace(log, records=log.records[place + 1 :], cut=True)
    return log
