"""How the lines look that QEMU prints for people: its monitor's answers, register dumps, failures of KVM, its log."""

import re

from crazytrain.decode.qemu_log_within import WITHIN

_REGISTERS = (
    rb"[ER]AX=[0-9a-f]{8,16} [ER]BX=|[ER]SI=[0-9a-f]{8,16} [ER]DI=|R8 =[0-9a-f]{16} R9 =|R12=[0-9a-f]{16} R13="
    rb"|[ER]IP=[0-9a-f]{8,16} [ER]FL=|(?:ES|CS|SS|DS|FS|GS|TR|LDT) ?=[0-9a-f]{4} [0-9a-f]{8,16} |(?:GDT|IDT)= +[0-9a-f]{8,16} "
    rb"|CR0=[0-9a-f]{8} CR2=|DR[0-9]=[0-9a-f]{16}|EFER=[0-9a-f]{16}|Code=[0-9a-f?< ]{2}|CC[SDO]=[0-9a-f]{8}|CPU#\d{1,5}$"
    rb"|FCW=[0-9a-f]{4} FSW=|FPR\d=[0-9a-f]{16} |XMM\d\d=[0-9a-f]{16} | ?PC=[0-9a-f]{16} +X00=|PSTATE=[0-9a-f]{8} |X\d\d=[0-9a-f]{16} X"
)
_FAILURES = (
    rb"Triple fault$|CPU Reset \(CPU \d+\)|KVM: (?:entry failed, hardware error|unknown exit|exception \d|injection failed)"
    rb"|K?VM internal error\. Suberror|emulation failure(?:, check dmesg for details)?$"
    rb"|(?:\d{1,10}@\d{1,12}\.\d{1,9}:)?kvm_run_exit cpu_index \d{1,5}, reason \d"
    rb"|unhandled (?:vm )?exit:? (?:0x)?[0-9a-f]{1,16}\b|kvm_run(?: returned -\d+|: [A-Z]\w+ )|rip [0-9a-f]{16} rflags [0-9a-f]+"
    rb"|r[a-d]x [0-9a-f]{16} r[a-d]x [0-9a-f]{16}|r\w{1,2} [0-9a-f]{16} r\w{1,2} [0-9a-f]{16} r"
    rb"|[c-gs]s [0-9a-f]{4} \([0-9a-f]{8}/[0-9a-f]{8} p |error: kvm run failed|extra data\[\d\]: |VM state change to |block I/O error in device"
)
_MONITOR = (
    rb"VM status: (?:running|paused)|kvm support: |QEMU \d+\.\d+\.\d+ monitor|[* ]{0,2}CPU #\d{1,5}:(?: |$)|IRQ statistics for "
    rb"|IRQ statistics:$|\w*pic\d?: irr=|Migration status: |balloon: actual=|FlatView #\d|AS \"|Root memory region: "
    rb"|dev: [\w.-]{1,80}, id \"|bus: [\w.-]{1,80}$|address-space: "
    rb"|[\w#/.-]{1,120}(?: \(#block\d+\))?: (?:\S+ \([\w-]+(?:, [^)\n]*)?\)|\[not inserted\])"
    rb"|[\w#/.-]{1,120}: rd_bytes=\d+ wr_bytes=|No active jobs|Streaming device |Type \w+, device |[\w-]{1,80}: filename="
    rb"|[\w.-]{1,80}: index=\d+,type=[\w-]+,|capabilities: (?:xbzrle|store)|transferred ram: \d|globals:$|(?:decompress|clear)[\w-]*: \d"
    rb"|total time: \d+ m|\(qemu\)"
)
# QEMU's own log: its name before what it says, with or without a stamp; how libvirt says that it ended.
_LOG = (
    rb"(?:\d{4}-\d\d-\d\d[ T][\d:.+-]{8,24}Z?:? {0,2})?(?:(?:\S{0,200}/)?(?:qemu-system-\w+|qemu-kvm|kvm|qemu): (?:-\w|[a-z]|[A-Z]\w+ |/\S+:\d+: )"
    rb"|KVM internal error|KVM: entry failed|error: kvm run failed|shutting down(?:, reason=\w+)?$|terminating on signal|char device redirected to /)"
)
WHOLE = re.compile(_REGISTERS + rb"|" + _FAILURES + rb"|" + _MONITOR + rb"|" + _LOG + rb"|" + WITHIN.pattern)
# Lines of answers that other texts may have, too.
BESIDE = re.compile(
    rb"[a-z][\w-]{2,40}: (?:on|off|\d{1,12})$| *\d{1,3}: \d{1,19}$|[0-9a-f]{16}-[0-9a-f]{16} \(prio"
    rb"|(?:gpio|mmio|bar|class|type|irq|maxframes|addr)\b|[\w.-]{1,60} = |No rendered"
    rb"|(?:Attached to|Cache mode|Detect zeroes|Backing file|Removable device|Node name|I/O throttling|Snapshot|Paths|Images|Block node)\b"
    rb"|(?:remaining|total|duplicate|skipped|normal|normal bytes|dirty sync count|page size|multifd bytes|pages-per-second|dirty pages rate|"
    rb"downtime|expected downtime|setup|throughput|precopy ram|downtime ram|postcopy ram|cpu throttle percentage)[ :]"
    rb"|FPR\d=|XMM\d|\\ |ioapic\d?: |pin \d+ |IRR|Remote IRR|Dispatch|\d+\.\d+\.\d+|virsh # |singlestep|bp_|[0-9a-f]{8,16}: +0x[0-9a-f]{2}"
)


def goes_on(before: bytes, line: bytes) -> bool:
    """Whether a line goes on with a monitor's answer: what only stands with one."""
    return bool(before.strip() and BESIDE.match(line))
