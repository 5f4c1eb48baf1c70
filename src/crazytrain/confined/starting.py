"""How the child begins: what it is told in words, what it loads while it still can, how it gives up all else."""

import codecs
import gc
import importlib
import os
from collections.abc import Callable, Sequence

from crazytrain.confined.parts import Parts
from crazytrain.confined.serving import Handed, Serving
from crazytrain.confined.talking import Talk
from crazytrain.host.confine import Limits, give_up

_LAZY = ("heapq",)  # what the standard library imports only when it is first needed (Counter.most_common)
_CODECS = ("utf-8", "ascii", "latin-1", "utf-16-le")


def run(words: Sequence[str], parts: Parts) -> None:
    """Give up all, then serve until the other side hangs up. Does not come back.

    ``words``: the parent's pid; descriptors of mem, pagemap, cached symbols and new ones; bytes of memory, CPU seconds, bytes
    of a file.
    """
    parent, mem, pagemap, cached, found, memory_bytes, cpu_s, file_bytes = map(int, words)
    talk = Talk()
    for name in _LAZY:
        importlib.import_module(name)
    for name in _CODECS:
        codecs.lookup(name)
    handed = Handed(mem, pagemap, cached, found)
    limits = Limits(memory_bytes=memory_bytes, cpu_s=cpu_s, file_bytes=file_bytes)
    notes = give_up((0, 1, 2, mem, pagemap, cached, found), parent, limits)
    gc.freeze()  # what is there stays: collecting need not walk it
    _ended(lambda: talk.serve(Serving(handed, parts, notes)))


def _ended(serve: Callable[[], None]) -> None:
    """No clean-up: it would look for files that cannot be opened."""
    try:
        serve()
    except BaseException:  # noqa: BLE001 - nobody would see it: the other side sees that we end
        os._exit(1)
    os._exit(0)
