"""What each disk did: the difference between the first and the last reading of its counters."""

from crazytrain.model.facts import Facts
from crazytrain.model.facts.block import BlockReading, BlockUse, DiskReading, DiskUse


def derive_block(facts: Facts) -> BlockUse | None:
    """Compare the first and the last reading of the same kind of source; ``None`` with fewer than two.

    Disks that came or went, or whose counters fell (QEMU is another one), are left out: their rates are not known.
    """
    readings = sorted(facts.all(BlockReading), key=lambda reading: reading.mono_ns)
    if not readings:
        return None
    # libvirt and QEMU name the same disk differently: compare like with like.
    names = {disk.disk for disk in readings[-1].disks}
    first = next(one for one in readings if names & {disk.disk for disk in one.disks} or one is readings[-1])
    window_ns = readings[-1].mono_ns - first.mono_ns
    if window_ns <= 0:
        return None
    before = {disk.disk: disk for disk in first.disks}
    both = [(before[disk.disk], disk) for disk in readings[-1].disks if disk.disk in before]
    return BlockUse(
        window_ns=window_ns,
        disks=tuple(_use(old, new, window_ns) for old, new in both if _grew(old, new)),
        refs=(first.ref, readings[-1].ref),
    )


def _grew(old: DiskReading, new: DiskReading) -> bool:
    return new.reads >= old.reads and new.writes >= old.writes and new.flushes >= old.flushes


def _use(old: DiskReading, new: DiskReading, window_ns: int) -> DiskUse:
    per_s = 1e9 / window_ns
    reads, writes, flushes = new.reads - old.reads, new.writes - old.writes, new.flushes - old.flushes
    read_ns, write_ns = new.read_time_ns - old.read_time_ns, new.write_time_ns - old.write_time_ns
    flush_ns = new.flush_time_ns - old.flush_time_ns
    return DiskUse(
        disk=new.disk,
        reads_per_s=reads * per_s,
        writes_per_s=writes * per_s,
        flushes_per_s=flushes * per_s,
        read_bytes_per_s=(new.read_bytes - old.read_bytes) * per_s,
        written_bytes_per_s=(new.written_bytes - old.written_bytes) * per_s,
        read_ns=read_ns / reads if reads else None,
        write_ns=write_ns / writes if writes else None,
        flush_ns=flush_ns / flushes if flushes else None,
        in_flight=max(read_ns + write_ns + flush_ns, 0) / window_ns,
        failed=max(new.failed - old.failed, 0),
    )
