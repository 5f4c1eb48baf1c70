"""PRINTED_FILES: small files of /proc and /sys as people print them, read by the decoders of the same files.

    $ cat /sys/module/kvm/parameters/halt_poll_ns
    200000
    $ grep . /proc/4711/task/*/wchan
    /proc/4711/task/4712/wchan:futex_wait_queue
    kernel.split_lock_mitigate = 1

Forms: ``cat FILE`` and what it printed, ``grep . FILE...``, heads of ``head`` and ``tail`` (``==> FILE <==``), sysctl, and lines of
``/proc/PID/stat`` alone. Sources: proc(5), sysctl(8), Documentation/virt/kvm/halt-polling.rst.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

from msgspec.structs import replace

from crazytrain.decode.host_params import decode_host_params
from crazytrain.decode.proc_status import CALL_LINE, MACHINE, STATUS_LINE, by_call, picked
from crazytrain.decode.waits import decode_waits
from crazytrain.model.bundle import Part, pack
from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.host import HostParameters
from crazytrain.model.facts.waits import ThreadWait, WaitInstant

_THREAD = r"/proc/\d{1,9}/(?:task/\d{1,9}/)?(?:comm|stat|wchan|syscall|schedstat)"
_SETTING = (
    r"/sys/module/(?:kvm|vhost|vfio)\w*/parameters/\w{1,60}|/proc/sys/kernel/(?:split_lock_mitigate|numa_balancing|hung_task_timeout_secs)"
    r"|/sys/kernel/mm/(?:transparent_hugepage/(?:enabled|defrag)|ksm/run)|/proc/sys/vm/swappiness"
    r"|/sys/devices/system/cpu/(?:cpu0/cpufreq/scaling_governor|cpuidle/current_driver)"
)
_MACHINE = r"/proc/(?:stat|uptime)"  # read line by line: `proc_snapshots`, `moments`
_PATH = rf"(?:{_THREAD}|{_SETTING}|{_MACHINE})"
_COUNTED = (
    r"cpu\d{0,5} +\d{1,20}(?: +\d{1,20}){3,9} *$"
    r"|(?:nr_periods|nr_throttled|throttled_(?:usec|time)|usage_usec) \d{1,20} *$"
    r"|(?:intr|softirq)(?: \d{1,20}){5,}|(?:ctxt|btime|processes|procs_running|procs_blocked) \d{1,20}$"
)
_STAT = r"\d{1,9} \([^\n]{1,64}\) [RSDTtZXIPW] -?\d{1,9} \d{1,9} \d{1,9} "
COMMAND = re.compile(rf"(?:sudo )?(?:cat|head|tail|more)(?: -\S+)*(?P<paths>(?: {_PATH})+) *$".encode())
WHOLE = re.compile(
    rf"(?:sudo )?(?:cat|head|tail|more)(?: -\S+)*(?: {_PATH})+ *$|{_PATH}: ?\S|==> {_PATH} <==|{_STAT}|{_COUNTED}|\d{{1,9}}\.\d\d \d{{1,12}}\.\d\d$"
    rf"|{STATUS_LINE}|{CALL_LINE}"
    r"|kernel\.(?:split_lock_mitigate|numa_balancing|hung_task_timeout_secs) = \d|vm\.swappiness = \d".encode()
)
_NAMED = re.compile(rf"(?P<path>{_PATH}): ?(?P<text>\S.{{0,400}})")
_HEAD = re.compile(rf"==> (?P<path>{_PATH}) <==")
_SYSCTL = re.compile(r"(kernel|vm)\.(\w{1,40}) = (\S{1,80})")
_BARE = re.compile(_STAT)
_OF_THREAD = re.compile(r"/proc/(?P<pid>\d{1,9})/(?:task/(?P<tid>\d{1,9})/)?(?P<file>\w+)$")
_PROMPT = re.compile(r"(?:\[?[\w.-]{1,40}@[^\n]{1,80})?[#$] ?$")
_MOST_LINES = 20_000
_MACHINE_PART = Part("machine", MACHINE.encode())


def decode_printed_files(evidence: Evidence) -> Iterable[object]:
    """Yield a ``HostParameters`` of the settings and a ``WaitInstant`` of the threads that were printed.

    A thread of which only its kernel function or call is known has no state (empty). Not all threads stand there: ``partial``.
    """
    lines = [line[:2000] for line in evidence.data.decode("utf-8", "backslashreplace").split("\n")[:_MOST_LINES]]
    found = {path: (number, text) for number, path, text in _files(lines)}
    first = min((number for number, _ in found.values()), default=1)
    last = max((number for number, _ in found.values()), default=1)
    data = pack((_MACHINE_PART, *(Part(path, text.encode()) for path, (_, text) in found.items())))
    bundle = replace(evidence, data=data)
    for fact in decode_host_params(bundle):
        if isinstance(fact, HostParameters) and any(not path.startswith("/proc/") or "/sys/" in path for path in found):
            yield replace(fact, refs=(evidence.ref(first, last),))
    threads = [*_leading(_waits(bundle, found), lines), *_bare_waits(found, evidence)]
    if threads:
        yield WaitInstant(
            mono_ns=evidence.mono_ns, threads=tuple(threads), refs=(evidence.ref(first, last),), partial=True
        )


def goes_on(before: bytes, line: bytes) -> bool:
    """What a command printed: the line below it."""
    return bool(COMMAND.match(before)) and 0 < len(line.strip()) < 400


def _files(lines: Sequence[str]) -> Iterator[tuple[int, str, str]]:
    """Line, path and content of each file; a thread's files by the thread."""
    for number, path, text in printed(lines):
        tid = text.split(" ", 1)[0]
        yield number, _by_thread(path) if path else f"/proc/{tid}/task/{tid}/stat", text


