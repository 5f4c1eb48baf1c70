"""Linux guests at odds with a device or their memory: what their own account and their queues say, and what does not."""

import msgspec
import pytest

from crazytrain.model.evidence import Ref
from crazytrain.model.facts import LineMeaning, VcpuView
from crazytrain.model.facts.clock_setup import ClockArgv
from crazytrain.model.facts.devices import VirtioReading, VirtQueueReading, VirtQueues
from crazytrain.model.facts.inside_view import CpuShare, FunctionShare, Pace, TaskShare
from crazytrain.model.finding import Verdict
from tests.diagnose import making as m
from tests.diagnose.cases_inside import HUNG, function, inside, queues, seen, time
from tests.diagnose.cases_qemu import QUARTER, balloon

AGENT = TaskShare(pid=470, comm="qemu-ga", cpu_ratio=0.36)


def account(task: TaskShare, busy: float, idle: float) -> object:
    """A guest of which only its own account is known: nobody saw who is on its CPU."""
    cpu = CpuShare(cpu=0, user=busy / 2, system=busy / 2, idle=idle)
    return inside(seen(time=(time(Pace.MOVES),), cpus=(cpu,), tasks=(task,)))


@pytest.mark.parametrize(
    ("task", "busy", "idle", "spins"),
    [
        (AGENT, 0.37, 0.0, True),  # the host lets it have a third of a CPU, and the agent takes all of that
        (AGENT, 0.9, 0.0, False),  # another program takes more
        (AGENT, 0.37, 0.6, False),  # it rests: an agent that is asked for something works, too
        (msgspec.structs.replace(AGENT, comm="postgres"), 0.37, 0.0, False),
        (msgspec.structs.replace(AGENT, kernel_thread=True), 0.37, 0.0, False),
    ],
)
def test_an_agent_that_takes_all_is_known_by_the_guests_own_account(
    task: TaskShare, busy: float, idle: float, spins: bool
) -> None:
    finding = m.found("guest-agent-spin", m.threads(vcpu=0.36, delay=0.6), account(task, busy, idle))
    assert (finding.verdict is Verdict.FOUND) is spins


def test_a_slow_clock_is_what_an_unstable_tsc_leads_to() -> None:
    view = seen(functions=(function("read_hpet", 0.7),), time=(time(Pace.MOVES),))
    facts = (m.threads(vcpu=1.0), m.view(user=0.2))
    told = m.console((LineMeaning.TSC, "tsc: Marking TSC unstable due to clocksource watchdog"))
    assert m.verdict(*facts, inside(view, clocksource="hpet", unstable=True), told) == "tsc-unstable"
    assert m.verdict(*facts, inside(view, clocksource="hpet", unstable=False)) == "slow-clocksource"


def test_a_clock_that_somebody_chose_is_no_fallback() -> None:
    view = seen(functions=(function("read_hpet", 0.7),), time=(time(Pace.MOVES),))
    chosen = ClockArgv(kernel_words=("clocksource=hpet",), refs=(Ref("clock-setup.0", 1),))
    sick = (m.threads(vcpu=1.0), m.view(user=0.2), inside(view, clocksource="hpet", unstable=True))
    assert m.verdict(*sick, chosen) == "slow-clocksource"
    assert m.verdict(*sick, msgspec.structs.replace(chosen, kernel_words=("tsc=unstable",))) == "tsc-unstable"


@pytest.mark.parametrize(
    ("functions", "asks"),
    [
        ((function("acpi_pm_read", 0.03), function("put_timespec64", 0.15)), True),
        (
            (function("acpi_pm_read", 0.03), function("copy_page", 0.9)),
            False,
        ),  # the kernel itself looks at the clock now and then
        ((function("acpi_pm_read", 0.03), function("put_timespec64", 0.02)), False),
    ],
)
def test_the_way_of_a_question_for_the_time_counts_with_the_device_that_answers(
    functions: tuple[FunctionShare, ...], asks: bool
) -> None:
    view = seen(functions=functions, time=(time(Pace.MOVES),))
    facts = (m.threads(vcpu=1.0), m.view(user=0.1), inside(view, clocksource="acpi_pm"))
    assert (m.found("slow-clocksource", *facts).verdict is Verdict.FOUND) is asks


