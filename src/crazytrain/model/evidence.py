"""Evidence: one thing that was seen, with when, how, at what cost and with what outcome."""

from enum import StrEnum

import msgspec


class Outcome(StrEnum):
    """How a look ended. Not seen is not zero: only ``OK`` and ``TRUNCATED`` carry data."""

    OK = "ok"
    ABSENT = "absent"
    DENIED = "denied"
    TIMED_OUT = "timed out"
    TRUNCATED = "truncated"
    NO_TOOL = "no tool"
    BROKE = "broke"  # a defect in the collector, caught at the stage's guard and kept


class Cost(StrEnum):
    """The intrusion ladder: what a look may do to the guest."""

    READS = "reads"  # files and queries that the guest cannot notice
    SAMPLES = "samples"  # kernel-side aggregation, monitor commands at a bounded rate
    STOPS = "stops"  # a thread of QEMU is stopped for moments (ptrace)

    def allows(self, other: "Cost") -> bool:
        """Whether a ceiling of this height lets ``other`` pass."""
        order = list(Cost)
        return order.index(other) <= order.index(self)


class Kind(StrEnum):
    """The format of an evidence's data: it names the decoder."""

    IDENTITY = "identity"  # bundle: /proc/PID/{stat,status,cmdline,cgroup,exe,...}
    TASKS = "tasks"  # bundle: /proc/PID/task/TID/{comm,stat,schedstat,status} and kernel threads, one instant
    DESCRIPTORS = "descriptors"  # bundle: /proc/PID/fd/N link targets, fdinfo, net/unix
    BPF = "bpf"  # JSON lines of bpftrace: system calls, ppoll timeouts, KVM tracepoints
    STRACE = "strace"  # lines of strace
    STRACE_SUMMARY = "strace-summary"  # table of strace -c
    FD_LISTING = "fd-listing"  # ls -l /proc/PID/fd
    TOP_THREADS = "top-threads"  # top -H
    COMMAND_LINE = "command-line"  # a QEMU command line as pasted from ps, a log or libvirt
    QMP = "qmp"  # JSON lines: one {"execute", "arguments", "return"|"error"} a line
    QMP_DEVICES = "qmp-devices"  # the same form: info mtree -f, info qtree, qom-get, x-query-virtio-*
    NETWORKS = "networks"  # bundle: libvirt's networks as virsh prints them, and the files of their dnsmasq
    CLOCK_SETUP = "clock-setup"  # bundle: what both definitions of a libvirt domain say of its clock
    CLOCK_AGENT = "clock-agent"  # bundle: what the guest's agent told of its clock
    LIBVIRT_EVENTS = "libvirt-events"  # lines of virsh qemu-monitor-event --timestamp
    DOMSTATS = "domstats"  # bundle: what virsh domstats, domstate, domjobinfo, domblkerror printed
    KVM_STATS = "kvm-stats"  # JSON lines: KVM's binary statistics of the VM and its vCPUs, in hexadecimal
    VCPU_SAMPLES = "vcpu-samples"  # JSON lines: {"mono_ns", "text" of HMP `info registers -a`}
    CONSOLE = "console"  # the guest's serial console as the host has it
    PVCLOCK = "pvclock"  # JSON: kvmclock pages as read from guest RAM
    INSIDE = "inside"  # JSON: what the guest's kernel keeps in its RAM at one instant (model/facts/inside.py)
    INSIDE_PROFILE = "inside-profile"  # JSON: tasks, functions and stacks that its vCPUs were seen at
    INSIDE_LOG = "inside-log"  # JSON: the guest's own kernel log, out of its RAM; holds what the guest holds secret
    HOST = "host"  # bundle: kernel, clocksource, load, PSI, CPUs
    HOST_PARAMS = "host-params"  # bundle: module parameters, sysctls, kernel command line
    CGROUP = "cgroup"  # bundle: files of the guest's control groups and their ancestors
    MEMORY = "memory"  # bundle: meminfo, vmstat, pressure, status and stat of the guest
    STORAGE = "storage"  # bundle: mounts, file systems and devices behind open files, blocked tasks
    KERNEL_LOG = "kernel-log"  # bundle: the end of the host's kernel log, and clocks to map its stamps
    QEMU_LOG = "qemu-log"  # QEMU's own log of this guest
    WAITS = "waits"  # bundle: what each thread waits for: state, wchan, system call, kernel stack, last moment on a CPU
    STACKS = "stacks"  # JSON lines: the functions that each sleeping thread is in
    ONCPU = "oncpu"  # text of perf script: where threads were while they ran
    LAB = "lab"  # JSON: what the lab did to its own guest, and when
    SPENT = "spent"  # JSON: what the look itself cost
    BACKTRACE = "backtrace"  # gdb's bt and thread apply all bt, pstack, eu-stack, coredumpctl info
    KERNEL_STACK = "kernel-stack"  # /proc/PID/stack of one or more threads, as pasted
    QEMU_TEXT = "qemu-text"  # what QEMU prints for people: answers of its monitor, register dumps, failures of KVM
    QMP_TEXT = "qmp-text"  # QMP as pasted: objects of JSON on one line or several, with or without what was asked
    LIBVIRT_XML = "libvirt-xml"  # virsh dumpxml, whole or a part
    LIBVIRT_TEXT = "libvirt-text"  # what virsh domstats, dominfo, domstate, domblkerror, domjobinfo print
    PRINTED_FILES = "printed-files"  # small files of /proc and /sys, as cat, grep and sysctl print them
    PERF_KVM = "perf-kvm"  # tables of perf kvm stat
    PERF_COUNTS = "perf-counts"  # perf stat -e kvm:*
    PERF_REPORT = "perf-report"  # perf report --stdio, perf top
    TRACE_SUMMARY = "trace-summary"  # perf trace -s
    KVM_STAT = "kvm-stat"  # kvm_stat's screen, batch and log; debugfs counters of KVM
    KVM_TRACE = "kvm-trace"  # KVM's events as ftrace, trace-cmd or perf script print them
    LOG_TEXT = "log-text"  # a kernel's log as pasted, of the host or of the guest
    PS = "ps"  # tables of ps
    SYSSTAT = "sysstat"  # pidstat, mpstat, sar, iostat, vmstat
    INTERRUPTS = "interrupts"  # /proc/interrupts
    CLOCKSOURCE = "clocksource"  # current and available clock source
    TOLD = "told"  # prose: what somebody says to have noticed
    TEXT = "text"  # pasted text that nothing recognised


