"""What bpftrace printed, as facts: counts of the right process, nothing that was not seen, and a clear word on bad lines."""

import doctest
import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crazytrain.decode import errno_names, exit_reasons, msrs, syscall_names
from crazytrain.decode.bpf import decode_bpf
from crazytrain.decode.bpf_lines import _KEY_PARTS
from crazytrain.decode.errno_names import errno_name
from crazytrain.decode.exit_reasons import exit_reason
from crazytrain.decode.syscall_names import call_name
from crazytrain.model import ports
from crazytrain.model.errors import BadInput
from crazytrain.model.evidence import Evidence, Kind, Outcome, Ref
from crazytrain.model.facts import CallUse, Coverage, ErrorCount, Facts, KvmExits, SyscallUse, TimeoutBucket
from crazytrain.model.ports import port_owner

# Verbatim, from bpftrace 0.17: a guest that polls the ACPI PM timer's port, under KVM.
POLLING = r"""{"type":"crazytrain","data":{"pid":11429,"arch":"x86_64","kvm":true,"left_out":[],"full":[]}}
{"type": "attached_probes", "data": {"probes": 13}}
{"type": "map", "data": {"@from": 6351337775630}}
{"type": "map", "data": {"@until": 6352777775140}}
{"type": "map", "data": {"@kvm_run": {"11429,11435": 13}}}
{"type": "map", "data": {"@entered": {"11429,11435": 0, "11429,11429": 6351915627700}}}
{"type": "map", "data": {"@entered_call": {"11429,11435": 85899345923, "11429,11429": 1168231104511}}}
{"type": "hist", "data": {"@wait_s": {"11429,11429,271": [{"min": 128, "max": 255, "count": 2}]}}}
{"type": "stats", "data": {"@call": {"11429,11435,20,3": {"count": 671, "average": 2332, "total": 1564806}, "11429,11429,271,4294967295": {"count": 1, "average": 238459837, "total": 238459837}}}}
{"type": "map", "data": {"@failed": {"11429,11429,271,4294967295,-514": 1}}}
{"type": "map", "data": {"@kvm_userspace_exit": {"11429,11435,2,0": 134836}}}
{"type": "map", "data": {"@kvm_pio": {"11429,233,1": 669, "11429,1544,0": 133747}}}
{"type": "printf", "data": "over\n"}


{"type": "map", "data": {"@from": 6351337775630}}
{"type": "map", "data": {"@kvm_pio": {"11429,233,1": 305, "11429,1544,0": 61008}}}
{"type": "map", "data": {"@kvm_userspace_exit": {"11429,11435,2,0": 38249}}}
{"type": "map", "data": {"@until": 6352777775140}}
"""


def evidence(text: str | bytes, outcome: Outcome = Outcome.OK) -> Evidence:
    data = text if isinstance(text, bytes) else text.encode()
    return Evidence(id="bpf", kind=Kind.BPF, source="bpftrace of pid 7", outcome=outcome, data=data)


def line(kind: str, data: object) -> str:
    return json.dumps({"type": kind, "data": data}) + "\n"


def header(**changed: object) -> str:
    return line("crazytrain", {"pid": 7, "arch": "x86_64", "kvm": True, "left_out": [], "full": []} | changed)


def text(maps: Mapping[str, Mapping[str, int]], **changed: object) -> str:
    window = line("map", {"@from": 1_000_000_000}) + line("map", {"@until": 3_000_000_000})
    return header(**changed) + window + "".join(line("map", {name: counts}) for name, counts in maps.items())


def facts_of(given_text: str, outcome: Outcome = Outcome.OK) -> Facts:
    return Facts(decode_bpf(evidence(given_text, outcome)))


def calls_of(given_text: str, outcome: Outcome = Outcome.OK) -> SyscallUse:
    use = facts_of(given_text, outcome).get(SyscallUse)
    assert use is not None
    return use


def exits_of(given_text: str) -> KvmExits:
    exits = facts_of(given_text).get(KvmExits)
    assert exits is not None
    return exits


