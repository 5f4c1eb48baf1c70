"""What each thread of QEMU sleeps in, one line a thread, as loops over ``/proc/PID/task/*/wchan`` print it.

    7123 CPU 0/KVM handle_userfault
    /proc/7112/task/7123/wchan:handle_userfault
    CPU 0/KVM: handle_userfault

Source: proc_pid_wchan(5). A single function tells what kind of wait it is, and not for how long.
"""

import re
from collections.abc import Iterable, Iterator

from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.threads import ThreadRole
from crazytrain.model.facts.waits import ThreadWait, WaitInstant
from crazytrain.model.kernel_waits import WaitsFor, waits_for
from crazytrain.model.thread_names import role_by_name

_MOST_LINES, _MOST_THREADS, _LONGEST = 50_000, 1024, 300
_NAME = (
    r"(?:qemu[\w-]{0,12}|kvm|CPU \d{1,4}/\w{1,5}|IO \S{1,16}|worker|call_rcu|vhost-\d{1,9}|vnc_worker|SPICE Worker"
    r"|postcopy/\S{1,10}|multifd\w{1,12}|migration|live_migration)"
)
_SEP = r"[ \t]*[:=|-]{0,3}>?[ \t]*"
_WAIT = r"(?P<wchan>[a-z_][a-z0-9_.]{3,60})"
_LINE = re.compile(rf"[#*> -]{{0,6}}(?:(?P<tid>\d{{1,9}})[ \t:(]{{1,4}})?\(?(?P<name>{_NAME})\)?{_SEP}{_WAIT}\s*$")
_FILE = re.compile(rf"(?:/proc/)?(?:(?P<pid>\d{{1,9}})/)?(?:task/)?(?P<tid>\d{{1,9}})/wchan[: ]{{1,3}}{_WAIT}\s*$")
_TELLS = re.compile(
    r"handle_userfault|usb_\w+|usbdev_\w+|proc_do_submiturb|__refrigerator|kvm_vcpu_block|futex_\w+|do_sys_poll|ep_poll"
)
_LEAST = 2  # lines: one alone may be anything


def decode_wchan_lines(evidence: Evidence) -> Iterable[object]:
    """Yield a ``WaitInstant`` of the threads; nothing where none of them waits for something that tells."""
    text = evidence.data.decode("utf-8", "replace")
    threads = {one.tid: one for one in _threads(text.split("\n")[:_MOST_LINES], evidence)}
    if len(threads) >= _LEAST and any(
        one.state or one.wchan.startswith("handle_userfault") for one in threads.values()
    ):
        kept = tuple(threads.values())[:_MOST_THREADS]
        yield WaitInstant(mono_ns=evidence.mono_ns, threads=kept, refs=(evidence.ref(),), partial=True)


def _threads(lines: Iterable[str], evidence: Evidence) -> Iterator[ThreadWait]:
    unnamed = 0
    for number, line in enumerate(lines, start=1):
        found = _LINE.match(line[:_LONGEST].strip()) or _FILE.match(line[:_LONGEST].strip())
        if found is None or not (_TELLS.match(found["wchan"]) or waits_for([found["wchan"]])):
            continue
        groups = found.groupdict()
        unnamed -= 1
        comm = groups.get("name") or ""
        yield _wait(int(groups.get("tid") or unnamed), comm, found["wchan"], evidence, number)


def _wait(tid: int, comm: str, wchan: str, evidence: Evidence, line: int) -> ThreadWait:
    role = role_by_name(comm)[0]
    return ThreadWait(
        tid=tid,
        comm=comm,
        mono_ns=evidence.mono_ns,
        state="D" if waits_for([wchan]) is WaitsFor.STORAGE else "",
        wchan=wchan,
        kernel=(wchan,),
        line=line,
        role=None if role is ThreadRole.OTHER else role,
        picked=True,
    )
