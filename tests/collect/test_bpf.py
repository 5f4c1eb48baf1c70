"""The collector around bpftrace, on hosts that cannot be had on demand: no tool, no right, no tracefs, no tracepoint."""

import asyncio
import errno
import os
from collections.abc import Callable, Mapping, Sequence

import msgspec
import pytest

from crazytrain.collect.bpf import COLLECTOR, collect_bpf, counts_until_ns
from crazytrain.collect.bpf_program import MOST_KEYS, events_wanted
from crazytrain.collect.trace_events import fields_of
from crazytrain.decode.bpf import decode_bpf
from crazytrain.host.door import Finished
from crazytrain.host.fake import FakeHost
from crazytrain.model.evidence import Cost, Evidence, Kind, Outcome
from crazytrain.model.facts import CallUse, Facts, KvmExits, SyscallUse
from crazytrain.model.guest import Accelerator, Guest
from tests.collect.making import a_guest, look_at, process

PID, OTHER = 4711, 4712
INITIAL_PIDS = {"/proc/self/ns/pid": "pid:[4026531836]", "/proc/self/ns/user": "user:[4026531837]"}
ELF = b"\x7fELF\x02\x01\x01" + bytes(11) + (62).to_bytes(2, "little") + bytes(44)
COUNTED = (
    b'{"type": "attached_probes", "data": {"probes": 13}}\n'
    b'{"type": "map", "data": {"@from": 1000}}\n{"type": "map", "data": {"@until": 2000}}\n'
    b'{"type": "map", "data": {"@ioctl": {"4711,4711,16,9": 3, "4712,4712,16,9": 4}}}\n'
    b'{"type": "printf", "data": "over\\n"}\n'
)
LOOPLESS = "which descriptors were ready (this bpftrace or kernel has no loops)"
MEMLOCK = b'ERROR: Unknown error -1: couldn\'t set RLIMIT_MEMLOCK for bpftrace. You can try "ulimit -l 8192"\n'


OLDER_NAMES = ("kvm:kvm_ple_window", "kvm:kvm_guest_fault")


def done(
    stdout: bytes = COUNTED,
    stderr: bytes = MEMLOCK,
    status: int = 0,
    outcome: Outcome = Outcome.OK,
    detail: str = "",
) -> Finished:
    return Finished(status=status, stdout=stdout, stderr=stderr, outcome=outcome, detail=detail, cpu_ns=9)


def format_of(event: str) -> bytes:
    """A ``format`` file of the kernel with all fields that we know of."""
    fields = {
        "raw_syscalls:sys_enter": ("id", "args[6]"),
        "raw_syscalls:sys_exit": ("id", "ret"),
        "kvm:kvm_exit": ("isa", "exit_reason", "guest_rip"),
        "kvm:kvm_entry": ("vcpu_id", "rip"),
        "kvm:kvm_userspace_exit": ("reason", "errno"),
        "kvm:kvm_pio": ("port", "rw"),
        "kvm:kvm_mmio": ("gpa", "type"),
        "kvm:kvm_msr": ("ecx", "write"),
        "kvm:kvm_page_fault": ("fault_address",),
        "kvm:kvm_inj_virq": ("vector",),
        "kvm:kvm_hypercall": ("nr",),
        "kvm:kvm_set_irq": ("gsi", "level"),
        "kvm:kvm_msi_set_irq": ("address", "data"),
        "kvm:kvm_apic_accept_irq": ("apicid", "dm", "tm", "vec"),
        "kvm:kvm_vcpu_wakeup": ("ns", "waited", "valid"),
        "kvm:kvm_halt_poll_ns": ("grow", "vcpu_id", "new", "old"),
        "kvm:kvm_ple_window_update": ("vcpu_id", "new", "old"),
        "kvm:kvm_ple_window": ("grow", "vcpu_id", "new", "old"),
        "kvm:kvm_guest_fault": ("vcpu_pc", "hsr", "hxfar", "ipa"),
    }.get(event, ("vcpu_id", "version", "tsc_timestamp", "system_time", "tsc_to_system_mul", "tsc_shift", "flags"))
    lines = [f"\tfield:unsigned long {name};\toffset:8;\tsize:8;\tsigned:0;\n" for name in fields]
    return f"name: {event}\nID: 1\nformat:\n{''.join(lines)}\nprint fmt: REC->id\n".encode()


