"""Clocks, exits and pressure in words of trackers, and words that only look alike."""

import pytest

from crazytrain.decode.log_side import side
from crazytrain.decode.recognise import split
from crazytrain.decode.tool_lines import decode_tool_lines
from crazytrain.model.facts.told import Stance, Topic
from crazytrain.model.facts.tool_lines import ToolLine, ToolMeaning
from tests.decode.tellings import stances

T, S = Topic, Stance


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("Each exit for an exception takes about 10 ms here.", T.SPLIT_LOCK),
        ("We boot the teaching kernel of our course in QEMU.", T.NO_HALT),
        ("The host's profile shows kvm_unmap_hva_range at 30 %.", T.MMU_LOCK),
        ("In the guest a plain sleep 1 never ends.", T.LOST_INTERRUPT),
        ("It is a guest three levels deep.", T.NESTED),
        ("Our graph shows 100 %, while htop in the guest shows next to nothing.", T.GUEST_IDLE),
        ("All CPUs of it burn, and the host's CPUs are 93% idle.", T.HOST_CALM),
        ("The domain is losing time.", T.CLOCK_DRIFT),
        ("It gains 5 minutes in an hour, 40 seconds per minute at worst.", T.CLOCK_DRIFT),
        ("Its log has many lines like: time reset +7.1 s.", T.CLOCK_DRIFT),
        ("Time in there goes by: the clock runs twice as fast as it should.", T.CLOCK_DRIFT),
        ("All of them have %st over 40 at noon.", T.STEAL),
        ("mpstat counts 75 % sys on that host.", T.SYSTEM_TIME),
        ("The time goes into pv_queued_spin_lock_slowpath of the guest.", T.SPINLOCK),
        ("By the trace an MSR 0x6e0 is written 9000 times a second.", T.MSR_EXITS),
        ("There is a tick of 1000 Hz, and the guest finds nothing to do.", T.GUEST_IDLE),
        ("It was booted with no-hlt years ago.", T.NO_HALT),
        ("Its memory spans both NUMA nodes of that box.", T.HOST_MEMORY),
        ("At night there are more guests on it than cores.", T.OVERCOMMIT),
        ("The TSC there runs at 2.4 GHz, and here at 3.1 GHz.", T.TSC_FREQUENCY),
        ("It began when the host's chronyd moved time by an hour.", T.HOST_CLOCK_STEP),
        ("With tsc=reliable all of this is gone.", T.TSC_UNSTABLE),
        ("Nearly every access of it goes to fed000f0, says the trace.", T.SLOW_CLOCKSOURCE),
        ("It hangs whenever the host was asleep at noon.", T.HOST_SLEEP),
        ("Its watchdog tells of a CPU that was stuck for 4711s.", T.LONG_STOP),
        ("By its counters IRQ 19 grows by 70,000 each second.", T.IRQ_STORM),
        ("We run KVM on GitHub Actions runners here.", T.NESTED),
        ("It is warm because a rendering job runs in it.", T.GUEST_PROGRAM_BUSY),
    ],
)
def test_an_observation_is_known(text: str, topic: Topic) -> None:
    assert (topic, S.SEEN) in stances(text)


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("Steal of 20 % on a cloud VM of a large vendor.", T.NESTED),
        ("The nested job of that pipeline failed.", T.NESTED),
        ("The only vCPU is pinned to core 3.", T.OVERCOMMIT),
        ("The guest was paused for the snapshot and resumed.", T.GUEST_PAUSED),
        ("Inside the guest, top shows 96 % idle.", T.CPU_FULL),
        ("Inside the guest, top shows 96 % idle.", T.GUEST_PROGRAM_BUSY),
        ("top in the VM shows 2.5 % at most.", T.GUEST_PROGRAM_BUSY),
        ("Its log has many lines like: time reset +7.1 s.", T.AT_RESET),
        ("Idle Windows guests eat 20 % CPU each.", T.CPU_FULL),
        ("HLT makes 97 % of all exits.", T.CPU_FULL),
        ("The guest is not frozen, it is only late.", T.GUEST_HUNG),
        ("We start it with idle=poll on purpose.", T.GUEST_IDLE),
        ("That has nothing to do with the guest.", T.GUEST_IDLE),
        ("Guest time runs three times too slow there.", T.USER_TIME),
        ("The CPU of that host is throttled for its heat.", T.THROTTLE),
        ("It is started with kvm-pit.lost_tick_policy=discard now.", T.IO_BLOCKS),
        ("Both are two socket servers.", T.SOCKET),
        ("All was healthy until we moved it.", T.NOTHING_WRONG),
        ("The graph shows a steal of 18446744073709 here.", T.TIME_JUMP),
        ("The kernel tells of a TSC warp of many cycles.", T.TIME_JUMP),
        ("KVM restarts its periodic timer again and again.", T.RESETS),
        ("In the guest perf top shows 81 % _raw_spin_lock above all.", T.GUEST_PROGRAM_BUSY),
        ("There 98 % of the time is spent in HLT exits.", T.CPU_FULL),
        ("When the host changed its clock all guests hung.", T.HOST_STUCK),
        ("The loop calls ppoll with a timeout of 0, endlessly.", T.DRAIN),
        ("As it should, the guest does not answer pings.", T.NOTHING_WRONG),
    ],
)
def test_words_that_only_look_alike(text: str, topic: Topic) -> None:
    assert (topic, S.SEEN) not in stances(text)


