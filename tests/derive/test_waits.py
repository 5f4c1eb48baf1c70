"""Since when, and who holds whom up: only what two instants or the scheduler's clock prove."""

import pytest

from crazytrain.derive.waits import derive_waits
from crazytrain.model.evidence import Ref
from crazytrain.model.facts import Descriptor, DescriptorTable, Facts, ProcessFacts, ThreadRole
from crazytrain.model.facts.block import DiskState, DiskStates
from crazytrain.model.facts.stacks import StackFrame, UserStack, UserStacks
from crazytrain.model.facts.waits import LockWords, ThreadWait, Waiting, WaitInstant, Waits

S = 10**9
WANTS = ("futex", (0x5600, 0x80, 2, 0, 0, 0))


def thread(tid: int, at_s: float = 0.0, **known: object) -> ThreadWait:
    given = {"comm": "qemu", "state": "S", "mono_ns": int(at_s * S), "runs": 5, "run_ns": 100, **known}
    return ThreadWait(tid=tid, **given)  # type: ignore[arg-type]


def derived(*instants: tuple[ThreadWait, ...], more: tuple[object, ...] = ()) -> Waits:
    seen = [
        WaitInstant(mono_ns=threads[0].mono_ns, threads=threads, refs=(Ref(f"waits.{n}"),))
        for n, threads in enumerate(instants)
    ]
    process = ProcessFacts(pid=10, start_ticks=1)
    found = derive_waits(Facts([*seen, process, *more]))
    assert found is not None
    return found


def first(waits: Waits) -> Waiting:
    return waits.threads[0]


def test_nothing_seen_is_nothing_derived() -> None:
    assert derive_waits(Facts([])) is None