def test_calls_of_a_polling_guest() -> None:
    use = calls_of(POLLING)
    assert (use.method, use.coverage, use.window_ns) == ("bpftrace", Coverage.ALL_THREADS, 1_439_999_510)
    runs, writes, waits = use.calls
    assert runs == CallUse(tid=11435, call="ioctl", fd=13, count=134836, refs=(Ref("bpf", 11),))
    assert writes == CallUse(tid=11435, call="writev", fd=3, count=671, time_ns=1564806, refs=(Ref("bpf", 9),))
    still = 6352777775140 - 6351915627700
    assert waits == CallUse(
        tid=11429,
        call="ppoll",
        fd=None,
        count=2,
        errors=(ErrorCount("ERESTARTNOHAND", 1),),
        time_ns=238459837 + still,
        refs=(Ref("bpf", 6), Ref("bpf", 9), Ref("bpf", 10)),
    )
    (wait,) = use.waits
    assert (wait.tid, wait.call, wait.count, wait.zero, wait.infinite) == (11429, "ppoll", 2, 0, 0)
    assert wait.buckets == (TimeoutBucket(128_000_000_000, 256_000_000_000, 2),)
    assert wait.refs == (Ref("bpf", 8),)


def test_exits_of_a_polling_guest() -> None:
    exits = exits_of(POLLING)
    assert [(e.reason, e.count, e.tid) for e in exits.userspace] == [("IO", 134836, 11435)]
    assert [(p.port, p.write, p.count, p.owner) for p in exits.ports] == [
        (0x608, False, 133747, "ACPI PM timer"),
        (0xE9, True, 669, "debug console"),
    ]
    assert (exits.hardware, exits.exits, exits.left_out, exits.refs) == (
        False,
        (),
        (),
        (Ref("bpf", 11), Ref("bpf", 12)),
    )
    assert exits.per_s(exits.ports[0].count) == pytest.approx(92_880, rel=0.001)


def test_another_process_in_the_same_lines_does_not_count() -> None:
    maps = {"@ioctl": {"7,70,16,9": 5, "8,80,16,9": 4000}, "@kvm_pio": {"8,1016,1": 3}, "@kvm_run": {"8,80": 9}}
    own, other = text(maps), text(maps, pid=8)
    assert [(c.tid, c.fd, c.count) for c in calls_of(own).calls] == [(70, 9, 5)]
    assert [(c.tid, c.fd, c.count) for c in calls_of(other).calls] == [(80, 9, 4000)]
    assert exits_of(own).ports == ()
    assert [p.owner for p in exits_of(other).ports] == ["COM1"]


def test_runs_of_a_vcpu_and_other_calls_on_its_descriptor_add_up() -> None:
    maps = {
        "@kvm_run": {"7,70": 13},
        "@ioctl": {"7,70,16,13": 5, "7,70,16,12": 2},
        "@kvm_userspace_exit": {"7,70,2,0": 90, "7,70,6,-4": 10},
        "@failed": {"7,70,16,13,-4": 10},
    }
    by_fd = {c.fd: (c.count, c.errors, c.time_ns) for c in calls_of(text(maps)).calls}
    assert by_fd == {13: (105, (ErrorCount("EINTR", 10),), None), 12: (2, (), None)}
    assert {(e.reason, e.count) for e in exits_of(text(maps)).userspace} == {("IO", 90), ("EINTR", 10)}


def test_timeouts_that_are_none_endless_or_untold() -> None:
    waits = line("hist", {"@wait_ns": {"7,7,271": [{"min": 131072, "max": 262143, "count": 5}]}})
    told = calls_of(text({"@wait_other": {"7,7,271,0": 3, "7,7,271,-1": 2, "7,71,426,-2": 9}}) + waits)
    by_call = {w.call: w for w in told.waits}
    ppoll, ring = by_call["ppoll"], by_call["io_uring_enter"]
    assert (ppoll.count, ppoll.zero, ppoll.infinite) == (10, 3, 2)
    assert ppoll.buckets == (TimeoutBucket(131072, 262144, 5),)
    assert (ring.count, ring.zero, ring.infinite, ring.buckets) == (9, 0, 0, ())


def test_a_read_of_device_memory_is_traced_twice_and_counts_once() -> None:
    exits = exits_of(text({"@kvm_mmio": {"7,1044480,0": 50, "7,1044480,1": 49, "7,1044480,2": 7}}))
    assert [(m.page, m.write, m.count) for m in exits.mmio] == [(0xFF000000, False, 50), (0xFF000000, True, 7)]


