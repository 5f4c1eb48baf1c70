"""What a kernel's own complaint means: the host's that came to harm while it served a guest, and one that only looks like harm."""

import re
from collections.abc import Iterable, Iterator

from crazytrain.model.facts.kernel_traces import KernelTrace
from crazytrain.model.finding import Point

# Warnings and lockups are not meant: behind them the kernel goes on.
_HARMED = re.compile(
    r"BUG: (?:kernel NULL|unable to handle|Bad page|scheduling while atomic|spinlock)|(?:traps: )?general protection fault|kernel BUG at"
    r"|Oops\b|Unable to handle kernel|refcount_t: |usercopy: |list_(?:add|del) corruption|(?:traps: )?PANIC: double fault"
)
_OF_QEMU = re.compile(r"CPU \d+/(?:KVM|TCG)|qemu|kvm\b|vhost-\d|IO \S|worker$")
_SERVES_GUESTS = (
    "kvm_*",
    "vcpu_enter_guest*",
    "vmx_*",
    "svm_*",
    "vhost_*",
    "direct_page_fault",
    "tdp_*",
    "mmu_set_spte",
    "nested_*",
    "vfio_*",
    "tun_*",
)
_NO_SUCH_REGISTER = re.compile(r"unchecked MSR access error: (?:RD|WR)MSR")
# A warning stands where the kernel's programmers thought that nothing could ever come to.
_WARNED = re.compile(r"WARNING: ")
_FINDS_PAGES = ("follow_p*", "get_user_pages*", "__get_user_pages*", "hva_to_pfn*", "__gfn_to_pfn*", "gfn_to_pfn*")
_OF_DEVICES = ("vfio_*",)
_PAGES, _NO_DEVICE, _WARNS = 40.0, 0.05, 5.0
_OF_PAGES = {"host-kernel-regression": _PAGES, "vfio-memory-fault": _NO_DEVICE}
_GOES_ON = 20.0  # the kernel takes it as zero, and says so with a trace
_RATIO = 60.0  # whatever its reason: memory that fails oopses in all places, not in a guest's thread alone


def oops_points(cause: str, traces: Iterable[KernelTrace]) -> Iterator[Point]:
    """The first oops of the host's kernel in a thread of a guest; or that all complaints are of a register that is not there."""
    traces = tuple(traces)
    if cause == "misread":
        yield from _goes_on(traces)
    if cause in _OF_PAGES:
        yield from _page_lost(traces, _OF_PAGES[cause])
    if cause == "host-kernel-regression":
        yield from _harmed(traces)


def _harmed(traces: Iterable[KernelTrace]) -> Iterator[Point]:
    """The first oops; else the first warning of KVM itself."""
    ours = [one for one in traces if one.host and (_OF_QEMU.match(one.comm) or one.has(*_SERVES_GUESTS))]
    for trace in (one for one in ours if _HARMED.match(one.complaint)):
        where = f" in {trace.place}" if trace.place else ""
        says = f"the host's kernel failed itself{where}, in {trace.comm or 'a task'}: {trace.complaint[:80]}"
        yield Point(says, trace.refs, _RATIO)
        return
    for trace in (one for one in ours if _WARNED.match(one.complaint)):
        inner = KernelTrace(host=True, sure=True, functions=trace.names[:1])
        if inner.has(*_SERVES_GUESTS, "eventfd_signal*"):
            says = f"the host's kernel came in {trace.names[0]} to where it never should: {trace.complaint[:80]}"
            yield Point(says, trace.refs, _WARNS)
            return


def _page_lost(traces: Iterable[KernelTrace], ratio: float) -> Iterator[Point]:
    """That the kernel warns of a page of plain memory while it looks one up for a guest."""
    for trace in traces:
        inner = KernelTrace(host=True, sure=True, functions=trace.names[:2])
        found = inner.has(*_FINDS_PAGES) and trace.has(*_SERVES_GUESTS) and not trace.has(*_OF_DEVICES)
        if trace.host and found and _WARNED.match(trace.complaint):
            says = f"the host's kernel stumbles over plain memory that it looks up for a guest: {trace.complaint[:90]}"
            yield Point(says, trace.refs, ratio)
            return


def _goes_on(traces: Iterable[KernelTrace]) -> Iterator[Point]:
    every = tuple(traces)
    if every and all(_NO_SUCH_REGISTER.match(trace.complaint) for trace in every):
        says = (
            f"a kernel asked for a register that is not there, took it as zero and went on: {every[0].complaint[:60]}"
        )
        yield Point(says, every[0].refs, _GOES_ON)
