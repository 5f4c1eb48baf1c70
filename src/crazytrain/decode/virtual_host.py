"""Text in which a machine that runs guests shows that it is a virtual machine itself.

    Virtualization:                  VT-x
    Hypervisor vendor:               VMware

Sources: util-linux' lscpu (both lines together: a virtual machine with VMX or SVM handed on), systemd-detect-virt(1), virt-what(1),
dmidecode(8), and the head of a trace of the kernel (kernel/dump_stack.c: ``Comm``, ``Hardware name``) of a QEMU thread.
"""

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence

from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.tool_lines import ToolLine, ToolMeaning

_MOST_LINES, _LONGEST, _SHOWN = 50_000, 400, 240
_HANDED_ON = re.compile(r"Virtualization: +(?:VT-x|AMD-V)\s*$")
_BELOW = re.compile(r"Hypervisor vendor: +\w|Hypervisor detected: \w", re.IGNORECASE)
# No guest of KVM shows these; of Hyper-V one may, that was given its enlightenments.
_OTHER = re.compile(
    r"Hypervisor (?:vendor|detected): +(?:VMware|Xen|Oracle|VirtualBox|innotek|Parallels|Microsoft)", re.IGNORECASE
)
_ASKS = re.compile(r"systemd-detect-virt|virt-what|dmidecode .*product|product_name|sys_vendor")
_IS = re.compile(
    r"(?:kvm|vmware|microsoft|oracle|xen(?:-hvm)?|amazon|aws|google|qemu|bhyve|parallels|hyperv|virtualbox|VMware Virtual Platform"
    r"|VMware[\w, .]{1,20}|Virtual Machine|VirtualBox|Google Compute Engine|Droplet|HVM domU|Standard PC .{1,40}|OpenStack Nova"
    r"|Alibaba Cloud ECS|vServer|KVM|QEMU|Microsoft Corporation|innotek GmbH|DigitalOcean|Xen|RHEV.{0,20})$"
)
_RUNS_GUESTS = re.compile(
    r"\bkvm_(?:intel|amd)\b|/dev/kvm\b|\bqemu-(?:system|kvm)|\bnested\b|\bvirsh\b|\bvmx\b|\bsvm\b"
)
_QEMU_THREAD = re.compile(r"\bComm: (?:qemu\S{0,12}|kvm|CPU \d+/KVM)\b")
_VIRTUAL_BOARD = re.compile(
    r"Hardware name: (?:VMware|Microsoft Corporation Virtual|innotek|Google|Xen|Amazon EC2 [a-z]\w{1,4}\.(?!metal)|QEMU|OpenStack|Red Hat KVM"
    r"|DigitalOcean|Alibaba|RDO|KubeVirt|Nutanix|Parallels)"
)


def decode_virtual_host(evidence: Evidence) -> Iterable[object]:
    """Yield one ``ToolLine`` where such a machine shows both sides of itself; none where it may as well be a guest."""
    lines = [
        line[:_LONGEST].strip()
        for line in evidence.data.decode("utf-8", "replace").split("\n", _MOST_LINES)[:_MOST_LINES]
    ]
    for number in (*_lscpu(lines), *_asked(lines), *_traced(lines)):
        yield ToolLine(meaning=ToolMeaning.HOST_IS_GUEST, text=lines[number - 1][:_SHOWN], ref=evidence.ref(number))
        return


def _lscpu(lines: Sequence[str]) -> Iterator[int]:
    other = next((number for number, line in enumerate(lines, start=1) if _OTHER.search(line)), 0)
    below = other or next((number for number, line in enumerate(lines, start=1) if _BELOW.search(line)), 0)
    if other or (below and any(_HANDED_ON.match(line) or _RUNS_GUESTS.search(line) for line in lines)):
        yield below


def _asked(lines: Sequence[str]) -> Iterator[int]:
    if not any(_RUNS_GUESTS.search(line) for line in lines):
        return
    for number, (asks, answer) in enumerate(itertools.pairwise(lines), start=2):
        if _ASKS.search(asks) and _IS.match(answer):
            yield number


def _traced(lines: Sequence[str]) -> Iterator[int]:
    for number, line in enumerate(lines, start=1):
        if _QEMU_THREAD.search(line) and (below := _first(lines[number : number + 3], _VIRTUAL_BOARD)):
            yield number + below


def _first(lines: Sequence[str], what: re.Pattern[str]) -> int:
    return next((number for number, line in enumerate(lines, start=1) if what.search(line)), 0)
