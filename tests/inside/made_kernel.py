"""A small kernel in made-up guest memory: its structures as written here, its types as BTF. No code, no real layout."""

import struct
from collections.abc import Mapping, Sequence

from crazytrain.inside.kernel import Kernel
from crazytrain.inside.layout import WarmLayout, layout_of
from crazytrain.inside.memory import Recorded
from crazytrain.inside.paging import AddressSpace
from crazytrain.inside.symbols import Symbols
from crazytrain.model.facts.inside import FoundBy, GuestKernel
from crazytrain.model.guest_memory import PAGE_BYTES
from tests.inside.made_btf import BtfWriter, M

BASE = 0xFFFF_8880_0000_0000
IMAGE = 0xFFFF_FFFF_8000_0000
TASK_BYTES = 0x400
_DATA_AT, _HEAP_AT = 0x1_0000, 0x4_0000
_ALL_BYTES = 0xC_0000
CPUS = 2
CPU_BYTES = 0x1000

# Offsets that no kernel has just so: a reader that has its own idea of them fails.
TASK = {
    "flags": 0x24,
    "__state": 0x18,
    "stack": 0x30,
    "on_cpu": 0x48,
    "cpu": 0x4C,
    "exec": 0x60,
    "tasks": 0x80,
    "exit_state": 0x98,
    "pid": 0xA0,
    "tgid": 0xA4,
    "real_parent": 0xB0,
    "thread_node": 0xC0,
    "nvcsw": 0xE0,
    "nivcsw": 0xE8,
    "comm": 0x120,
    "signal": 0x148,
    "sp": 0x200,
}