def test_the_title_of_a_change_is_no_observation() -> None:
    title = 'fingered the commit "KVM: x86: Emulate reads and writes of the MSR of some timer".'
    told = stances(f"The bisection took a week and {title}")
    assert (T.HOST_KERNEL, S.SEEN) in told
    assert not {topic for topic, _ in told} & {T.MSR_EXITS, T.EMULATION, T.QEMU_VERSION}


def test_what_does_not_run_denies_nothing_else() -> None:
    assert (T.NESTED, S.SEEN) in stances("Its VMs are not up when the host VM has more than one vCPU.")


def test_a_guest_that_crashed_ran_before() -> None:
    assert (T.NO_SCREEN, S.SEEN) in stances("There is no output on the serial console.")
    assert (T.NO_SCREEN, S.SEEN) not in stances("When one crashes there is no output on the serial console.")


def test_a_load_that_falls_to_little() -> None:
    assert (T.USB_TABLET, S.CURED) in stances("Removing the tablet of its USB bus brings QEMU from 14 % to 3 %.")


def test_heavy_work_is_nothing_that_is_well() -> None:
    assert not {stance for _, stance in stances("It hangs on kernel 6.1 under heavy work.")} & {S.GOOD_WITH}


def test_a_kernel_that_was_still_good() -> None:
    assert (T.HOST_KERNEL, S.GOOD_WITH) in stances("The guests hang on host kernel 6.4; 6.3 was still good.")


LOCKED = "Timed out during operation: cannot acquire state change lock (held by monitor=remoteDispatchDomain{})\n"


def silent(text: str) -> bool:
    found = (one for piece in split("paste.txt", text.encode()) for one in decode_tool_lines(piece))
    return any(isinstance(one, ToolLine) and one.meaning is ToolMeaning.MONITOR_SILENT for one in found)


def test_a_job_that_holds_a_domain_is_no_silent_monitor() -> None:
    job = "Cannot start job (query, none) for domain web7; current job is (async nested, {}) owned by (4711 r)\n"
    assert silent(LOCKED.format("GetStats"))
    assert not silent(job.format("migration out") + LOCKED.format("MigratePerform3Params"))


def test_only_hosts_find_split_locks() -> None:
    assert side(["x86/split lock detection: #AC: vmm-0/712 took a split_lock trap at address: 0x4711"]) == (True, True)
