"""What forbids counting in the kernel, found out before anything is started; and a tracer's own words for it afterwards."""

from crazytrain.collect.ability_probe import INITIAL_PID_NAMESPACE, may_trace
from crazytrain.host.door import Finished, Host
from crazytrain.model.evidence import Outcome

AS_ROOT = "run it as root on the host itself, or allow CAP_BPF and CAP_PERFMON"


def refusal(host: Host) -> Finished | None:
    """Say what forbids tracing, before anything is started."""
    if host.which("bpftrace") is None:
        return ended(Outcome.NO_TOOL, "bpftrace is not installed: apt-get install bpftrace")
    if not may_trace(host):
        return ended(Outcome.DENIED, f"the kernel lets only root count in it: {AS_ROOT}")
    if _other_pids(host):
        why = "we are in a PID namespace (a container), and the kernel counts by the host's pids: run it on the host"
        return ended(Outcome.DENIED, why)
    if b"[confidentiality]" in _lockdown(host):
        return ended(Outcome.DENIED, "kernel lockdown (confidentiality) forbids it: boot without lockdown=")
    return None


def ended(outcome: Outcome, detail: str) -> Finished:
    """A command that was not even begun."""
    return Finished(status=None, stdout=b"", stderr=b"", outcome=outcome, detail=detail)


def _other_pids(host: Host) -> bool:
    try:
        return host.link("/proc/self/ns/pid") != INITIAL_PID_NAMESPACE
    except OSError:
        return False


def _lockdown(host: Host) -> bytes:
    try:
        return host.read("/sys/kernel/security/lockdown", 256)
    except OSError:
        return b""


def complaint(told: Finished) -> str:
    """The last error that bpftrace told, or else what it said last; without its harmless remark on locked memory."""
    said = [line.strip() for line in told.stderr.decode("utf-8", "backslashreplace").splitlines()]
    said = [line for line in said if line and "RLIMIT_MEMLOCK" not in line]
    said = [line for line in said if "ERROR" in line] or said
    return said[-1][:300] if said else told.detail or f"exit status {told.status}"


def denied(told: Finished) -> bool:
    """Whether the kernel or bpftrace refused for want of a right."""
    said = told.stderr.lower()
    return any(word in said for word in (b"operation not permitted", b"permission denied", b"lockdown", b"as the root"))