class Made:
    """Memory that is filled, then read: the image and the heap lie at their own virtual addresses, one physical stretch."""

    def __init__(self) -> None:
        self.data = bytearray(_ALL_BYTES)
        self.symbols: dict[str, int] = {}
        self.btf = BtfWriter()
        self._next = {"data": _DATA_AT, "heap": _HEAP_AT}
        self.changed: dict[int, bytes] = {}

    # ---- memory

    def heap(self, size: int, aligned: int = 64) -> int:
        return BASE + self._take("heap", size, aligned)

    def variable(self, name: str, content: bytes, aligned: int = 8) -> int:
        at = self._take("data", len(content), aligned)
        self.data[at : at + len(content)] = content
        self.symbols[name] = IMAGE + at
        return IMAGE + at

    def _take(self, where: str, size: int, aligned: int) -> int:
        at = -(-self._next[where] // aligned) * aligned
        self._next[where] = at + size
        return at

    def at(self, address: int) -> int:
        return address - (IMAGE if address >= IMAGE else BASE)

    def put(self, address: int, content: bytes) -> None:
        at = self.at(address)
        self.data[at : at + len(content)] = content

    def u64(self, address: int, *values: int) -> None:
        self.put(address, struct.pack(f"<{len(values)}Q", *(value % (1 << 64) for value in values)))

    def u32(self, address: int, value: int) -> None:
        self.put(address, struct.pack("<I", value % (1 << 32)))

    def text(self, text: bytes) -> int:
        address = self.heap(len(text) + 1, 8)
        self.put(address, text + b"\0")
        return address

    # ---- types

    def types(self) -> None:
        btf = self.btf
        btf.structure("list_head", 16, [M("next", "*", 0), M("prev", "*", 8)])
        btf.structure("sched_entity", 16, [M("sum_exec_runtime", "u64", 0)])
        btf.structure("thread_info", 8, [M("cpu", "u32", 4)])
        btf.structure("thread_struct", 16, [M("sp", "u64", 8)])
        one = {
            "__state": "u32",
            "flags": "u32",
            "stack": "*",
            "on_cpu": "u32",
            "tasks": "list_head",
            "exit_state": "u32",
        }
        one |= {
            "pid": "u32",
            "tgid": "u32",
            "real_parent": "*",
            "thread_node": "list_head",
            "nvcsw": "u64",
            "nivcsw": "u64",
        }
        one |= {"comm": "char[16]", "signal": "*"}
        members = [M(name, kind, TASK[name]) for name, kind in one.items()]
        members.append(M("thread_info", "thread_info", TASK["cpu"] - 4))
        members.append(M("se", "sched_entity", TASK["exec"]))
        members.append(M("thread", "thread_struct", TASK["sp"] - 8))
        btf.structure("task_struct", TASK_BYTES, members)
        btf.structure("signal_struct", 64, [M("thread_head", "list_head", 24)])

    # ---- tasks

    def task(
        self, pid: int, comm: bytes, *, tgid: int | None = None, state: int = 1, flags: int = 0, parent: int = 0
    ) -> int:
        """A task by itself: linked to nobody, its thread list to itself through its signal_struct."""
        address = self.heap(TASK_BYTES)
        signal = self.heap(64)
        self.u64(address + TASK["signal"], signal)
        self.ring("thread_node", signal + 24, [address])
        for name, value in {
            "pid": pid,
            "tgid": pid if tgid is None else tgid,
            "__state": state,
            "flags": flags,
        }.items():
            self.u32(address + TASK[name], value)
        self.u64(address + TASK["real_parent"], parent)
        self.put(address + TASK["comm"], comm)
        self.u64(address + TASK["exec"], 1_000_000 * pid)
        self.u64(address + TASK["nvcsw"], pid, 2)
        self.u32(address + TASK["cpu"], pid % CPUS)
        return address

    def ring(self, member: str, head: int, tasks: Sequence[int]) -> None:
        """Link tasks to a ring through a head."""
        nodes = [head, *(task + TASK[member] for task in tasks)]
        for place, node in enumerate(nodes):
            self.u64(node, nodes[(place + 1) % len(nodes)], nodes[place - 1])

    def init_task(self) -> int:
        address = self.task(0, b"swapper/0", state=0, flags=0x20_0002)
        self.symbols["init_task"] = address
        return address

    # ---- CPUs

    def per_cpu(self, fields: Mapping[str, bytes]) -> None:
        """Per-CPU variables, the same on each CPU; their symbols count from 0."""
        at = 0x100
        for name, content in fields.items():
            self.symbols[name] = at
            for cpu in range(CPUS):
                self.put(self.cpu_area(cpu) + at, content)
            at += -(-len(content) // 64) * 64

    def cpus(self) -> None:
        self._areas = [self.heap(CPU_BYTES, 4096) for _ in range(CPUS)]
        self.variable("__per_cpu_offset", struct.pack(f"<{CPUS}Q", *self._areas))
        self.variable("nr_cpu_ids", struct.pack("<I", CPUS))
        self.variable("__cpu_online_mask", struct.pack("<Q", (1 << CPUS) - 1))

    def cpu_area(self, cpu: int) -> int:
        return self._areas[cpu]

    # ---- the whole

    def pages(self) -> dict[int, bytes]:
        """The memory, with page tables behind it: 1 GiB at ``BASE`` and at ``IMAGE`` each, both from physical 0 on."""
        data = bytes(self.data)
        pages = {at // PAGE_BYTES: data[at : at + PAGE_BYTES] for at in range(0, len(data), PAGE_BYTES)}
        top = len(data) // PAGE_BYTES
        tables = [bytearray(PAGE_BYTES) for _ in range(3)]
        for number, virtual in ((1, BASE), (2, IMAGE)):
            struct.pack_into("<Q", tables[0], (virtual >> 39 & 511) * 8, (top + number) * PAGE_BYTES | 1)
            struct.pack_into("<Q", tables[number], (virtual >> 30 & 511) * 8, 1 | 1 << 7)
        return pages | {top + number: bytes(table) for number, table in enumerate(tables)}

    def finish(self) -> None:
        """Put the types where the kernel keeps them."""
        blob = self.btf.blob()
        start = self.variable("__start_BTF", blob)
        self.symbols["__stop_BTF"] = start + len(blob)

    def kernel(self, pages: Mapping[int, bytes] | None = None, layout: WarmLayout | None = None) -> Kernel:
        memory = Recorded(self.pages() if pages is None else pages)
        space = AddressSpace(memory, len(self.data))
        names = sorted(self.symbols, key=lambda name: self.symbols[name])
        symbols = Symbols([self.symbols[name] for name in names], names, "D" * len(names))
        about = GuestKernel(system="Linux", banner="", found_by=FoundBy.PAGE_TABLE)
        return Kernel(memory, space, symbols, layout or layout_of(space, symbols), about)
