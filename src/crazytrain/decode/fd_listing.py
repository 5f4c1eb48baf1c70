"""A listing of /proc/PID/fd: by ls -l in any of its shapes and languages, by find -ls, or by lsof.

lrwx------ 1 libvirt-qemu kvm 64 2012-03-09 13:33 17 -> anon_inode:[signalfd]
lrwx------ 1 root root 64 Mär  9 13:33 /proc/4711/fd/8 -> anon_inode:[eventfd]
qemu-syst 4711 root   10u  a_inode   0,14        0    1057 [signalfd]
"""

import re
from collections.abc import Iterable, Iterator

from crazytrain.model import fdrole
from crazytrain.model.errors import BadInput
from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.descriptors import Descriptor, DescriptorTable
from crazytrain.model.fdkind import kind_of, vcpu_index

_LS = re.compile(
    r"(?:\s*\d+\s+\d+\s+|\s*)l[rwxsStT-]{9}\S?\s[^\n]*?(?<=[\s/])(?P<fd>\d{1,9})@? -> (?P<target>\S[^\n]*?)\s*$"
    r"|\s*(?P<bare>\d{1,9}) -> (?P<what>(?:/|anon_inode:|socket:|pipe:)[^\n]*?)\s*$"
)
_LSOF = re.compile(
    r"\s*\S+\s+\d+\s[^\n]*?(?<=\s)(?P<fd>\d{1,9})[rwu -]?[A-Za-z]?\s+"
    r"(?P<type>REG|DIR|CHR|BLK|FIFO|IPv4|IPv6|unix|sock|a_inode|0000|pack|netlink)\s+(?P<rest>\S[^\n]*?)\s*$"
)
_EVENTFD = re.compile(r"\[eventfd:(\d{1,18})\]")
_CUT = re.compile(r"\s*(?:\.\.\.|\[\.\.\.\]|…)\s*$")
_BEGINS = re.compile(
    r"\s*(?:total|insgesamt|итого|合計|总用量|razem|totale?)\s+\d+\s*$|[^\n]*/fd/?:?\s*$|COMMAND\s+PID\s"
)
_LONGEST_LINE = 8192
_MOST_DESCRIPTORS = 65_536
_WHY = "the kernel's name for it says so"


class _Row:
    """One line of a listing as it is read."""

    def __init__(self, fd: int, target: str, line: int, name: str = "", object_id: int | None = None) -> None:
        self.fd = fd
        self.target = target
        self.line = line
        self.name = name
        self.object_id = object_id


def decode_fd_listing(evidence: Evidence) -> Iterable[object]:
    """Yield a `DescriptorTable` for each listing in the text.

    ``complete`` is false where the listing begins or ends with ``...``, or where descriptors 0 to 2 are missing (every
    QEMU has them). Roles are given only where the target alone tells them.

    Raises:
        BadInput: no line of a listing stands in the text.
    """
    lines = evidence.data.decode("utf-8", "backslashreplace").split("\n")
    tables = [_table(rows, evidence, cut=cut) for rows, cut in _listings(lines)]
    if not tables:
        raise BadInput(f"{evidence.source}: no listing of descriptors in it", "Give what `ls -l /proc/PID/fd` printed.")
    return tables


def _listings(lines: Iterable[str]) -> Iterator[tuple[dict[int, _Row], bool]]:
    """Rows by descriptor, listing by listing: a new one begins with its head line, or where a number comes again."""
    rows: dict[int, _Row] = {}
    cut = False
    for number, line in enumerate(lines, start=1):
        row = _row(line, number)
        if (row is not None and row.fd in rows) or (rows and _BEGINS.match(line)):
            yield rows, cut
            rows, cut = {}, False
        if row is not None and len(rows) < _MOST_DESCRIPTORS:
            rows[row.fd] = row
        cut = cut or _CUT.match(line) is not None
    if rows:
        yield rows, cut


def _row(line: str, number: int) -> _Row | None:
    if len(line) > _LONGEST_LINE:
        return None
    found = _LS.match(line)
    if found:
        return _Row(int(found["fd"] or found["bare"]), _unquoted(found["target"] or found["what"]), number)
    found = _LSOF.match(line)
    return _lsof_row(int(found["fd"]), found["type"], found["rest"], number) if found else None


def _unquoted(target: str) -> str:
    """A target without the quotes that ls puts around names with blanks on a terminal."""
    return target[1:-1] if len(target) > 2 and target[0] == target[-1] and target[0] in "'\"" else target


def _lsof_row(fd: int, kind: str, rest: str, line: int) -> _Row:
    """DEVICE, SIZE/OFF, NODE and NAME; the number of a socket stands as NODE, for TCP and UDP as DEVICE."""
    columns = [*rest.split(None, 3), "", "", "", ""][:4]
    device, _, node, name = columns
    if kind in ("a_inode", "0000"):
        return _anonymous_row(fd, (name or node).removeprefix("anon_inode"), line)
    if kind in ("IPv4", "IPv6"):
        return _Row(fd, f"socket:[{device}]", line, f"{node} {name}")
    if kind in ("unix", "sock", "pack", "netlink"):
        return _Row(fd, f"socket:[{node}]", line, name)
    return _Row(fd, f"pipe:[{node}]" if kind == "FIFO" and name == "pipe" else name, line)


def _anonymous_row(fd: int, name: str, line: int) -> _Row:
    """lsof writes the kernel's number of an eventfd into its name: ``[eventfd:7]``."""
    found = _EVENTFD.fullmatch(name)
    if found:
        return _Row(fd, "anon_inode:[eventfd]", line, object_id=int(found[1]))
    return _Row(fd, f"anon_inode:{name}", line)


def _table(rows: dict[int, _Row], evidence: Evidence, *, cut: bool) -> DescriptorTable:
    ordered = [rows[fd] for fd in sorted(rows)]
    lines = [row.line for row in ordered]
    return DescriptorTable(
        descriptors=tuple(_descriptor(row, evidence) for row in ordered),
        complete=not cut and rows.keys() >= {0, 1, 2},
        refs=(evidence.ref(min(lines), max(lines)),),
    )


def _descriptor(row: _Row, evidence: Evidence) -> Descriptor:
    kind, index = kind_of(row.target), vcpu_index(row.target)
    role = _role(kind, index)
    return Descriptor(
        fd=row.fd,
        target=row.target,
        kind=kind,
        role=role,
        why=_WHY if role else "",
        vcpu=index,
        name=row.name,
        object_id=row.object_id,
        refs=(evidence.ref(row.line),),
    )


def _role(kind: str, index: int | None) -> str:
    if kind == "kvm-vcpu":
        return fdrole.VCPU if index is None else f"{fdrole.VCPU} {index}"
    return {"kvm-vm": fdrole.VIRTUAL_MACHINE, "tun": fdrole.TAP, "vhost": fdrole.VHOST}.get(kind, "")
