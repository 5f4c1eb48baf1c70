"""What several pasted texts of one guest tell together."""

from crazytrain.decode.recognise import split
from crazytrain.model.facts import ThreadActivity, ThreadRole
from crazytrain.pipeline import read
from tests.decode.test_backtrace import DRAIN, VCPU

TOP = """top - 12:00:00 up 1 day,  1:00,  1 user,  load average: 1.00, 1.00, 1.00
Threads:   3 total,   1 running,   2 sleeping,   0 stopped,   0 zombie

    PID USER      PR  NI    VIRT    RES    SHR S %CPU %MEM     TIME+ COMMAND
   4714 qemu      20   0 6683072 647416   8336 S  1.0  0.2   0:28.04 qemu-kvm
   4711 qemu      20   0 6683072 647416   8336 R 99.0  0.2  12:12.93 qemu-kvm
"""


def roles(*texts: str) -> dict[int, ThreadRole]:
    evidence = [region for number, text in enumerate(texts) for region in split(f"{number}.txt", text.encode())]
    activity = read(evidence).facts.get(ThreadActivity)
    assert activity is not None
    return {use.tid: use.role for use in activity.threads}


def test_a_backtrace_names_the_threads_of_top() -> None:
    """Without names, top's guess is that the thread that computes is a vCPU; the backtrace knows that it is the main loop."""
    known = {4711: ThreadRole.MAIN_LOOP, 4714: ThreadRole.VCPU}
    assert roles(TOP) != known
    assert roles(TOP, f"{VCPU}\n{DRAIN}") == known


def test_a_backtrace_of_another_process_says_nothing() -> None:
    other = f"{VCPU}\n{DRAIN}".replace("471", "999")
    assert roles(TOP, other) == roles(TOP)
