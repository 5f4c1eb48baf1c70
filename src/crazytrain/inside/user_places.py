"""Which file a program's address comes from: by the mappings that the guest's kernel keeps of its address space.

A kernel keeps them in a maple tree (from 6.1 on) or in a red-black tree (before). Both are walked down once, with a bound; what is
found has to hold the address, or it is not believed.
"""

import struct

from crazytrain.inside.kernel import Field, Kernel
from crazytrain.model.facts.inside import GuestFrame
from crazytrain.model.guest_memory import PAGE_BYTES, Unreadable

_MOST_DEPTH = 64
_MOST_FOLDERS = 12
_MOST_NAME = 255
_KERNEL_HALF = 1 << 63
# include/linux/maple_tree.h: a pointer to a node has its kind in bits 3 to 6. For each kind: how many slots, and where they begin.
_SLOTS = {1: (16, 128), 2: (16, 128), 3: (10, 80)}
_LEAF = 1
_NODE_BYTES, _NODE_MASK = 256, ~0xFF
_WORDS = struct.Struct("<32Q")


class UserPlaces:
    """Places in programs, for one kernel. Raises ``Unreadable`` at once where it is not known how its mappings are kept."""

    def __init__(self, kernel: Kernel) -> None:
        field = kernel.layout.field
        self._space = kernel.space
        self._mm = field("task_struct", "mm").offset
        self._maple = _offset(kernel, "mm_struct", "mm_mt.ma_root")
        self._tree = _offset(kernel, "mm_struct", "mm_rb.rb_node") if self._maple is None else None
        self._rb = _offset(kernel, "vm_area_struct", "vm_rb")
        if self._maple is None and (self._tree is None or self._rb is None):
            raise Unreadable("how this kernel keeps a program's mappings is not known")
        self._left = _offset(kernel, "rb_node", "rb_left")
        self._right = _offset(kernel, "rb_node", "rb_right")
        self._vma = {name: field("vm_area_struct", name) for name in ("vm_start", "vm_end", "vm_pgoff", "vm_file")}
        self._dentry = field("file", "f_path.dentry").offset
        self._name = field("dentry", "d_name.name").offset
        self._parent = field("dentry", "d_parent").offset

    def frame(self, task: int, address: int) -> GuestFrame:
        """Give the file that an address of a task's program comes from, and how far into it. Raises ``Unreadable``.

        The name is the path within the file's own file system. An address without a file has no name.
        """
        mm = self._space.u64(task + self._mm)
        vma = self._maple_walk(mm, address) if self._maple is not None else self._tree_walk(mm, address)
        start, end, first_page, file = (
            self._space.u64(vma + self._vma[name].offset) for name in ("vm_start", "vm_end", "vm_pgoff", "vm_file")
        )
        if not start <= address < end:
            raise Unreadable("the program's mappings changed while they were read")
        if not file:
            return GuestFrame("", 0, address)
        return GuestFrame(self._path(file), first_page * PAGE_BYTES + address - start, address)

    def _maple_walk(self, mm: int, address: int) -> int:
        entry = self._space.u64(mm + (self._maple or 0))
        for _ in range(_MOST_DEPTH):
            if entry & 3 != 2 or entry < _KERNEL_HALF:  # no node: the tree is empty, or has one entry for all
                return _mapping(entry)
            kind = entry >> 3 & 15
            if kind not in _SLOTS:
                break
            count, first = _SLOTS[kind]
            words = _WORDS.unpack(self._space.read(entry & _NODE_MASK, _NODE_BYTES))
            entry = words[first // 8 + _slot(words[1:count], address)]
            if kind == _LEAF:
                return _mapping(entry)
        raise Unreadable("the tree of the program's mappings is not believed")

    def _tree_walk(self, mm: int, address: int) -> int:
        node = self._space.u64(mm + (self._tree or 0))
        for _ in range(_MOST_DEPTH):
            vma = _mapping(node) - (self._rb or 0)
            if self._space.u64(vma + self._vma["vm_end"].offset) <= address:
                node = self._space.u64(node + (self._right or 0))
            elif self._space.u64(vma + self._vma["vm_start"].offset) <= address:
                return vma
            else:
                node = self._space.u64(node + (self._left or 0))
        raise Unreadable("the tree of the program's mappings is not believed")

    def _path(self, file: int) -> str:
        """The names from the file up to the root of its file system, the last few of them."""
        dentry, names = self._space.u64(file + self._dentry), []
        for _ in range(_MOST_FOLDERS):
            names.append(self._space.text(self._space.u64(dentry + self._name), _MOST_NAME))
            parent = self._space.u64(dentry + self._parent)
            if parent == dentry:
                return "/" + "/".join(reversed([name for name in names if name != "/"]))
            dentry = parent
        return ".../" + "/".join(reversed(names))


def _slot(ends: tuple[int, ...], address: int) -> int:
    """Which slot of a node an address belongs to, by the last address of each; 0 marks that there are no more."""
    for number, end in enumerate(ends):
        if end >= address or (not end and number):
            return number
    return len(ends)


def _mapping(entry: int) -> int:
    if entry < _KERNEL_HALF or entry & 3:
        raise Unreadable("nothing is mapped there in the program")
    return entry


def _offset(kernel: Kernel, struct_name: str, path: str) -> int | None:
    try:
        found: Field = kernel.layout.field(struct_name, path)
    except Unreadable:
        return None
    return found.offset