@pytest.mark.parametrize(
    ("last", "lasts", "at_least_s"),
    [
        ({"runs": 5}, True, 2.0),  # seen not to run over the window
        ({"runs": 6}, False, None),  # it ran in between: the same call again proves nothing
        ({"runs": 5, "run_ns": 101}, False, None),
        ({"runs": 6, "asleep_ns": S // 2}, False, 0.5),
        ({"runs": 5, "asleep_ns": 40 * S}, True, 40.0),
        ({"runs": None, "asleep_ns": 3 * S}, True, 3.0),
        ({"runs": None, "asleep_ns": 1 * S}, False, 1.0),
        ({"runs": None}, False, None),
        ({"state": "R", "call": ""}, False, None),
    ],
)
def test_since_when_is_never_more_than_was_seen(last: dict[str, object], lasts: bool, at_least_s: float | None) -> None:
    here = first(derived((thread(10, call="read"),), (thread(10, 2.0, **{"call": "read", **last}),)))
    assert here.lasts is lasts
    assert here.at_least_ns == (None if at_least_s is None else int(at_least_s * S))


def test_one_instant_alone_tells_no_length() -> None:
    assert first(derived((thread(10, call="read"),))).at_least_ns is None


def locked(owner: int, kind: int = 0) -> Waits:
    call, arguments = WANTS
    waiter = thread(11, call=call, arguments=arguments, lock=LockWords(2, 0, owner, 1, kind))
    return derived((thread(10, call="openat"), waiter))


def test_the_holder_is_whom_the_lock_s_own_words_name() -> None:
    (lock,) = locked(10).locks
    assert (lock.address, lock.owner, lock.waiters) == (0x5600, 10, (11,))


@pytest.mark.parametrize(("owner", "kind"), [(4242, 0), (11, 0), (0, 0), (10, 0x4000)])
def test_words_that_name_no_other_thread_of_the_guest_are_no_proof(owner: int, kind: int) -> None:
    (lock,) = locked(owner, kind).locks
    assert lock.owner == 0


def test_a_wait_for_work_is_no_lock() -> None:
    idle = thread(11, call="futex", arguments=(0x5600, 0x189, 0, 0, 0, 0), lock=LockWords(2, 0, 10, 1, 0))
    event = thread(12, call="futex", arguments=(0x5700, 0x0, 0xFFFFFFFF, 0, 0, 0), lock=LockWords(2, 0, 10, 1, 0))
    assert derived((thread(10), idle, event)).locks == ()


def stack(tid: int, switches: int, *names: str, certain: bool = True) -> UserStacks:
    frames = tuple(StackFrame(module="q", offset=n, symbol=name, certain=certain) for n, name in enumerate(names))
    one = UserStack(tid=tid, comm="qemu", mono_ns=1, frames=frames, switches=switches, refs=(Ref("stacks.0", 1),))
    return UserStacks(mono_ns=1, stacks=(one,), refs=())


def test_functions_count_only_if_the_thread_did_not_run_since() -> None:
    names = ("open", "qmp_pmemsave", "main_loop_wait")
    now = first(derived((thread(10, call="openat"),), more=(stack(10, 5, *names),)))
    assert now.has("qmp_pmemsave")
    assert now.meaning == "it carries out the command pmemsave"
    assert first(derived((thread(10, call="openat"),), more=(stack(10, 4, *names),))).frames == ()


def test_a_guessed_frame_is_no_evidence() -> None:
    here = first(derived((thread(10, call="ppoll"),), more=(stack(10, 5, "bdrv_drain_all", certain=False),)))
    assert not here.has("bdrv_drain*")
    assert here.meaning == ""


def test_the_big_lock_is_known_by_the_function_that_asks_for_it() -> None:
    call, arguments = WANTS
    waiter = thread(11, call=call, arguments=arguments, lock=LockWords(2, 0, 10, 1, 0))
    plain = derived((thread(10), waiter))
    assert plain.big_lock is None
    known = derived(
        (thread(10), waiter), more=(stack(11, 5, "__lll_lock_wait", "qemu_mutex_lock_iothread_impl", "cpu_exec"),)
    )
    assert known.big_lock is not None
    assert known.big_lock.owner == 10
    vcpu = known.get(11)
    assert vcpu is not None
    assert (vcpu.role, vcpu.label) == (ThreadRole.VCPU, "a vCPU")


def test_a_descriptor_is_told_with_its_role_and_file() -> None:
    disk = Descriptor(fd=8, target="/srv/d.qcow2", kind="file", role="disk image d.qcow2")
    table = DescriptorTable(descriptors=(disk,), complete=True, refs=())
    here = first(derived((thread(10, call="pread64", arguments=(8, 1, 2, 3, 0, 0)),), more=(table,)))
    assert (here.fd, here.on) == (8, "fd 8 (disk image d.qcow2, /srv/d.qcow2)")
    state = DiskStates(disks=(DiskState(disk="vda", file="/srv/d.qcow2", driver="qcow2"),), refs=())
    known = first(derived((thread(10, call="pread64", arguments=(8, 1, 2, 3, 0, 0)),), more=(table, state)))
    assert known.on == "fd 8 (disk image d.qcow2, /srv/d.qcow2, the guest's disk vda (qcow2))"
    assert first(derived((thread(10, call="pread64", arguments=(9, 1, 2, 3, 0, 0)),), more=(table,))).on == "fd 9"
    assert first(derived((thread(10, call="futex", arguments=(9, 1, 2, 3, 0, 0)),), more=(table,))).fd is None


def test_a_vcpu_that_was_halted_wants_the_big_lock_before_it_goes_on() -> None:
    call, arguments = WANTS
    waiter = thread(11, call=call, arguments=arguments, lock=LockWords(2, 0, 10, 1, 0))
    wakes = ("pthread_cond_wait", "qemu_cond_wait_impl", "qemu_wait_io_event", "qemu_kvm_cpu_thread_fn")
    known = derived((thread(10), waiter), more=(stack(11, 5, *wakes),))
    assert known.big_lock is not None
    assert known.big_lock.owner == 10
    rests = derived((thread(10), thread(11, call=call, arguments=(1, 0x189, 0))), more=(stack(11, 5, *wakes),))
    assert rests.big_lock is None, "it is halted and wants nothing"
