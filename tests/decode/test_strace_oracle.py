"""Our counts against strace's own table of the same run; and what a large trace costs in memory."""

import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from crazytrain.decode.recognise import split
from crazytrain.decode.strace import decode_strace
from crazytrain.decode.strace_summary import decode_strace_summary
from crazytrain.model.evidence import Evidence, Kind
from crazytrain.model.facts.syscalls import SyscallUse
from tests.support import skip_real

VICTIM = """
import os, select, threading
def wake(r, n):
    for _ in range(n):
        select.select([r], [], [], 0.001)
        try: os.read(r, 8)
        except BlockingIOError: pass
pairs = [os.pipe2(os.O_NONBLOCK) for _ in range(3)]
threads = [threading.Thread(target=wake, args=(r, 60)) for r, _ in pairs]
[t.start() for t in threads]
[os.write(w, b"x" * 8) for _ in range(20) for _, w in pairs]
[t.join() for t in threads]
"""


def use_of(evidence: Evidence) -> SyscallUse:
    decode = decode_strace if evidence.kind is Kind.STRACE else decode_strace_summary
    (use,) = [fact for fact in decode(evidence) if isinstance(fact, SyscallUse)]
    return use


@pytest.mark.real
@pytest.mark.parametrize("options", [["-f"], ["-f", "-tt", "-T"], ["-f", "-y", "-r"], ["-f", "-ttt", "-n"], []])
def test_counts_and_errors_are_those_of_strace_itself(options: list[str], tmp_path: Path) -> None:
    if shutil.which("strace") is None:
        skip_real("strace is not installed")
    out = tmp_path / "trace.txt"
    command = ["strace", "-C", *options, "-o", str(out), sys.executable, "-I", "-S", "-c", VICTIM]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
    if "PTRACE" in done.stderr:
        skip_real(f"strace may not trace: {done.stderr.strip()}")
    parts = split("trace.txt", out.read_bytes())
    assert [part.kind for part in parts] == [Kind.STRACE, Kind.STRACE_SUMMARY]
    lines, table = (use_of(part) for part in parts)
    counted: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    for call in lines.calls:
        counted[call.call] += call.count
        failed[call.call] += call.failed
    theirs = {call.call: call.count for call in table.calls}
    # exit and exit_group never return, so the table leaves them out
    assert {name: n for name, n in counted.items() if name not in ("exit", "exit_group")} == theirs
    assert {name: n for name, n in failed.items() if n} == {c.call: c.failed for c in table.calls if c.failed}
    if options:
        assert len({call.tid for call in lines.calls}) == 4


MEASURE = """
import resource, sys
from crazytrain.decode.recognise import split
from crazytrain.decode.strace import decode_strace
line = b"[pid 4711] 13:33:01.000012 read(17, 0x7fffe6b5b1b0, 128) = -1 EAGAIN (Resource temporarily unavailable)" + END
data = line * (SIZE // len(line))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
(part,) = split("big.txt", data)
use, story = decode_strace(part)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, story.calls == len(data) // len(line))
"""


@pytest.mark.parametrize("end", ["\\n", "\\r\\n"])
def test_memory_grows_by_the_text_once_more(end: str) -> None:
    size = 64 << 20
    script = MEASURE.replace("SIZE", str(size)).replace("END", f'b"{end}"')
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=120)
    grown_kib, whole = done.stdout.split()
    assert whole == "True"
    assert int(grown_kib) << 10 < size * 1.4 + (40 << 20)