def tracefs(*without: str, place: str = "/sys/kernel/tracing", older: bool = False) -> dict[str, bytes | OSError]:
    return {
        f"{place}/events/{event.replace(':', '/')}/format": format_of(event)
        for event in events_wanted(kvm=True)
        if event not in (*without, *(() if older else OLDER_NAMES))
    }


class Sequel(FakeHost):
    """A host whose bpftrace answers differently each time."""

    answers: Sequence[Finished] = ()

    async def run(self, argv: Sequence[str], **_limits: object) -> Finished:
        self.ran.append(tuple(argv))
        return self.answers[len(self.ran) - 1]


def host_with(
    files: Mapping[str, bytes | OSError] | None = None,
    commands: Mapping[str, Finished] | None = None,
    make: Callable[..., FakeHost] = FakeHost,
) -> FakeHost:
    there = process(PID, "qemu-system-x86", ("qemu",)) | process(OTHER, "qemu-system-x86", ("qemu",))
    there |= {f"/proc/{PID}/exe": ELF, f"/proc/{OTHER}/exe": ELF, "/proc/uptime": b"1.00 1.00\n"}
    there |= {"/proc/sys/kernel/random/boot_id": a_guest(PID).process.boot_id.encode()}
    given = commands if commands is not None else {"bpftrace": done()}
    host = make({**there, **(tracefs() if files is None else files)}, links=INITIAL_PIDS, commands=given)
    host.capabilities = {"CAP_SYS_ADMIN"}
    return host


def guest(pid: int = PID, accelerator: Accelerator = Accelerator.KVM) -> Guest:
    return msgspec.structs.replace(a_guest(pid), accelerator=accelerator)


def collected(host: FakeHost, of: Guest | None = None) -> Evidence:
    look, kept = look_at(host, of or guest())
    asyncio.run(collect_bpf(look))
    (evidence,) = kept
    assert (evidence.id, evidence.kind) == ("bpf", Kind.BPF)
    return evidence


def left_out(evidence: Evidence) -> list[str]:
    header = msgspec.json.decode(evidence.data.splitlines()[0])
    found: list[str] = header["data"]["left_out"]
    return found


def program_of(host: FakeHost, run: int = -1) -> str:
    return host.ran[run][-1]


def test_what_is_counted_becomes_facts() -> None:
    host = host_with()
    evidence = collected(host)
    assert (evidence.outcome, evidence.detail, evidence.cost, evidence.cpu_ns) == (Outcome.OK, "", Cost.SAMPLES, 9)
    assert evidence.data.split(b"\n", 1)[1] == COUNTED
    (use, exits) = decode_bpf(evidence)
    assert isinstance(use, SyscallUse)
    assert [(c.call, c.fd, c.count) for c in use.calls] == [("ioctl", 9, 3)]
    assert isinstance(exits, KvmExits)
    assert host.ran[0][:4] == ("bpftrace", "-f", "json", "-e")
    assert COLLECTOR.run is collect_bpf


def test_a_sibling_gets_the_same_lines_under_its_own_number() -> None:
    host = host_with()
    (look, kept), (beside, kept_beside) = look_at(host, guest()), look_at(host, guest(OTHER), light=True)
    asyncio.run(collect_bpf(msgspec.structs.replace(look, sibling=beside)))
    asyncio.run(collect_bpf(beside))
    assert len(host.ran) == 1
    assert f"pid == {PID} || pid == {OTHER}" in program_of(host)
    (mine,), (other,) = kept, kept_beside
    assert [c.count for c in _calls(mine)] == [3]
    assert [c.count for c in _calls(other)] == [4]
    assert (mine.cpu_ns, other.cpu_ns) == (9, None)


