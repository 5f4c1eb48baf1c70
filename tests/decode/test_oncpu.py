"""Samples as perf writes them, and stacks as we write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crazytrain.decode.oncpu import decode_oncpu
from crazytrain.decode.stacks import decode_stacks
from crazytrain.model.evidence import Evidence, Kind
from crazytrain.model.facts.stacks import CpuSamples, UserStacks

SAMPLES = b"""CPU 0/KVM 14384 13028.678791:\x20
\tffffffff8127db89 kvm_vcpu_ioctl+0x119 ([kernel.kallsyms])
\t           fdd6b __GI___ioctl+0x3b (/usr/lib/x86_64-linux-gnu/libc.so.6)
\t          7f7324 kvm_cpu_exec+0x84 (/usr/bin/qemu-system-x86_64)
\t          7f894c [unknown] (/usr/bin/qemu-system-x86_64)
\t          1098eb clone3+0x2b (/usr/lib/x86_64-linux-gnu/libc.so.6 (deleted))

CPU 0/KVM 14384 13028.699999:\x20
\tffffffff8127db8f kvm_vcpu_ioctl+0x11f ([kernel.kallsyms])
\t           fdd6b __GI___ioctl+0x3b (/usr/lib/x86_64-linux-gnu/libc.so.6)
\t          7f7324 kvm_cpu_exec+0x84 (/usr/bin/qemu-system-x86_64)
\t          7f894c [unknown] (/usr/bin/qemu-system-x86_64)
\t          1098eb clone3+0x2b (/usr/lib/x86_64-linux-gnu/libc.so.6 (deleted))

a b (c) 1: 2 14391 13029.000001:\x20
\t    7f8cdcb31982 [unknown] (/tmp/perf-14391.map)
\t    7f8cdcb31999 [unknown] (/tmp/perf-14391.map)
\t           885d7 pthread_cond_wait@@GLIBC_2.3.2+0x1e7 (/usr/lib/libc.so.6)

"""
SOURCE = "perf record -F 49 -e cpu-clock --call-graph dwarf -p 14381 -- sleep 1.50"


def samples(data: bytes, source: str = SOURCE) -> CpuSamples:
    (found,) = decode_oncpu(Evidence(id="oncpu", kind=Kind.ONCPU, source=source, data=data))
    assert isinstance(found, CpuSamples)
    return found


def test_equal_stacks_of_a_thread_are_counted_together() -> None:
    found = samples(SAMPLES)
    assert (found.samples, found.hz, found.length_ns) == (3, 49, 1_500_000_000)
    first, second = found.stacks
    assert (first.tid, first.comm, first.count) == (14384, "CPU 0/KVM", 2)
    assert first.frames == (
        "clone3",
        "qemu-system-x86_64+0x7f894c",
        "kvm_cpu_exec",
        "__GI___ioctl",
        "kvm_vcpu_ioctl [k]",
    )
    assert str(first.ref) == "oncpu:1"
    assert (second.comm, second.tid) == ("a b (c) 1: 2", 14391)
    assert second.frames == ("pthread_cond_wait", "[generated code]")


def test_a_sample_that_was_cut_off_counts_as_far_as_it_goes() -> None:
    found = samples(SAMPLES[:300])
    assert found.samples == 1
    assert len(found.stacks[0].frames) >= 2


def test_what_is_no_sample_gives_nothing() -> None:
    text = b"Warning: perf not found for kernel 6.18\nLost 3 samples\n"
    assert list(decode_oncpu(Evidence(id="oncpu", kind=Kind.ONCPU, source="perf", data=text))) == []


LINE = b'{"tid":7,"comm":"worker","mono_ns":5,"ended":"%s","frames":[{"ip":1,"module":"q","offset":16,"symbol":"f","how":"%s"}]}\n'


def test_stacks_of_sleeping_threads() -> None:
    data = LINE % (b"x", b"unwound") + b"no json\n" + LINE % (b"y", b"searched")
    (found,) = decode_stacks(Evidence(id="stacks.0", kind=Kind.STACKS, source="made", data=data))
    assert isinstance(found, UserStacks)
    assert [stack.frames[0].certain for stack in found.stacks] == [True, False]
    assert [str(stack.refs[0]) for stack in found.stacks] == ["stacks.0:1", "stacks.0:3"]
    assert found.stacks[0].frames[0].name == "f"


@pytest.mark.parametrize("decode", [decode_oncpu, decode_stacks])
@given(data=st.one_of(st.binary(max_size=400), st.text(max_size=400).map(str.encode)))
def test_any_bytes_give_facts_or_nothing(decode: object, data: bytes) -> None:
    assert callable(decode)
    list(decode(Evidence(id="x", kind=Kind.ONCPU, source=SOURCE, data=data)))


@given(st.lists(st.sampled_from(SAMPLES.splitlines(keepends=True)), max_size=20))
def test_lines_in_any_order_never_break_it(lines: list[bytes]) -> None:
    list(decode_oncpu(Evidence(id="x", kind=Kind.ONCPU, source=SOURCE, data=b"".join(lines))))