def printed(lines: Sequence[str]) -> Iterator[tuple[int, str, str]]:
    """Line, path and content of each file, in order; the path is empty for a line of ``stat`` that stands there bare."""
    waiting: list[str] = []
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        command, named, head = COMMAND.match(text.encode()), _NAMED.match(text), _HEAD.match(text)
        sysctl = _SYSCTL.match(text)
        if command:
            waiting = command["paths"].decode().split()
        elif named or sysctl:
            path = named["path"] if named else f"/proc/sys/{sysctl[1]}/{sysctl[2]}" if sysctl else ""
            yield number, path, named["text"] if named else sysctl[3] if sysctl else ""
        elif head:
            waiting = [head["path"]]
        elif text and waiting and not _PROMPT.match(text):
            yield number, waiting.pop(0), text
        elif _BARE.match(text):
            yield number, "", text


def _by_thread(path: str) -> str:
    found = _OF_THREAD.match(path)
    return path if found is None or found["tid"] else f"/proc/{found['pid']}/task/{found['pid']}/{found['file']}"


def _waits(bundle: Evidence, found: dict[str, tuple[int, str]]) -> Iterator[ThreadWait]:
    for fact in decode_waits(bundle):
        if isinstance(fact, WaitInstant):
            for wait in fact.threads:
                at = next((n for path, (n, _) in found.items() if f"/task/{wait.tid}/" in path), None)
                yield replace(wait, line=bundle.ref(at).line)


def _leading(waits: Iterable[ThreadWait], lines: Sequence[str]) -> Iterator[ThreadWait]:
    """One moment of threads. Which one is the process's first is told by its path, else by QEMU's own name on the lowest number."""
    threads = sorted(waits, key=lambda wait: wait.tid)
    for number, wait in enumerate(threads):
        path = f"/proc/{wait.tid}/"
        told = any(path in line and f"{path}task/" not in line for line in lines)
        yield picked(wait, leader=told or (not number and wait.comm.startswith(("qemu", "kvm"))))


def _bare_waits(found: dict[str, tuple[int, str]], evidence: Evidence) -> Iterator[ThreadWait]:
    """Threads whose state was not printed, with the kernel function or the call in which they sleep."""
    for path, (number, text) in found.items():
        thread = _OF_THREAD.match(path)
        if thread and thread["file"] == "wchan" and path.replace("/wchan", "/stat") not in found and text != "0":
            comm = found.get(path.replace("/wchan", "/comm"), (0, ""))[1]
            tid, line = int(thread["tid"] or thread["pid"]), evidence.ref(number).line
            call = found.get(path.replace("/wchan", "/syscall"), (0, ""))[1]
            yield replace(by_call(call, tid, line), comm=comm, wchan=text[:128])
        elif (
            thread
            and thread["file"] == "syscall"
            and not any(path.replace("/syscall", f"/{f}") in found for f in ("stat", "wchan"))
        ):
            wait = by_call(text, int(thread["tid"] or thread["pid"]), evidence.ref(number).line)
            yield picked(wait, leader=thread["tid"] == thread["pid"])