def _calls(evidence: Evidence) -> tuple[CallUse, ...]:
    use = Facts(decode_bpf(evidence)).get(SyscallUse)
    assert use is not None
    return use.calls


def test_without_bpftrace_it_says_what_to_install() -> None:
    evidence = collected(host_with(commands={}))
    assert evidence.outcome is Outcome.NO_TOOL
    assert "apt-get install bpftrace" in evidence.detail
    assert not evidence.usable


def test_without_the_right_nothing_is_started() -> None:
    host = host_with()
    host.capabilities = {"CAP_SYS_PTRACE"}
    evidence = collected(host)
    assert (evidence.outcome, host.ran) == (Outcome.DENIED, [])
    assert "CAP_BPF" in evidence.detail


def test_the_two_capabilities_are_enough() -> None:
    host = host_with()
    host.capabilities = {"CAP_BPF", "CAP_PERFMON"}
    assert collected(host).outcome is Outcome.OK


def test_in_a_pid_namespace_zero_calls_would_be_a_lie() -> None:
    host = host_with()
    host.links["/proc/self/ns/pid"] = "pid:[4026532000]"
    evidence = collected(host)
    assert (evidence.outcome, host.ran) == (Outcome.DENIED, [])
    assert "namespace" in evidence.detail


def test_kernel_lockdown_is_told() -> None:
    host = host_with({**tracefs(), "/sys/kernel/security/lockdown": b"none integrity [confidentiality]\n"})
    evidence = collected(host)
    assert (evidence.outcome, host.ran) == (Outcome.DENIED, [])
    assert "lockdown" in evidence.detail


@pytest.mark.parametrize(
    "said",
    [
        b"ERROR: bpftrace currently only supports running as the root user.\n",
        b"Error loading program: tracepoint:raw_syscalls:sys_enter\nERROR: Operation not permitted\n",
    ],
)
def test_a_refusal_by_bpftrace_is_a_denial(said: bytes) -> None:
    host = host_with(commands={"bpftrace": done(b"", MEMLOCK + said, status=1)})
    evidence = collected(host)
    assert evidence.outcome is Outcome.DENIED
    assert said.decode().strip().splitlines()[-1] in evidence.detail
    assert len(host.ran) == 1


ALONE = [event for event in events_wanted(kvm=True) if event.startswith("kvm:") and event not in OLDER_NAMES]


@pytest.mark.parametrize("gone", ALONE)
def test_a_missing_tracepoint_is_left_out_and_told(gone: str) -> None:
    host = host_with(tracefs(gone))
    evidence = collected(host)
    assert evidence.outcome is Outcome.OK
    assert left_out(evidence) == [gone]
    assert f"tracepoint:{gone} " not in program_of(host)
    exits = Facts(decode_bpf(evidence)).get(KvmExits)
    assert exits is not None
    assert exits.left_out == (gone,)


def test_a_tracepoint_without_a_field_is_left_out_and_told() -> None:
    files = tracefs()
    files["/sys/kernel/tracing/events/kvm/kvm_exit/format"] = b"\tfield:unsigned int ret;\toffset:8;\n"
    assert left_out(collected(host_with(files))) == ["kvm:kvm_exit (has no exit_reason, guest_rip, isa)"]


def test_where_returns_of_kvm_run_are_not_traced_its_calls_are_counted() -> None:
    usual, without = host_with(), host_with(tracefs("kvm:kvm_userspace_exit"))
    collected(usual)
    collected(without)
    assert program_of(usual).count("@ioctl[") == 1
    assert program_of(without).count("@ioctl[") == 2


