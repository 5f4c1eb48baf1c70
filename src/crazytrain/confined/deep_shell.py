"""``python -I -m crazytrain.confined.deep_shell``: a drgn prompt on a running guest; started by ``host.guest_shell`` only.

A person types here, so files and the terminal stay; user, capabilities and the way back to them are given up before the guest's
memory is parsed.
"""

import logging
import os
import sys

import drgn
import drgn.cli
import drgn.helpers.common
import drgn.helpers.linux
import msgspec

from crazytrain.confined.deep_program import Deep
from crazytrain.host.confine import become_nobody
from crazytrain.host.opened_memory import OpenedMemory
from crazytrain.model.guest_memory import Unreadable
from crazytrain.model.inside_talk import MOST_MESSAGE_BYTES, Begin


def main(words: list[str]) -> int:
    """Find the kernel, then hand over to drgn. ``words``: the parent's pid; descriptors of mem, pagemap and of where RAM lies."""
    parent, mem, pagemap, about = map(int, words)
    drgn.Program().set_pid(os.getpid())  # it loads its commands with the first target: now, while files can be read
    notes = become_nobody(parent)
    begin = msgspec.json.decode(os.pread(about, MOST_MESSAGE_BYTES, 0), type=Begin)
    try:
        deep = Deep(OpenedMemory(mem, pagemap, begin.segments), begin)
    except Unreadable as error:
        print(f"crazytrain: {ascii(str(error))[1:-1]}", file=sys.stderr)
        return 1
    drgn.cli.logger.setLevel(logging.ERROR)  # it would complain that nobody has no home to keep a history in
    drgn.cli.run_interactive(deep.program, banner_func=lambda usual: _banner(deep, notes) + usual)
    return 0


def _banner(deep: Deep, notes: tuple[str, ...]) -> str:
    """What stands above the prompt. The guest's words are shown as ASCII only."""
    lines = [
        f"Linux {ascii(deep.kernel.about.release)[1:-1]} of a running guest, read from outside. It runs on while you look:",
        "what you read may have changed meanwhile. Its memory holds secrets, and its strings may be hostile to your terminal.",
        *deep.missing,
        *notes,
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
