"""A host's kernel that gives up in its file systems: who has his disk there waits for ever."""

import pytest

from crazytrain.diagnose.host_oops_signs import host_oops_points
from crazytrain.model.facts.kernel_traces import KernelTrace


def trace(complaint: str, place: str, *, host: bool = True) -> KernelTrace:
    return KernelTrace(host=host, sure=True, complaint=complaint, place=place, functions=("do_syscall_64",))


@pytest.mark.parametrize(
    "one",
    [trace("kernel BUG at fs/buffer.c:77!", "some_function"), trace("Oops: 0000 [#1] SMP", "xfs_log_force")],
)
def test_it_stops_the_storage(one: KernelTrace) -> None:
    assert [point.ratio > 5 for point in host_oops_points("storage-stall", (one,))] == [True]
    assert not list(host_oops_points("memory-pressure", (one,)))


@pytest.mark.parametrize(
    "one",
    [
        trace("kernel BUG at fs/buffer.c:77!", "some_function", host=False),
        trace("Oops: 0000 [#1] SMP", "kvm_mmu_load"),
        trace("WARNING: CPU: 1 PID: 2 at fs/buffer.c:77", "xfs_log_force"),
    ],
)
def test_another_does_not(one: KernelTrace) -> None:
    assert not list(host_oops_points("storage-stall", (one,)))
