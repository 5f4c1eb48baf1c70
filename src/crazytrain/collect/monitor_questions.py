"""What is asked of a monitor, and what never is, each with the reason why it does or does not disturb the guest.

QEMU answers in its main loop, under its big lock: while it does, no device that lives there is served, and a vCPU that
needs the lock waits. So only what returns from memory is asked. The question itself QEMU reads byte by byte, with a poll()
and a recvmsg() for each, in the thread of its monitors (``IO mon_iothread``, which holds no lock): short questions cost
least. The reasons come from QEMU's source (monitor/, hw/core/machine-qmp-cmds.c, block/qapi.c, hw/virtio/virtio-qmp.c,
net/net.c).
"""

import json
from collections.abc import Iterator
from enum import Flag, auto

import msgspec


class When(Flag):
    """At which end of the window."""

    START = auto()
    END = auto()
    BOTH = START | END


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """One question: a QMP command, or with ``hmp`` a line for people.

    ``light``: also of a guest that is only looked at to compare with. ``libvirt`` is the call of libvirt that tells the same
    without a mark on the domain; such questions are not put to QEMU behind libvirt's back.
    """

    asks: str
    safe_because: str
    when: When = When.BOTH
    hmp: bool = False
    light: bool = False
    libvirt: str = ""
    arguments: dict[str, object] = {}

    @property
    def command(self) -> bytes:
        """The question as QMP."""
        return human(self.asks) if self.hmp else question(self.asks, **self.arguments)


# Counters stand first, so that both readings are as far apart as the window is long.
IRQS = Question(
    asks="info irq", safe_because="reads the emulated interrupt controllers' counters", hmp=True, light=True
)
COUNTERS = Question(
    asks="query-stats",
    safe_because="reads KVM's counters; before QEMU 8.0, which keeps a descriptor for it, each vCPU leaves the guest once",
    light=True,
    libvirt="domstats",
    arguments={"target": "vcpu", "providers": [{"provider": "kvm"}]},
)
QUESTIONS = (
    Question(
        asks="query-blockstats",
        safe_because="reads counters of each disk; without query-nodes, which would walk every node",
        light=True,
        libvirt="domstats",
    ),
    Question(asks="query-status", safe_because="reads one variable", light=True, libvirt="domstate"),
    Question(asks="query-version", safe_because="constant", when=When.START, light=True),
    Question(asks="query-kvm", safe_because="constant", when=When.START, light=True),
    Question(
        asks="query-cpus-fast",
        safe_because="reads thread ids; query-cpus would stop every vCPU for it",
        when=When.START,
        light=True,
    ),
    Question(asks="query-migrate", safe_because="reads counters", light=True, libvirt="domjobinfo"),
    Question(asks="query-balloon", safe_because="reads one number; an error without a balloon", libvirt="domstats"),
    Question(
        asks="qom-get",
        safe_because="computes the RTC's date from its offset",
        arguments={"path": "/machine", "property": "rtc-time"},
    ),
    Question(asks="query-vnc-servers", safe_because="walks the list of clients", when=When.START),
    Question(asks="query-spice", safe_because="walks the list of channels", when=When.START),
    Question(asks="query-jobs", safe_because="reads the job list under a short lock of its own"),
    Question(asks="query-block-jobs", safe_because="the same"),
    Question(asks="query-name", safe_because="constant", when=When.START, libvirt="domname"),
    Question(asks="query-chardev", safe_because="walks a list", when=When.START),
    Question(asks="query-iothreads", safe_because="reads settings, does not enter the iothread", when=When.START),
    Question(asks="info network", safe_because="walks a list", when=When.START, hmp=True),
)
# Calls fstat() on each image in the main loop: where storage hangs, the guest would hang with it. See monitor_waiting.
DISKS = Question(
    asks="query-block",
    safe_because="asked only while no thread of QEMU waits for storage",
    when=When.START,
    libvirt="domblkerror",
)

# What a reader might miss here.
NEVER = {
    "query-rx-filter": "arms the event NIC_RX_FILTER_CHANGED again, for which libvirt waits",
    "x-query-virtio-queue-status, of a device that vhost serves": "asks vhost for its ring's base, and that stops the ring of a vhost-user backend",
    "query-named-block-nodes": "calls fstat() on every node; query-block does so for the top ones only, and is enough",
    "query-blockstats with query-nodes": "walks every node of every backing chain",
    "query-cpus": "interrupts every vCPU and waits for it",
    "query-dirty-rate": "tells nothing unless calc-dirty-rate slows the guest first",
    "info block": "calls fstat() on the whole backing chain",
    "info tlb, info mem": "walk the guest's page tables under the big lock",
    "human-monitor-command info snapshots": "opens and reads images in the main loop",
    "qom-list of everything": "some properties compute; only those named here are read",
}


def question(execute: str, **arguments: object) -> bytes:
    """Write one QMP command."""
    return json.dumps({"execute": execute, **({"arguments": arguments} if arguments else {})}).encode()


def human(line: str, vcpu: int | None = None) -> bytes:
    """Write one command of the monitor for people (HMP), about one vCPU where it is given."""
    about = {} if vcpu is None else {"cpu-index": vcpu}
    return question("human-monitor-command", **{"command-line": line}, **about)


class Occasion(msgspec.Struct, frozen=True, kw_only=True):
    """What decides about the questions: at which end, of a guest under KVM, with storage that answers, through libvirt."""

    when: When
    kvm: bool
    disks: bool
    libvirt: bool = False
    light: bool = False


def questions_at(occasion: Occasion) -> Iterator[bytes]:
    """The questions for one end of the window, in order."""
    counters = (COUNTERS,) if occasion.kvm else ()
    disks = (DISKS,) if occasion.disks else ()
    for one in (IRQS, *counters, *QUESTIONS, *disks):
        if one.when & occasion.when and not (occasion.libvirt and one.libvirt) and (one.light or not occasion.light):
            yield one.command
