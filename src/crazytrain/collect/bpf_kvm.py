"""KVM's tracepoints as bpftrace counts them: why vCPUs leave, for how long, and what interrupts, halts and faults they see.

Times are taken of one exit in ``ONE_IN``, by chance: to time each would cost a polling guest more than all else here.
``kvm_emulate_insn`` is not among them: a guest without hardware virtualization passes it a million times a second, and
QEMU's ``query-stats`` knows the number (``insn_emulation``) for nothing.
"""

from crazytrain.collect.bpf_calls import LEFT_SAMPLED
from crazytrain.collect.bpf_probe import Events, Probe, counted

MOST_PVCLOCK_LINES = 50
ONE_IN = 64
ARM64 = 64  # our word for an ``isa`` that ARM's kvm_exit does not have; Intel is 1 and AMD 2 in the event itself
RETURNS = "kvm:kvm_userspace_exit"
_SAMPLED = f"(rand & {ONE_IN - 1}) == 0"


def _exit(isa: str, reason: str, rip: str, fields: tuple[str, ...]) -> Probe:
    body = f"""
  $isa = (uint64){isa}; $why = (uint64){reason}; $rip = args->{rip};
  @events++; @kvm_exit[pid, tid, $isa, $why] = count();
  if ({_SAMPLED}) {{
    @exit_at[tid] = nsecs; @exit_isa[tid] = $isa; @exit_for[tid] = $why; @exit_rip[pid, tid, $rip] = count();
  }}"""
    scratch = ("@exit_at", "@exit_isa", "@exit_for")
    return Probe("kvm:kvm_exit", frozenset((*fields, rip)), body, ("@kvm_exit", "@exit_rip"), scratch)


_ENTRY = Probe(
    "kvm:kvm_entry",
    frozenset(),
    """
  $at = @exit_at[tid];
  if ($at) { @exit_ns[pid, tid, @exit_isa[tid], @exit_for[tid]] = stats(nsecs - $at); @exit_at[tid] = 0; }""",
    ("@exit_ns",),
)
_TO_QEMU = Probe(
    RETURNS,
    frozenset(("reason", "errno")),
    f"""
  $why = (uint64)args->reason; $errno = (int64)args->errno;
  @kvm_userspace_exit[pid, tid, $why, $errno] = count();
  if ($errno >= 0 && {_SAMPLED}) {{
    @left_at[tid] = nsecs; @left_for[tid] = $why; @ioctl_fd[tid] = @ioctl_fd[tid] | {LEFT_SAMPLED};
  }}""",
    ("@kvm_userspace_exit",),
    ("@left_at", "@left_for"),
)
_PVCLOCK_FIELDS = ("vcpu_id", "version", "tsc_timestamp", "system_time", "tsc_to_system_mul", "tsc_shift", "flags")
_PVCLOCK = Probe(
    "kvm:kvm_pvclock_update",
    frozenset(_PVCLOCK_FIELDS),
    f"""
  if (@pvclock_lines[pid] < {MOST_PVCLOCK_LINES}) {{
    @pvclock_lines[pid] = @pvclock_lines[pid] + 1;
    printf("pvclock pid=%d vcpu=%u version=%u tsc_timestamp=%llu system_time=%llu mul=%u shift=%d flags=%u\\n",
      pid, {", ".join(f"args->{field}" for field in _PVCLOCK_FIELDS)});
  }}""",
    (),
    ("@pvclock_lines",),
)


def _measured(event: str, key: str, value: str, fields: tuple[str, ...], name: str = "") -> Probe:
    """An event that carries a number: how often by key, and the sum of the numbers."""
    into = f"@{name or event}"
    return Probe(f"kvm:{event}", frozenset(fields), f" {into}[pid, {key}] = stats((int64)args->{value});", (into,))


# Each row is one subject, those that are passed most often first. The first form that the kernel has is taken; what comes behind
# it is older, or ARM's.
_SUBJECTS: tuple[tuple[Probe, ...], ...] = (
    (
        _exit("args->isa", "args->exit_reason", "guest_rip", ("isa", "exit_reason")),
        _exit(str(ARM64), "args->ret << 32 | (uint64)args->esr_ec", "vcpu_pc", ("ret", "esr_ec")),
        _exit(str(ARM64), "args->idx << 32 | (uint64)args->exit_reason", "vcpu_pc", ("idx", "exit_reason")),
    ),
    (_ENTRY,),
    (_TO_QEMU,),
    (counted("kvm_pio", ("port", "rw"), "args->port, args->rw"),),
    (counted("kvm_mmio", ("gpa", "type"), "args->gpa >> 12, args->type"),),
    (counted("kvm_msr", ("ecx", "write"), "args->ecx, args->write"),),
    (
        counted("kvm_page_fault", ("fault_address",), "args->fault_address >> 12"),
        counted("kvm_guest_fault", ("ipa",), "args->ipa >> 12", "kvm_page_fault"),
    ),
    (counted("kvm_inj_virq", ("vector",), "args->vector"),),
    (counted("kvm_hypercall", ("nr",), "args->nr"),),
    (counted("kvm_set_irq", ("gsi", "level"), "args->gsi, args->level"),),
    (counted("kvm_msi_set_irq", ("data",), "args->data & 0xff"),),
    (counted("kvm_apic_accept_irq", ("apicid", "vec"), "args->apicid, args->vec"),),
    (_measured("kvm_vcpu_wakeup", "tid, args->waited, args->valid", "ns", ("ns", "waited", "valid")),),
    (_measured("kvm_halt_poll_ns", "args->vcpu_id", "new", ("vcpu_id", "new")),),
    (
        _measured("kvm_ple_window_update", "args->vcpu_id", "new", ("vcpu_id", "new")),
        _measured("kvm_ple_window", "args->vcpu_id", "new", ("vcpu_id", "new"), "kvm_ple_window_update"),
    ),
    (_PVCLOCK,),
)
EVENTS = tuple(dict.fromkeys(probe.event for subject in _SUBJECTS for probe in subject))


def kvm_probes(events: Events) -> tuple[tuple[Probe, ...], tuple[str, ...]]:
    """Give the probes that this kernel has, and what it lacks."""
    there: list[Probe] = []
    lacking: list[str] = []
    for subject in _SUBJECTS:
        chosen = next((probe for probe in subject if not probe.lacking(events)), None)
        if chosen is None:
            lacking.append(subject[0].lacking(events))
        else:
            there.append(chosen)
    return tuple(there), tuple(lacking)