class Ref(msgspec.Struct, frozen=True):
    """Where to look: an evidence, and the line in it where one line is meant (counted from 1)."""

    evidence: str
    line: int | None = None
    last_line: int | None = None

    def __str__(self) -> str:
        if self.line is None:
            return self.evidence
        if self.last_line is None or self.last_line == self.line:
            return f"{self.evidence}:{self.line}"
        return f"{self.evidence}:{self.line}-{self.last_line}"


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was seen.

    ``id`` is unique within a case and is what a ``Ref`` names (for pasted text: the file's name).
    ``source`` says for a person where it came from. ``data`` are the raw bytes. ``detail`` says why where
    the outcome is not ok. ``cpu_ns`` and ``stall_ns`` are what the look itself cost, as measured; ``None`` is not
    measured. ``first_line`` is the line of ``source`` at which ``data`` begins, for parts of pasted files.
    """

    id: str
    kind: Kind
    source: str
    outcome: Outcome = Outcome.OK
    detail: str = ""
    data: bytes = b""
    mono_ns: int = 0
    wall_ns: int = 0
    took_ns: int = 0
    cost: Cost = Cost.READS
    cpu_ns: int | None = None
    stall_ns: int | None = None
    first_line: int = 1

    @property
    def usable(self) -> bool:
        """Whether there is data to decode."""
        return self.outcome in (Outcome.OK, Outcome.TRUNCATED) and bool(self.data)

    def ref(self, line: int | None = None, last_line: int | None = None) -> Ref:
        """A reference to this evidence, or to lines of ``data`` (counted from 1)."""
        shift = self.first_line - 1
        return Ref(
            self.id,
            None if line is None else line + shift,
            None if last_line is None else last_line + shift,
        )
