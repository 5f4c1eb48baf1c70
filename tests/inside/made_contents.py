"""What else a kernel keeps, for ``Made``: clocks, CPUs, both kinds of log, locks."""

import struct
from collections.abc import Sequence
from typing import NamedTuple

from tests.inside.made_btf import M
from tests.inside.made_kernel import CPUS, TASK, Made

NS = 10**9
HZ = 250
MONOTONIC_NS, REALTIME_S = 4321 * NS + 5, 1_795_000_000
SHIFT = 8
CLOCKSOURCES = (("tsc", 0x20), ("hpet", 0x21), ("jiffies", 0))


def add_clock(made: Made, *, sequence: int = 2, named: bool = False) -> None:
    """The timekeeper (``named``: in a structure of its own, as since 6.17), clocksources, jiffies, the TSC, load and panic."""
    btf = made.btf
    btf.structure("clocksource", 64, [M("name", "*", 8), M("list", "list_head", 16), M("flags", "u64", 40)])
    read_base = [
        ("clock", "*", 0),
        ("cycle_last", "u64", 16),
        ("shift", "u32", 28),
        ("xtime_nsec", "u64", 32),
        ("base", "u64", 40),
    ]
    btf.structure("tk_read_base", 56, [M(*member) for member in read_base])
    more = [M("xtime_sec", "u64", 64), M("offs_boot", "u64", 72), M("ntp_tick", "u64", 80)]
    btf.structure("timekeeper", 96, [M("tkr_mono", "tk_read_base", 0), *more])
    btf.structure("seqcount", 4, [M("sequence", "u32", 0)])
    if named:
        btf.structure("tk_data", 256, [M("seq", "seqcount", 0), M("timekeeper", "timekeeper", 24)])
    else:
        btf.alias("seqcount_raw_spinlock_t", "seqcount")
    sources = [_clocksource(made, name.encode(), flags) for name, flags in CLOCKSOURCES]
    head = made.variable("clocksource_list", bytes(16))
    nodes = [head, *(source + 16 for source in sources)]
    for place, node in enumerate(nodes):
        made.u64(node, nodes[(place + 1) % len(nodes)], nodes[place - 1])
    keeper = struct.pack("<QQQIIQQQ", sources[0], 0, 99, 0, SHIFT, 7 << SHIFT, MONOTONIC_NS, 0)
    keeper += struct.pack("<8xQqQ", REALTIME_S, 2 * NS, (NS // HZ) << 32)
    before = struct.pack("<II", sequence, 0) + (bytes(16) if named else b"")
    made.variable("timekeeper_data" if named else "tk_core", before + keeper + bytes(8))
    made.variable("curr_clocksource", struct.pack("<Q", sources[0]))
    made.variable("jiffies_64", struct.pack("<Q", 4_295_000_000))
    made.variable("tsc_khz", struct.pack("<I", 2_600_000))
    made.variable("tsc_unstable", struct.pack("<I", 1))
    made.variable("avenrun", struct.pack("<3Q", 3 << 10, 1 << 11, 0))
    made.variable("panic_cpu", struct.pack("<i", -1))
    made.variable("nr_threads", struct.pack("<I", 12_345))


def _clocksource(made: Made, name: bytes, flags: int) -> int:
    address = made.heap(64)
    made.u64(address + 8, made.text(name))
    made.u64(address + 40, flags)
    return address


_IDLE_ACTIVE = {"before": M("idle_active", "u32", 8, 2, 1), "6.9": M("flags", "u64", 8)}


def add_cpus(
    made: Made, current: Sequence[int], *, idle_ns: int = 50, hot: bool = False, idling: str = "before"
) -> None:
    """CPUs with a task each, three tasks ready on each, and times; CPU 1 is idle for ``idle_ns`` by now.

    ``hot``: as 6.2 to 6.14 has the current task. ``idling``: since when idle time is counted so ("before", "6.9", "7.2").
    """
    _cpu_types(made, hot=hot, idling=idling)
    made.cpus()
    task = "pcpu_hot" if hot else "current_task"
    counters = {"irq_stat": bytes(64), "vm_event_states": bytes(64)}
    known = {task: bytes(64), "runqueues": bytes(64), "kernel_cpustat": bytes(112), "tick_cpu_sched": bytes(64)}
    made.per_cpu({**known, **counters})
    for cpu in range(CPUS):
        area = made.cpu_area(cpu)
        made.u64(area + made.symbols[task] + (24 if hot else 0), current[cpu])
        made.u32(area + made.symbols["runqueues"] + 12, 3)
        made.u32(area + made.symbols["irq_stat"] + 16, 500 + cpu)
        made.u64(area + made.symbols["vm_event_states"], *(100 * (cpu + 1) + number for number in range(6)))
        made.u64(area + made.symbols["kernel_cpustat"] + 16, *(1000 * (cpu + 1) + number for number in range(10)))
    ticks, since = made.cpu_area(1) + made.symbols["tick_cpu_sched"], MONOTONIC_NS + 7 - idle_ns
    made.u32(ticks + 8, 1 << 2)
    made.u64(ticks + 16, since, 7000, 8000)
    made.u64(made.cpu_area(1) + made.symbols["kernel_cpustat"], 1 << 8, since)


def _cpu_types(made: Made, *, hot: bool, idling: str) -> None:
    btf = made.btf
    stat = [M("idle_elapse", "u8", 1), M("idle_entrytime", "u64", 8)] if idling == "7.2" else []
    btf.structure("kernel_cpustat", 112, [*stat, M("cpustat", "u64[10]", 16)])
    btf.structure("irq_cpustat_t", 64, [M("apic_timer_irqs", "u32", 16)])
    btf.enum("vm_event_item", {"PSWPIN": 2, "PSWPOUT": 3, "PGMAJFAULT": 4, "OOM_KILL": 5})
    btf.structure("rq", 64, [M("nr_running", "u32", 12), M("nr_iowait", "u32", 20)])
    if idling != "7.2":
        members = [_IDLE_ACTIVE[idling], M("idle_entrytime", "u64", 16), M("idle_sleeptime", "u64", 24)]
        btf.structure("tick_sched", 64, [*members, M("iowait_sleeptime", "u64", 32)])
    if hot:
        btf.structure("pcpu_hot", 64, [M("current_task", "*", 24)])


class Line(NamedTuple):
    """A record of the log."""

    text: bytes
    level: int = 6
    at_ns: int = 0


DESC, INFO = 32, 40


def add_log(made: Made, lines: Sequence[Line], *, count_bits: int = 4, size_bits: int = 10, first: int = 1000) -> int:
    """A printk ring buffer with these lines, numbered from ``first``; gives where its descriptors lie.

    Descriptor N is at N modulo their number; text blocks follow one another and never wrap.
    """
    btf = made.btf
    ring = [
        M("count_bits", "u32", 0),
        M("descs", "*", 8),
        M("infos", "*", 16),
        M("head_id", "u64", 24),
        M("tail_id", "u64", 32),
    ]
    btf.structure("prb_desc_ring", 40, ring)
    btf.structure("prb_data_ring", 24, [M("size_bits", "u32", 0), M("data", "*", 8)])
    btf.structure(
        "printk_ringbuffer", 72, [M("desc_ring", "prb_desc_ring", 0), M("text_data_ring", "prb_data_ring", 48)]
    )
    btf.structure("prb_data_blk_lpos", 16, [M("begin", "u64", 0), M("next", "u64", 8)])
    btf.structure("prb_desc", DESC, [M("state_var", "u64", 8), M("text_blk_lpos", "prb_data_blk_lpos", 16)])
    info = [
        M("seq", "u64", 0),
        M("ts_nsec", "u64", 8),
        M("text_len", "u16", 16),
        M("flags", "u8", 19, 0, 5),
        M("level", "u8", 19, 5, 3),
    ]
    btf.structure("printk_info", INFO, info)
    count, size = 1 << count_bits, 1 << size_bits
    descs, infos, data = made.heap(count * DESC), made.heap(count * INFO), made.heap(size)
    position = size  # the first lap is over
    for number, line in enumerate(lines, first):
        begin, end = _block(position, -(-(8 + len(line.text)) // 8) * 8, size)
        at = (begin if begin // size == end // size or not end % size else end // size * size) % size
        made.u64(data + at, number)
        made.put(data + at + 8, line.text)
        made.u64(descs + number % count * DESC + 8, 2 << 62 | number, begin, end)
        row = infos + number % count * INFO
        made.u64(row, number - first, line.at_ns)
        made.put(row + 16, struct.pack("<HBB", len(line.text), 0, line.level << 5))
        position = end
    ends = first + len(lines) - 1, first
    head = struct.pack("<I4xQQQQ8xI4xQ", count_bits, descs, infos, *ends, size_bits, data)
    made.variable("prb", struct.pack("<Q", made.variable("printk_rb_static", head + bytes(8))))
    return descs


def _block(position: int, length: int, size: int) -> tuple[int, int]:
    """Where a block begins and ends: one that does not fit before the end of a lap begins where it was, and ends in the next lap."""
    if position // size == (position + length - 1) // size:
        return position, position + length
    return position, (position // size + 1) * size + length


def add_old_log(made: Made, lines: Sequence[Line], *, size: int = 512, first: int = 40) -> None:
    """A log as before 5.10, whose records go once around the buffer."""
    data, at = bytearray(size), 0
    places: list[tuple[int, int]] = []
    for line in lines:
        length = -(-(16 + len(line.text)) // 4) * 4
        if at + length + 16 > size:
            places = [place for place in places if place[1] <= at]
            struct.pack_into("<QHHHBB", data, at, 0, 0, 0, 0, 0, 0)
            at = 0
        places = [(start, end) for start, end in places if end <= at or start >= at + length]
        struct.pack_into("<QHHHBB", data, at, line.at_ns, length, len(line.text), 0, 0, line.level << 5)
        data[at + 16 : at + 16 + len(line.text)] = line.text
        places.append((at, at + length))
        at += length
    buffer = made.heap(size)
    made.put(buffer, bytes(data))
    made.variable("log_buf", struct.pack("<Q", buffer))
    made.variable("log_buf_len", struct.pack("<I", size))
    made.variable("log_first_seq", struct.pack("<Q", first + len(lines) - len(places)))
    made.variable("log_first_idx", struct.pack("<I", places[0][0] if places else 0))
    made.variable("log_next_seq", struct.pack("<Q", first + len(lines)))
    made.variable("log_next_idx", struct.pack("<I", at))


def add_lock(made: Made, kind: str, owner: int, sleepers: Sequence[int], *, ringed: bool) -> int:
    """A lock (the name of its structure) that tasks sleep for, its waiters on their stacks; ``ringed``: as before 7.2."""
    members = (
        [M("owner", "u64", 0), M("wait_list", "list_head", 16)]
        if ringed
        else [M("owner", "u64", 0), M("first_waiter", "*", 16)]
    )
    made.btf.structure(kind, 40, members)
    waiter = {"mutex": "mutex_waiter", "rw_semaphore": "rwsem_waiter"}[kind]
    made.btf.structure(waiter, 32, [M("list", "list_head", 0), M("task", "*", 16)])
    lock = made.heap(40)
    made.u64(lock, owner)
    nodes = [lock + 16] if ringed else []
    for task in sleepers:
        stack = made.heap(0x4000, 0x4000)
        sp = stack + 0x3C00
        made.u64(task + TASK["stack"], stack)
        made.u64(task + TASK["sp"], sp)
        made.u64(sp, 1, lock, task, 2, sp + 0x10)  # what lies about, too
        made.u64(sp + 0x100 + 16, task)
        nodes.append(sp + 0x100)
    for place, node in enumerate(nodes):
        made.u64(node, nodes[(place + 1) % len(nodes)], nodes[place - 1])
    if not ringed:
        made.u64(lock + 16, nodes[0])
    return lock