def test_everything_else_that_kvm_tells() -> None:
    maps = {
        "@kvm_exit": {"7,70,1,48": 9, "7,70,1,12": 4},
        "@kvm_msr": {"7,1760,1": 8},
        "@kvm_page_fault": {"7,256": 3},
        "@kvm_inj_virq": {"7,236": 6},
        "@kvm_hypercall": {"7,10": 2, "7,99": 1},
    }
    clock = "pvclock pid=7 vcpu=1 version=4 tsc_timestamp=98 system_time=18446744073709551615 mul=3 shift=-1 flags=1\n"
    foreign = clock.replace("pid=7", "pid=8")
    exits = exits_of(text(maps) + line("printf", clock) + line("printf", foreign))
    assert [(e.reason, e.count) for e in exits.exits] == [("EPT_VIOLATION", 9), ("HLT", 4)]
    assert exits.hardware
    assert [(m.name, m.write, m.count) for m in exits.msrs] == [("TSC_DEADLINE", True, 8)]
    assert [(f.page, f.count) for f in exits.faults] == [(0x100000, 3)]
    assert [(v.vector, v.count) for v in exits.vectors] == [(236, 6)]
    assert [(h.name, h.count) for h in exits.hypercalls] == [("SEND_IPI", 2), ("", 1)]
    (update,) = exits.pvclock_updates
    assert (update.vcpu, update.system_time_ns, update.tsc_timestamp) == (1, (1 << 64) - 1, 98)


def test_a_guest_that_never_leaves_has_facts_and_one_that_was_not_looked_at_has_none() -> None:
    assert exits_of(text({})).userspace == ()
    assert facts_of(text({}, kvm=False)).get(KvmExits) is None
    nine = [
        f"kvm:kvm_{name}"
        for name in [
            "exit",
            "userspace_exit",
            "pio",
            "mmio",
            "msr",
            "page_fault",
            "inj_virq",
            "hypercall",
            "pvclock_update",
        ]
    ]
    assert facts_of(text({}, left_out=nine)).get(KvmExits) is None
    assert exits_of(text({}, left_out=nine[1:])).left_out == tuple(nine[1:])
    assert facts_of(text({}, left_out=nine, kvm_events=0)).get(KvmExits) is None
    assert exits_of(text({}, left_out=nine, kvm_events=1)).left_out == tuple(nine)


def test_names_follow_the_architecture_of_the_binary() -> None:
    maps = {"@ioctl": {"7,7,29,3": 4}}
    assert calls_of(text(maps, arch="aarch64")).calls[0].call == "ioctl"
    assert calls_of(text(maps)).calls[0].call == "shmget"
    (unknown,) = calls_of(text(maps, arch="machine 243")).calls
    assert (unknown.call, unknown.fd) == ("syscall 29", None)


def test_a_first_argument_that_is_no_descriptor_is_not_shown_as_one() -> None:
    maps = {"@ioctl": {"7,7,202,5": 4, "7,7,202,6": 3, "7,7,0,4294967295": 1}}
    assert [(c.call, c.fd, c.count) for c in calls_of(text(maps)).calls] == [("futex", None, 7), ("read", None, 1)]


def test_without_a_window_counts_are_no_rates() -> None:
    use = calls_of(header() + line("map", {"@ioctl": {"7,7,16,3": 4}}))
    assert (use.window_ns, use.calls[0].count) == (None, 4)


def test_a_cut_off_last_line_is_fine_only_where_the_evidence_says_so() -> None:
    cut = POLLING[: POLLING.index('669, "11429,1544')]
    assert calls_of(cut, Outcome.TRUNCATED).calls
    with pytest.raises(BadInput, match=r"bpftrace of pid 7: line 12 \(bpf\)"):
        calls_of(cut)


@pytest.mark.parametrize(
    ("bad", "number"),
    [
        (header() + "no json\n", 2),
        (header() + line("map", {"@ioctl": {"7,7,16": 1}}), 2),
        (header() + line("map", {"@ioctl": {"7,7,16,x": 1}}), 2),
        (header() + line("map", {"@ioctl": {"7" * 5000: 1}}), 2),
        (header() + line("map", {"@ioctl": [1]}), 2),
        (header() + line("stats", {"@call": {"7,7,0,1": {"count": "many"}}}), 2),
        (header() + "\n" + line("hist", {"@wait_ns": {"7,7,271": {}}}), 3),
        (line("crazytrain", {"pid": "seven"}), 1),
        ("[" * 100_000, 1),
        ("\udcff".encode("utf-8", "surrogatepass").decode("latin1"), 1),
    ],
)
def test_a_line_that_bpftrace_does_not_write_is_named(bad: str, number: int) -> None:
    with pytest.raises(BadInput, match=rf"line {number} \(bpf\)"):
        list(decode_bpf(evidence(bad)))


def test_lines_without_ours_are_not_guessed_at() -> None:
    with pytest.raises(BadInput, match="does not say which process"):
        facts_of(POLLING.partition("\n")[2])


