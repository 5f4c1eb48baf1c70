"""Cause guest-busy/guest-io-heavy."""

from collections.abc import Iterator

from crazytrain.diagnose.cause import Cause, Rank
from crazytrain.diagnose.disk_call_signs import disk_call_points
from crazytrain.diagnose.signs import awake, wanted
from crazytrain.model import fdrole
from crazytrain.model.facts import (
    DescriptorTable,
    LoopActivity,
    Loops,
    QemuConfig,
    ReadyUse,
    SyscallUse,
    ThreadActivity,
    VcpuView,
)
from crazytrain.model.facts.block import BlockUse
from crazytrain.model.facts.devices import VirtQueues
from crazytrain.model.facts.services import Network
from crazytrain.model.figures import rate, share, size
from crazytrain.model.finding import Claim, Family, Look, Point

HEAVY_REQUESTS_PER_S, CALM_REQUESTS_PER_S = 1000.0, 100.0
HEAVY_BYTES_PER_S, CALM_BYTES_PER_S = 100 << 20, 5 << 20
HEAVY_PACKETS_PER_S, CALM_PACKETS_PER_S = 5000.0, 500.0
HEAVY_BUFFERS_PER_S = 3000.0
MATTERS_FROM = 0.1  # of one CPU, over all of QEMU's threads
HEAVY, CALM = 150.0, 0.05
_SOCKET_BACKENDS = ("dgram", "stream", "socket", "passt", "l2tpv3")
_DISKS = Look("how much the guest's disks move", "virsh domstats --block {name}   # twice, and compare")


def guest_io_heavy(
    block: BlockUse | None,
    loops: Loops | None,
    network: Network | None,
    queues: VirtQueues | None,
    threads: ThreadActivity | None,
    view: VcpuView | None,
    config: QemuConfig | None,
    use: SyscallUse | None,
    table: DescriptorTable | None,
) -> Claim:
    """Is it the guest's own traffic, of disk or network, that takes the time?"""
    says = "the guest moves much data, of disk or network, and that is what takes the time"
    found = [*_disk_points(block), *_packet_points(loops, _kinds(network, config)), *_queue_points(queues)]
    if block is None:
        found += disk_call_points(use, table, threads, heavy=HEAVY_REQUESTS_PER_S, strong=HEAVY)
    if not found:
        return Claim(says=says, prior=0.02, missing=(_DISKS,))
    heavy = sorted((p for p in found if p.ratio > 1), key=lambda p: -p.ratio)
    if not heavy:
        return Claim(says=says, prior=0.02, points=tuple(found[:1]))
    points = (*heavy[:1], *_cost_points(threads), *_own_work_points(view))
    return Claim(says=says, prior=0.02, points=points, at_most=0.9)


def _disk_points(block: BlockUse | None) -> Iterator[Point]:
    """What all disks moved: requests or bytes."""
    if block is None or not block.disks:
        return
    requests = sum(disk.requests_per_s for disk in block.disks)
    moved = sum(disk.read_bytes_per_s + disk.written_bytes_per_s for disk in block.disks)
    busiest = max(block.disks, key=lambda disk: disk.requests_per_s)
    says = f"disk {busiest.disk}: {rate(busiest.requests_per_s)} requests, {size(int(moved))}/s over all disks"
    if requests >= HEAVY_REQUESTS_PER_S or moved >= HEAVY_BYTES_PER_S:
        yield Point(says, block.refs, HEAVY)
    else:
        calm = requests < CALM_REQUESTS_PER_S and moved < CALM_BYTES_PER_S
        yield Point(says, block.refs, CALM if calm else 1)


def _packet_points(loops: Loops | None, kinds: frozenset[str]) -> Iterator[Point]:
    """What loops took from the network's descriptors: a read is a packet there."""
    for loop in loops.loops if loops else ():
        for use in loop.ready:
            per_s = _taken_per_s(loop, use)
            if loops is None or not _is_network(use, kinds) or per_s < CALM_PACKETS_PER_S:
                continue
            says = f"the {loop.label} took {rate(per_s)} packets from the network ({use.label})"
            yield Point(says, loops.refs, HEAVY if per_s >= HEAVY_PACKETS_PER_S else 1)


def _kinds(network: Network | None, config: QemuConfig | None) -> frozenset[str]:
    """The kinds of the guest's network backends: as the monitor says, else as the command line does."""
    if network is not None:
        return frozenset(backend.kind for backend in network.backends)
    return frozenset(nic.split(",")[0].removeprefix("type=") for nic in (config.nics if config else ()))


def _taken_per_s(loop: LoopActivity, use: ReadyUse) -> float:
    return use.taken * loop.turns_per_s / loop.turns if loop.turns and loop.turns_per_s else 0.0


def _is_network(use: ReadyUse, kinds: frozenset[str]) -> bool:
    """A tap, or a socket that is nothing else where the guest's network is a socket of QEMU's."""
    if use.role.startswith(fdrole.TAP) or use.kind == "tun":
        return True
    return use.kind == "socket" and not use.role and bool(kinds & set(_SOCKET_BACKENDS))


def _queue_points(queues: VirtQueues | None) -> Iterator[Point]:
    """What virtio queues completed; vhost's own are not seen by QEMU."""
    busiest = max(queues.queues, key=lambda queue: queue.used_per_s, default=None) if queues else None
    if queues and busiest and busiest.used_per_s >= HEAVY_BUFFERS_PER_S:
        says = f"virtqueue {busiest.queue} of {busiest.device} completed {rate(busiest.used_per_s)} buffers"
        yield Point(says, queues.refs, HEAVY)


def _cost_points(threads: ThreadActivity | None) -> Iterator[Point]:
    if threads is None or not threads.threads:
        return
    used = sum(wanted(thread) for thread in threads.threads)
    says = f"all of QEMU's threads wanted {share(used)} of a CPU"
    yield Point(says, threads.refs, 1.5 if used >= MATTERS_FROM else 0.1)


def _own_work_points(view: VcpuView | None) -> Iterator[Point]:
    if view and awake(view):
        yield Point("a vCPU never rests: the guest has other work, too, or it polls", view.refs, 0.4)
    elif view:
        rests = min((v.halted_ratio for v in view.vcpus), default=0.0)
        yield Point(
            f"each vCPU rests between requests (halted in at least {share(rests)} of the samples)", view.refs, 1.5
        )


CAUSE = Cause(
    slug="guest-io-heavy",
    family=Family.GUEST_BUSY,
    rank=Rank.GENERAL,
    judge=guest_io_heavy,
    absorbs=("cpu-contention", "software-emulation"),
)
