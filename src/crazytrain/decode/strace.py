r"""Lines of strace, pasted or taken: who called what, how often, with what outcome, and what single lines tell.

    rt_sigaction(SIGALRM, NULL, {0x7f8c00851300, ~[KILL STOP RTMIN RT_1], SA_RESTORER, 0x7f8bffee9060}, 8) = 0
    read(17, 0x7fffe6b5b1b0, 128) = -1 EAGAIN (Resource temporarily unavailable)
    timer_settime(0, 0, {it_interval={0, 0}, it_value={0, 250000}}, NULL) = 0
    select(20, [7 10 16 17 18 19], [], [], {1, 0}) = 1 (in [7], left {0, 999997})

Read with and without -f, -t, -tt, -ttt, -r, -T, -y, -n, -i; see strace_line for a line, strace_rows for
how lines are read fast, strace_tally (and strace_quick, for blocks with nothing new) for the counting, strace_trace for the
whole, strace_story for the single lines. Manual: strace(1).
"""

from collections.abc import Iterable, Iterator

from crazytrain.decode.strace_memory import Memory
from crazytrain.decode.strace_quick import Quick
from crazytrain.decode.strace_tally import tally
from crazytrain.decode.strace_trace import Trace
from crazytrain.model.errors import BadInput
from crazytrain.model.evidence import Evidence

_BLOCK_BYTES = 256 * 1024


def decode_strace(evidence: Evidence) -> Iterable[object]:
    """Yield a `SyscallUse` and a `TraceStory`.

    Coverage: ``ONE_THREAD`` where no line names a thread (no -f); ``ALL_THREADS`` where strace says that it attached to
    all threads, or its command with -f stands in the text; else ``SOME_THREADS``. ``window_ns`` comes from the lines'
    times. Of each kind of story item the first few are kept (`strace_story.MOST_OF_A_KIND`); everything is counted.

    Raises:
        BadInput: no call and no note of strace stands in the text.
    """
    trace, memory = Trace(evidence), Memory()
    quick = Quick(memory)
    for block in _blocks(evidence.data):
        trace.add(quick.count(block, is_clean=True) or tally(memory.rows.read(block), memory))
    if not trace.has_strace:
        raise BadInput(f"{evidence.source}: no line of strace in it", "Give the output of `strace -f -tt -T -p PID`.")
    return trace.facts()


def _blocks(data: bytes) -> Iterator[bytes]:
    position = 0
    while position < len(data):
        end = data.find(b"\n", position + _BLOCK_BYTES) + 1 or len(data)
        yield data[position:end]
        position = end