def test_without_kvm_its_events_are_not_asked_for() -> None:
    host = host_with()
    evidence = collected(host, guest(accelerator=Accelerator.TCG))
    assert "kvm:" not in program_of(host)
    assert "@pvclock" not in program_of(host)
    assert left_out(evidence) == []
    assert Facts(decode_bpf(evidence)).get(KvmExits) is None


def test_kvm_events_that_bpftrace_does_not_take_cost_only_themselves() -> None:
    host = host_with(make=Sequel)
    assert isinstance(host, Sequel)
    host.commands["bpftrace"] = done()
    refused = done(b"", b"stdin:9:1-2: ERROR: Struct/union of type 'x' does not contain 'y'\n  args->y\n  ~~~~\n", 1)
    host.answers = (refused, refused, done())
    evidence = collected(host)
    assert evidence.outcome is Outcome.OK
    assert left_out(evidence) == [
        LOOPLESS,
        "all of kvm (stdin:9:1-2: ERROR: Struct/union of type 'x' does not contain 'y')",
    ]
    assert "kvm:" not in program_of(host)
    assert Facts(decode_bpf(evidence)).get(KvmExits) is None
    assert _calls(evidence)


def test_a_program_that_is_refused_twice_is_told_with_what_was_said() -> None:
    host = host_with(commands={"bpftrace": done(b"", MEMLOCK + b"ERROR: something new\n", 1)})
    evidence = collected(host)
    assert (evidence.outcome, evidence.usable) == (Outcome.BROKE, False)
    assert "ERROR: something new" in evidence.detail


def test_a_kernel_without_any_of_the_events() -> None:
    host = host_with({"/sys/kernel/tracing/events/sched/sched_switch/format": b""})
    evidence = collected(host)
    assert (evidence.outcome, host.ran) == (Outcome.ABSENT, [])


def test_tracefs_that_may_not_be_read() -> None:
    class Shut(FakeHost):
        def names(self, path: str) -> tuple[str, ...]:
            if path.startswith("/sys/kernel/tracing"):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
            return super().names(path)

    evidence = collected(host_with(make=Shut))
    assert evidence.outcome is Outcome.DENIED
    assert "/sys/kernel/tracing" in evidence.detail


def test_tracefs_in_its_old_place_is_found() -> None:
    host = host_with(tracefs(place="/sys/kernel/debug/tracing"))
    assert left_out(collected(host)) == []
    assert host.ran[0][0] == "bpftrace"


def test_where_tracefs_is_not_mounted_it_is_mounted_for_the_command_alone() -> None:
    listing = b"".join(
        b"%b/format:%b\n" % (event.replace(":", "/").encode(), line)
        for event in events_wanted(kvm=True)
        if event not in ("kvm:kvm_pio", *OLDER_NAMES)
        for line in format_of(event).splitlines()
        if b"field:" in line
    )
    host = host_with({}, {"bpftrace": done()}, make=Sequel)
    assert isinstance(host, Sequel)
    host.answers = (done(listing, b""), done())
    evidence = collected(host)
    assert evidence.outcome is Outcome.OK
    assert left_out(evidence) == ["kvm:kvm_pio"]
    for command in host.ran:
        assert command[:2] == ("unshare", "--mount")
    assert host.ran[1][8:10] == ("bpftrace", "-f")


def test_where_tracefs_cannot_be_mounted_that_is_told() -> None:
    refused = done(b"", b"mount: /sys/kernel/tracing: permission denied.\n", 32)
    evidence = collected(host_with({}, {"bpftrace": done(), "unshare": refused}))
    assert evidence.outcome is Outcome.DENIED
    assert "permission denied" in evidence.detail


def full_map(kind: str, name: str, keys: int) -> bytes:
    value = {"count": 1, "average": 1, "total": 1} if kind == "stats" else 1
    return msgspec.json.encode({"type": kind, "data": {name: {f"{PID},1,0,{n}": value for n in range(keys)}}}) + b"\n"


