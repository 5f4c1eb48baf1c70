"""Where the guest's threads are while they run: few samples of user and kernel stacks, by perf's software clock.

QEMU has no frame pointers, so the kernel copies 8 KiB of stack with each sample and perf walks it afterwards. At 999 samples a
second that took 5 % of a polling guest's speed, so 49 to 99 cost it less than one in a hundred. bpftrace's own stacks cost less but end
at the first function of QEMU. Nothing is sampled where nothing burns.
"""

import msgspec

from crazytrain.collect.look import Collector, Look
from crazytrain.collect.parts import read_part
from crazytrain.collect.same import gone, still_same
from crazytrain.host.door import Finished, Host
from crazytrain.model.evidence import Cost, Evidence, Kind, Outcome

_NAME = "oncpu"
_BEGINS_AT, _PART_OF_WINDOW = 0.25, 0.5
_LONGEST_S = 10.0
_MOST_SAMPLES = 600
_FASTEST_HZ, _SLOWEST_HZ = 99, 7
_BURNS_FROM = 0.05  # of one CPU, all threads together
_THREADS_LOOKED_AT = 512
_LIMIT_BYTES = 4 << 20
_TIMEOUT_S = 6.0
_STACK_BYTES = 8192
# perf gives what it has seen to perf. Both die with the shell between us and them, and that dies with us; sleep ends by itself.
_SCRIPT = f"""
die=; command -v setpriv >/dev/null && die='setpriv --pdeathsig KILL'
$die perf record -q -o - -F "$1" -e cpu-clock --call-graph dwarf,{_STACK_BYTES} -p "$2" -- sleep "$3" |
$die perf script -i - --no-inline -F comm,tid,time,ip,sym,symoff,dso
"""
_REFUSED = ("ermission", "EACCES", "perf_event_paranoid", "not permitted")


async def collect_oncpu(look: Look) -> None:
    """Keep ``oncpu``: the samples as ``perf script`` writes them, or why there are none."""
    if look.light:
        return
    host, window_ns = look.host, look.end_ns - look.start_ns
    if host.which("perf") is None:
        look.keep(_evidence(look, Outcome.NO_TOOL, "perf is not installed: apt-get install linux-perf"))
        return
    before_ns = wanted_ns(host, look.guest.pid)
    await host.sleep_until(look.start_ns + int(window_ns * _BEGINS_AT))
    if not still_same(host, look.guest.process):
        look.keep(gone(look, _NAME, Kind.ONCPU))
        return
    burns = (wanted_ns(host, look.guest.pid) - before_ns) / max(window_ns * _BEGINS_AT, 1)
    if burns < _BURNS_FROM:
        look.keep(_evidence(look, Outcome.ABSENT, f"nothing burns: all threads wanted {burns:.1%} of a CPU"))
        return
    look.keep(await _sampled(look, burns))


def wanted_ns(host: Host, pid: int) -> int:
    """CPU time of all threads until now, and what they waited for it; a thread whose file cannot be read counts as none."""
    try:
        tids = host.names(f"/proc/{pid}/task")[:_THREADS_LOOKED_AT]
    except OSError:
        return 0
    files = (read_part(host, f"/proc/{pid}/task/{tid}/schedstat", 128).data.split() for tid in tids)
    return sum(int(word) for words in files for word in words[:2] if word.isdigit())


async def _sampled(look: Look, burns: float) -> Evidence:
    length_s = min(_LONGEST_S, look.window_s * _PART_OF_WINDOW)
    hz = int(min(_FASTEST_HZ, max(_SLOWEST_HZ, _MOST_SAMPLES / (length_s * max(burns, 1.0)))))
    begin_ns, wall_ns = look.host.mono_ns(), look.host.wall_ns()
    told = await look.host.run(
        ("sh", "-c", _SCRIPT, "sh", str(hz), str(look.guest.pid), f"{length_s:.2f}"),
        timeout_s=length_s + _TIMEOUT_S,
        limit_bytes=_LIMIT_BYTES,
    )
    data = told.stdout[: told.stdout.rfind(b"\n\n") + 1]  # a sample that was cut off is none
    outcome, detail = _judged(told, data)
    return msgspec.structs.replace(
        _evidence(look, outcome, detail),
        source=f"perf record -F {hz} -e cpu-clock --call-graph dwarf -p {look.guest.pid} -- sleep {length_s:.2f}",
        data=data if outcome in (Outcome.OK, Outcome.TRUNCATED) else b"",
        mono_ns=begin_ns,
        wall_ns=wall_ns,
        took_ns=told.took_ns,
        cpu_ns=told.cpu_ns,
    )


def _judged(told: Finished, data: bytes) -> tuple[Outcome, str]:
    said = told.stderr.decode("utf-8", "backslashreplace").strip()
    if data:
        return told.outcome if told.outcome is not Outcome.TIMED_OUT else Outcome.TRUNCATED, told.detail
    if any(word in said for word in _REFUSED):
        return Outcome.DENIED, "perf was refused: it takes root or CAP_PERFMON (kernel.perf_event_paranoid)"
    if told.outcome is not Outcome.OK:
        return told.outcome, told.detail
    last = said.splitlines()[-1][:200] if said else "no thread was on a CPU when it was looked"
    return Outcome.ABSENT, f"no samples: {last}"


def _evidence(look: Look, outcome: Outcome, detail: str) -> Evidence:
    return Evidence(
        id=_NAME,
        kind=Kind.ONCPU,
        source=f"perf record -p {look.guest.pid}",
        outcome=outcome,
        detail=detail,
        mono_ns=look.host.mono_ns(),
        wall_ns=look.host.wall_ns(),
        cost=Cost.SAMPLES,
    )


COLLECTOR = Collector(
    name=_NAME,
    cost=Cost.SAMPLES,
    timeout_s=_TIMEOUT_S + 2,
    limit_bytes=_LIMIT_BYTES,
    run=collect_oncpu,
    cpu_ns=500_000_000,
)
