"""Words of those who report to the kernel: settings that are no symptoms, what runs nested, and what is only a setting's name."""

import pytest

from crazytrain.decode.recognise import split
from crazytrain.model.evidence import Kind
from crazytrain.model.facts.told import Stance, Topic
from tests.decode.tellings import stances


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("With the nested virtualization of VMware disabled, the lab stays stable.", Stance.CURED),
        ("Our servers run KVM with nested virtualization disabled in the module.", Stance.ABSENT),
        ("The hypervisor is nested, and its guests hang one after the other.", Stance.SEEN),
    ],
)
def test_nested_and_not(text: str, said: Stance) -> None:
    assert (Topic.NESTED, said) in stances(text)


def test_where_emulation_does_what_the_processor_does_not() -> None:
    text = "The guest stops right at its start. With TCG instead of KVM it boots."
    assert (Topic.EMULATED, Stance.GOOD_WITH) in stances(text)


@pytest.mark.parametrize(
    ("text", "topic", "there"),
    [
        ("The guest does not come up when QEMU gets -overcommit cpu-pm=on.", Topic.OVERCOMMIT, False),
        ("We have an overcommit of four vCPUs per core, and guests are slow.", Topic.OVERCOMMIT, True),
        ("After the resume the guest takes all its CPUs for a minute.", Topic.CPU_FULL, True),
        ("The same interrupt is injected into the guest again and again.", Topic.IRQ_STORM, True),
        ("With a fourth card QEMU is in some state of thrashing, and the VM is dead.", Topic.GUEST_SWAP, False),
        ("The guest is thrashing since its memory was halved.", Topic.GUEST_SWAP, True),
        ("A patch in linux-next breaks guests on our mainframe.", Topic.HOST_KERNEL, True),
        ("On a 4-socket server the guest hangs.", Topic.SOCKET, False),
        ("Soft lockups are seen on the host, and all guests stop.", Topic.SOFT_LOCKUP, False),
        ("Soft lockups are seen on the host, and all guests stop.", Topic.HOST_STUCK, True),
        ("All guests hang until the host is reset.", Topic.AT_RESET, False),
        ("The guest hangs after each reset.", Topic.AT_RESET, True),
        ("VNC is black, there is no network, and a shutdown does nothing.", Topic.NETWORK_DEAD, False),
        ("VNC is black, there is no network, and a shutdown does nothing.", Topic.GUEST_IDLE, False),
        ("The guest has no network any more, and its console answers.", Topic.NETWORK_DEAD, True),
        ("The host loads kvm_amd nested=1 and the guest does not start.", Topic.NESTED, False),
        ("Nested virtualization is off (no svm for the guest), and the guest boots.", Topic.NESTED, False),
        ("The nested guest hangs although the host has kvm_amd nested=1.", Topic.NESTED, True),
        ("The trace shows CPU 5 in a loop, waiting for CPU 9.", Topic.HOST_LOAD, False),
    ],
)
def test_a_topic(text: str, topic: Topic, *, there: bool) -> None:
    assert (topic in {one for one, _ in stances(text)}) is there


def test_a_sentence_may_begin_with_an_option() -> None:
    text = "-serial pty is given and as soon as the guest writes QEMU takes 100% of a CPU."
    assert Topic.CPU_FULL in {topic for topic, _ in stances(text)}
    assert not stances("-serial pty -monitor none -device virtio-rng-pci -overcommit mem-lock=on")


TRACE = """kernel: watchdog: BUG: soft lockup - CPU#31 stuck for 22s! [qemu-kvm:2210]
kernel: CPU: 31 PID: 2210 Comm: qemu-kvm Not tainted 5.4.99 #1
kernel: RIP: 0010:clflush_cache_range+0x31/0x40
kernel: Call Trace:
kernel: sev_flush_all.part.3+0x50/0x70 [kvm_amd]
kernel: svm_register_some_region+0xe2/0x120 [kvm_amd]
kernel: ? release_pages+0x1/0x2
kernel: ? __lru_cache_add+0x59/0x70
kernel: ksys_ioctl+0x67/0x90
"""


def test_lines_with_no_more_than_who_wrote_them_stay_with_the_log() -> None:
    assert [one.kind for one in split("mail", TRACE.encode())] == [Kind.LOG_TEXT]


STALL = """rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:
rcu: \t2-...!: (0 ticks this GP) idle=2b8/0/0x0 softirq=20021/20021 fqs=0
\t(detected by 1, t=21002 jiffies, g=7001, q=20)
Sending NMI from CPU 1 to CPUs 2:
NMI backtrace for cpu 2 skipped: idling at native_safe_halt+0xb/0x10
rcu: rcu_preempt kthread timer wakeup didn't happen for 21001 jiffies! g7001 f0x0 RCU_GP_WAIT_FQS(5) ->state=0x402
"""


def test_a_stall_without_stamps_is_one_log() -> None:
    assert [one.kind for one in split("mail", STALL.encode())] == [Kind.LOG_TEXT]