@pytest.mark.parametrize(("kind", "name", "most"), [("map", "@ioctl", MOST_KEYS), ("stats", "@call", MOST_KEYS // 2)])
def test_a_map_that_could_hold_no_more_is_told(kind: str, name: str, most: int) -> None:
    fits, full = (collected(host_with(commands={"bpftrace": done(full_map(kind, name, n))})) for n in (most - 1, most))
    assert fits.outcome is Outcome.OK
    assert full.outcome is Outcome.TRUNCATED
    assert name in full.detail
    assert _calls(full)


def test_a_tracer_that_was_killed_while_detaching_has_counted_all() -> None:
    late = done(outcome=Outcome.TIMED_OUT, detail="did not end within 9 s")
    evidence = collected(host_with(commands={"bpftrace": late}))
    assert evidence.outcome is Outcome.OK
    assert "did not end within 9 s" in evidence.detail
    hung = collected(host_with(commands={"bpftrace": msgspec.structs.replace(late, stdout=b"")}))
    assert (hung.outcome, hung.usable) == (Outcome.TIMED_OUT, False)


def test_a_pid_that_is_another_process_now_is_not_traced() -> None:
    host = host_with()
    evidence = collected(host, msgspec.structs.replace(guest(), process=a_guest(PID, start=499).process))
    assert (evidence.outcome, host.ran) == (Outcome.ABSENT, [])


def test_the_end_is_told_on_the_clock_that_also_counts_sleep() -> None:
    awake, slept = host_with(), host_with()
    slept.files["/proc/uptime"] = b"3601.00 1.00\n"
    ends = []
    for host in (awake, slept):
        collected(host)
        ends.append(int(program_of(host).partition("nsecs >= (uint64)")[2].partition(" ")[0]))
    assert ends[1] - ends[0] == pytest.approx(3600e9, rel=0.001)


@pytest.mark.parametrize(("window_s", "counted_s"), [(1.0, 1.0), (2.0, 1.5), (5.0, 2.0), (60.0, 24.0)])
def test_it_counts_for_a_part_of_the_window_but_not_too_short(window_s: float, counted_s: float) -> None:
    look, _ = look_at(host_with(), guest(), seconds=window_s)
    assert (counts_until_ns(look) - look.start_ns) / 1e9 == pytest.approx(counted_s)


@pytest.mark.parametrize(("machine", "arch"), [(62, "x86_64"), (183, "aarch64"), (3, "i386"), (243, "machine 243")])
def test_the_binary_tells_how_calls_are_numbered(machine: int, arch: str) -> None:
    host = host_with()
    host.files[f"/proc/{PID}/exe"] = ELF[:18] + machine.to_bytes(2, "little") + ELF[20:]
    evidence = collected(host)
    assert msgspec.json.decode(evidence.data.splitlines()[0])["data"]["arch"] == arch
    untold = [entry for entry in left_out(evidence) if "timeouts" in entry]
    assert bool(untold) == (arch not in ("x86_64", "aarch64"))


def test_fields_are_read_as_the_kernel_writes_them() -> None:
    text = (
        b"\tfield:const sigset_t * sigmask;\toffset:40;\tsize:8;\tsigned:0;\n"
        b"\tfield:unsigned long args[6];\toffset:16;\tsize:48;\tsigned:0;\n"
        b"\tfield:__data_loc char[] name;\toffset:8;\tsize:4;\tsigned:0;\n"
    )
    assert fields_of(text) == {"sigmask", "args", "name"}


def test_a_bpftrace_without_loops_still_counts_the_rest() -> None:
    host = host_with(make=Sequel)
    assert isinstance(host, Sequel)
    host.answers = (done(b"", b"stdin:40:5-9: ERROR: Kernel does not support loops.\n", 1), done())
    evidence = collected(host)
    assert (evidence.outcome, left_out(evidence)) == (Outcome.OK, [LOOPLESS])
    assert "while" in program_of(host, 0)
    assert "while" not in program_of(host)
    assert Facts(decode_bpf(evidence)).get(KvmExits) is not None
