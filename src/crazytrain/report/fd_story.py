"""What a listing of descriptors tells, and what it cannot."""

from collections.abc import Iterator

from crazytrain.model.facts import DescriptorTable, Facts, SyscallUse, ThreadActivity
from crazytrain.model.figures import count
from crazytrain.model.report import StoryLine
from crazytrain.report.escape import plain

WORDS = {
    "signalfd": "signals are read from it as data",
    "eventfd": "a counter by which one thread, or the kernel, wakes another",
    "timerfd": "a timer that is read",
    "kvm": "the door to KVM",
    "kvm-vm": "the virtual machine in KVM",
    "tun": "a network card of the guest",
    "epoll": "a set of descriptors to wait for",
    "io_uring": "a queue of I/O with the kernel",
}


def listing_story(facts: Facts) -> tuple[StoryLine, ...]:
    """Sentences about a pasted listing; none where the descriptors were seen live beside the threads."""
    table = facts.get(DescriptorTable)
    if table is None or not table.descriptors or facts.get(ThreadActivity) is not None:
        return ()
    return tuple(_sentences(table, facts))


def _sentences(table: DescriptorTable, facts: Facts) -> Iterator[StoryLine]:
    refs = tuple(plain(str(r)) for r in table.refs)
    vcpus = table.of("kvm-vcpu")
    if vcpus or table.of("kvm-vm"):
        says = (
            f"The process holds KVM descriptors: the guest runs under KVM, with at least {count(len(vcpus), 'vCPU')}."
        )
        yield StoryLine(says=says, evidence=refs)
    for kind, meaning in WORDS.items():
        found = table.of(kind)
        if found:
            numbers = ", ".join(f"fd {d.fd}" for d in found[:6]) + (" ..." if len(found) > 6 else "")
            lines = tuple(plain(str(r)) for d in found[:6] for r in d.refs)
            yield StoryLine(says=f"{numbers}: {kind}: {meaning}.", evidence=lines)
    if not table.complete:
        says = "The listing is not whole: what it does not show may still be open."
        yield StoryLine(says=says, evidence=refs)
    if facts.get(SyscallUse) is None:
        says = "A listing shows what is open, not what happens: who reads what how often takes a trace of all threads."
        yield StoryLine(says=says, evidence=refs)