def test_a_kernel_that_may_only_read_its_clock_is_not_said_to_work_for_sure() -> None:
    cpu = CpuShare(cpu=0, user=0.0, system=0.6, idle=0.0)
    time_goes_on = (time(Pace.MOVES),)

    def sure(*functions: FunctionShare, clocksource: str = "hpet") -> float:
        known = inside(seen(time=time_goes_on, cpus=(cpu,), functions=functions), clocksource=clocksource)
        return m.found("guest-kernel-busy", m.threads(vcpu=0.2, delay=0.8), known).confidence

    assert sure() < 0.8
    assert sure(clocksource="tsc") > 0.9
    assert sure() < sure(function("copy_page", 0.6)) < sure(clocksource="tsc"), "samples may miss short functions"


@pytest.mark.parametrize(("at_one", "polls"), [(0.78, True), (0.1, False)])
def test_an_idle_loop_is_left_for_ticks_and_stays_one(at_one: float, polls: bool) -> None:
    (vcpu,) = m.view(places=6).vcpus
    view = VcpuView(vcpus=(msgspec.structs.replace(vcpu, top_ip_ratio=at_one),), refs=m.REFS)
    idles = account(msgspec.structs.replace(AGENT, comm="init", cpu_ratio=0.01), busy=0.07, idle=0.93)
    finding = m.found("idle-poll", m.threads(vcpu=0.23, delay=0.77), view, idles)
    assert (finding.verdict is Verdict.FOUND) is polls


def disk(in_use: int) -> VirtioReading:
    """Its queue at one moment only."""
    queue = VirtQueueReading(
        device="virtio-blk", path="/disk", queue=0, size=256, taken=80, offered=80, used=80 - in_use, in_use=in_use
    )
    return VirtioReading(mono_ns=1, devices=(), queues=(queue,), refs=m.REFS)


def test_one_look_at_a_queue_is_enough_for_a_task_that_hung_all_the_time() -> None:
    hung = inside(seen(stuck=(HUNG,), time=(time(Pace.MOVES),)))
    facts = (m.threads(), m.view(halted=1.0), hung)
    assert m.verdict(*facts, disk(0)) == "guest-lost-interrupt"
    assert m.verdict(*facts, disk(3)) != "guest-lost-interrupt"
    assert m.verdict(*facts, disk(3), queues(0)) == "guest-lost-interrupt"  # two looks say more than the first of them
    assert m.found("guest-lost-interrupt", *facts).verdict is Verdict.UNKNOWN


def asked(per_s: float, queue: int = 0) -> VirtQueues:
    (one,) = queues(0).queues
    use = msgspec.structs.replace(one, device="virtio-balloon", queue=queue, used_per_s=per_s)
    return VirtQueues(window_ns=m.WINDOW_NS, queues=(use,), refs=m.REFS)


@pytest.mark.parametrize(
    ("grown", "use", "found"),
    [
        (0, asked(500.0), True),  # down and up again within the window
        (0, asked(500.0, queue=1), True),
        (0, asked(500.0, queue=2), False),  # statistics
        (0, asked(5.0), False),
        (-QUARTER, asked(0.0), True),
    ],
)
def test_a_balloon_that_ends_where_it_began_was_at_work_all_the_same(grown: int, use: VirtQueues, found: bool) -> None:
    assert (m.found("balloon-deflate", balloon(grown), use).verdict is Verdict.FOUND) is found


def test_a_task_that_hangs_speaks_against_health_without_its_stack_too() -> None:
    """A case that was packed for others has no stacks."""
    calm = (m.threads(vcpu=0.01), m.view(halted=0.98), m.loops(20.0))
    well = m.found("healthy-idle", *calm, inside(seen(time=(time(Pace.MOVES),))))
    bare = msgspec.structs.replace(HUNG, stack=())
    hung = m.found("healthy-idle", *calm, inside(seen(stuck=(bare,), time=(time(Pace.MOVES),))))
    assert well.confidence > 0.8 > hung.confidence
    assert any("their stacks are not known" in point.says for point in hung.against)
