"""Stacks of the guest's own kernel that people paste: what the debugger of Windows prints, and /proc/PID/stack of a guest's task."""

from crazytrain.decode.kernel_stack import decode_kernel_stack
from crazytrain.decode.recognise import split
from crazytrain.decode.windows_stack import decode_windows_stack
from crazytrain.diagnose.dumped_guest_signs import dumped_guest_points
from crazytrain.model.evidence import Evidence, Kind
from crazytrain.model.facts.kernel_traces import KernelTrace
from crazytrain.model.kernel_waits import WaitsFor, waits_for

SPINS = """3: kd> k
 # Child-SP          RetAddr           Call Site
00 fffff802`11112222 fffff802`33334444 nt!KeBugCheckEx
01 fffff802`11112232 fffff802`33334454 nt!KiNmiInterruptStart+0x10
02 fffff802`11112242 fffff802`33334464 nt!KxWaitForSpinLockAndAcquire+0x30
03 (Inline Function) --------`-------- mydrv!Queue::Lock+0xa
04 fffff802`11112252 fffff802`33334474 mydrv!Queue::Put+0x40
3: kd> k
81112222 83334444 nt!KeAccumulateTicks+0x3c5
81112232 83334454 hal!KeStallExecutionProcessor+0x2
"""
GUEST_TASK = """[<0>] virtqueue_get_buf_ctx+0x20/0x1c0
[<0>] __fuse_request_send+0x60/0x70
[<0>] fuse_fsync+0xda/0x100
"""
QEMU_TASK = "=== 4711 qemu-system-x86 ===\n" + GUEST_TASK


def traces(text: str) -> list[KernelTrace]:
    (piece,) = [one for one in split("paste", text.encode()) if one.kind is Kind.KERNEL_STACK]
    return [fact for fact in decode_windows_stack(piece) if isinstance(fact, KernelTrace)]


def test_stacks_of_windows_without_what_made_the_dump() -> None:
    first, second = traces(SPINS)
    assert (first.place, first.functions) == (
        "nt!KxWaitForSpinLockAndAcquire",
        ("mydrv!Queue::Lock", "mydrv!Queue::Put"),
    )
    assert second.names == ("nt!KeAccumulateTicks", "hal!KeStallExecutionProcessor")
    assert not first.host


def test_they_speak_for_a_lock_and_for_a_long_dpc() -> None:
    first, second = traces(SPINS)
    assert [point.ratio > 1 for point in dumped_guest_points("guest-spinlock", (first,))] == [True]
    assert not list(dumped_guest_points("guest-spinlock", (second,)))
    assert [point.ratio > 1 for point in dumped_guest_points("guest-soft-lockup", (second,))] == [True]


def test_a_stack_with_a_guests_driver_is_the_guests() -> None:
    def kinds(text: str) -> set[str]:
        evidence = Evidence(id="x", kind=Kind.KERNEL_STACK, source="x", data=text.encode())
        return {type(fact).__name__ for fact in decode_kernel_stack(evidence)}

    assert kinds(GUEST_TASK) == {"KernelTrace"}
    assert kinds(QEMU_TASK) == {"WaitInstant"}, "a host that is a guest itself has such drivers, too"


def test_who_waits_for_random_numbers_does_not_wait_for_his_storage() -> None:
    assert waits_for(["wait_for_random_bytes", "xfs_fs_mount"]) is WaitsFor.RANDOM
    assert waits_for(["schedule", "xfs_fs_mount"]) is WaitsFor.STORAGE