@given(st.binary(max_size=300))
def test_any_bytes_give_facts_or_a_clear_error(data: bytes) -> None:
    for prefix in (b"", header().encode()):
        try:
            facts = list(decode_bpf(evidence(prefix + data)))
        except BadInput as error:
            assert "bpftrace of pid 7" in error.message  # noqa: PT017 - only where there is an error
        else:
            assert any(isinstance(fact, SyscallUse) for fact in facts)


NUMBERS = st.integers(min_value=-(1 << 63), max_value=(1 << 64) - 1)
NAMES = st.sampled_from([*_KEY_PARTS, "@call", "@new"])


@st.composite
def maps_of_any_numbers(draw: st.DrawFn) -> str:
    name = draw(NAMES)
    parts = _KEY_PARTS.get(name, 2)
    keys = draw(st.lists(st.tuples(*[st.just(7), *[NUMBERS] * (parts - 1)]), max_size=4))
    counts = {",".join(map(str, key)): draw(NUMBERS) for key in keys}
    if name == "@call":
        return line("stats", {name: {key: {"count": n, "average": 1, "total": n} for key, n in counts.items()}})
    if name.startswith("@wait_") and name != "@wait_other":
        return line("hist", {name: {key: [{"min": 1, "max": n, "count": n}] for key, n in counts.items()}})
    return line("map", {name: counts})


@given(st.lists(maps_of_any_numbers(), max_size=6))
def test_any_numbers_in_the_maps_give_facts(lines: list[str]) -> None:
    use = calls_of(text({}) + "".join(lines))
    assert len({(c.tid, c.call, c.fd) for c in use.calls}) == len(use.calls)


@pytest.mark.parametrize("module", [errno_names, exit_reasons, msrs, ports, syscall_names])
def test_samples_in_docstrings(module: object) -> None:
    tried = doctest.testmod(module)  # type: ignore[arg-type]
    assert (tried.failed, tried.attempted > 0) == (0, True)


@pytest.mark.parametrize("port", [0x608, 0xB008])
def test_the_pm_timer_has_its_name_wherever_firmware_puts_it(port: int) -> None:
    assert port_owner(port)[0] == "ACPI PM timer"


def test_every_port_has_at_most_one_owner_and_a_source() -> None:
    owners = [port_owner(port) for port in range(1 << 16)]
    assert all(bool(owner) == bool(known_by) for owner, known_by in owners)
    assert port_owner(0xC123)[1] != port_owner(0x3F8)[1]


@pytest.mark.skipif(sys.platform != "linux", reason="numbers of another system")
def test_errno_names_are_those_of_this_system() -> None:
    import errno  # noqa: PLC0415 - only where it is Linux's

    ours = {number: errno_name(number) for number in errno.errorcode}
    known = {number: name for number, name in ours.items() if not name.startswith("errno ")}
    assert len(known) > 100
    assert all(getattr(errno, name) == number for number, name in known.items())


HEADER_FILE = Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h")


@pytest.mark.skipif(not HEADER_FILE.exists(), reason="no kernel headers of this architecture")
def test_syscall_names_are_those_of_the_kernel_headers() -> None:
    listed = re.findall(r"#define __NR_(\w+) (\d+)", HEADER_FILE.read_text())
    assert len(listed) > 300
    assert {name: call_name("x86_64", int(number)) for name, number in listed} == {name: name for name, _ in listed}


EXIT_FORMAT = Path("/sys/kernel/tracing/events/kvm/kvm_exit/format")


def kernel_names(isa: int) -> dict[int, str]:
    """The kernel's own table of exit reasons, as its trace format shows it."""
    tables = EXIT_FORMAT.read_text().split("__print_symbolic(", 2)[1:]
    return {int(n, 0): name for n, name in re.findall(r'\{ (0x[0-9a-f]+|\d+), "([\w-]+)" \}', tables[isa - 1])}


@pytest.mark.parametrize("isa", [1, 2])
def test_exit_reasons_are_those_of_this_kernel(isa: int) -> None:
    try:
        names = kernel_names(isa)
    except OSError as error:
        pytest.skip(f"the kernel does not tell: {error}")
    misspelt = {"read_rt": "read_tr", "write_rt": "write_tr"}
    named = {number: exit_reason(isa, number) for number in names if number < 1 << 31}
    assert len(named) > 50
    assert named == {number: misspelt.get(name, name) for number, name in names.items() if number < 1 << 31}
