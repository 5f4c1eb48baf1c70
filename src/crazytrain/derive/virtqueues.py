"""What each virtqueue did: two readings of its indices."""

from crazytrain.model.facts import Facts
from crazytrain.model.facts.devices import VirtioReading, VirtQueueReading, VirtQueues, VirtQueueUse

_INDICES = 1 << 16
# Only these give back what they took; a balloon or a random number generator keeps a buffer for later.
_ANSWERING = ("virtio-blk", "virtio-scsi")


def derive_virtqueues(facts: Facts) -> VirtQueues | None:
    """Compare the first and the last reading that hold queues; ``None`` with fewer than two.

    Indices wrap at 65,536: a queue that is faster than that within the window shows too little. Queues of vhost are in no
    reading, for asking QEMU about them would disturb them.
    """
    readings = sorted((one for one in facts.all(VirtioReading) if one.queues), key=lambda one: one.mono_ns)
    window_ns = readings[-1].mono_ns - readings[0].mono_ns if readings else 0
    if window_ns <= 0:
        return None
    before = {(queue.path, queue.queue): queue for queue in readings[0].queues}
    both = [(before[key], one) for one in readings[-1].queues if (key := (one.path, one.queue)) in before]
    return VirtQueues(
        window_ns=window_ns,
        queues=tuple(_use(old, new, window_ns) for old, new in both),
        refs=(*readings[0].refs, *readings[-1].refs),
    )


def _use(old: VirtQueueReading, new: VirtQueueReading, window_ns: int) -> VirtQueueUse:
    taken, used = (new.taken - old.taken) % _INDICES, (new.used - old.used) % _INDICES
    return VirtQueueUse(
        device=new.device,
        queue=new.queue,
        size=new.size,
        taken_per_s=taken * 1e9 / window_ns,
        used_per_s=used * 1e9 / window_ns,
        in_use=new.in_use,
        stuck=new.device in _ANSWERING and new.in_use > 0 and old.in_use > 0 and not used,
    )
