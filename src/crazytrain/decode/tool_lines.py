"""Lines of programs around a guest that name a trouble in their own fixed words, whatever kind of text they stand in.

    VM 121 qmp command failed - VM 121 qmp command 'query-status' failed - got timeout
    BdsDxe: No bootable option or device was found.

Sources: Proxmox' qemu-server (PVE/QMPClient.pm, PVE/QemuMigrate.pm), libvirt's src/conf/virdomainjob.c (before it
src/qemu/qemu_domainjob.c) and tools/virsh-domain-event.c, oVirt's vdsm (lib/vdsm/virt/vm.py), QEMU's accel/accel-system.c, hw/vfio,
migration/; the kernel's arch/x86/kvm/vmx/vmx.c (dump_vmcs), svm.c (dump_vmcb), drivers/usb/core/devio.c, kernel/sched/psi.c; edk2's
MdePkg (DebugAssert), UefiCpuPkg (DumpCpuContext), MdeModulePkg (BdsDxe); SeaBIOS' src/boot.c; GRUB's grub-core/kern/rescue_reader.c.
"""

import re
from collections.abc import Iterable, Iterator

from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.tool_lines import ToolLine
from crazytrain.model.facts.tool_lines import ToolMeaning as M

_MOST_LINES, _LONGEST, _SHOWN, _MOST_KEPT = 50_000, 2000, 240, 64
# A job that others wait for and that rightly takes long, or one that waits for the agent in the guest.
_LONG_JOBS = r"agent|(?:monitor=)?remoteDispatchDomain(?:Migrate|Save|ManagedSave|CoreDump|Backup|Snapshot|QemuAgent|FS|Shutdown)"
_WAITED_FOR = r"\((?:query|modify|none|destroy), (?:none|query)[\w, ]{0,40}\)"
_ROWS: tuple[tuple[M, tuple[str, ...]], ...] = (
    (
        M.MONITOR_SILENT,
        (
            r"qmp command '(?!guest-)[\w-]{3,40}' failed - (?:got timeout|unable to connect to VM \d+ qmp socket)",
            rf"cannot acquire state change lock(?: \(held by (?!{_LONG_JOBS})|$)",
            rf"Cannot start job \(\w+, none(?:, none)?\).{{0,120}}current job is {_WAITED_FOR} owned by \(\d+ (?!{_LONG_JOBS})",
            r"[Mm]onitor (?:become|became) unresponsive",
            r"VM \S{1,80} is not responding\.",
        ),
    ),
    (
        M.STOPPED_FOR_ERROR,
        (
            r"abnormal vm stop device \S{1,80} error (?P<why>\w{2,12})",
            r"event 'io-error(?:-reason)?' for domain .{1,120} (?:pause|stop)\b",
            r"event 'lifecycle' for domain .{1,120} Suspended I/?O[ -]?[Ee]rror",
            r"VM \S{1,80} has been paused due to (?:lack of storage|no Storage space|storage I/O|unknown storage)",
            r"VIR_DOMAIN_EVENT_SUSPENDED_IOERROR",
        ),
    ),
    (
        M.FELL_BACK,
        (r"[Bb]ack to tcg accelerator", r"falling back to (?:tcg|TCG|emulation|qemu)"),
    ),
    (
        M.NO_KVM,
        (
            r"Could not access KVM kernel module: ",
            r"KVM is not available|KVM kernel module.{0,20}not loaded",
            r"disabled by (?:the )?BIOS",
        ),
    ),
    (
        M.STATE_DUMPED,
        (
            r"\*\*\* (?:Guest|Host|Control) State \*\*\*",
            r"VMCB [0-9a-fx]{4,18}, last attempted VMRUN",
            r"VMCB (?:Control Area|State Save Area):",
            r"dump_invalid_vmc[sb]=1 to dump",
            r"VM-entry failed due to (?:invalid|MSR)",
        ),
    ),
    (
        M.FIRMWARE_FAILED,
        (
            r"ASSERT(?:_EFI_ERROR)? (?:\[\w{1,60}\] )?\S{0,200}\.(?:c|h|cpp)\(\d{1,6}\):",
            r"!!!! (?:X64|IA32|AArch64|RISCV64) Exception Type - ",
            r"(?:Synchronous|SError) Exception at 0x",
        ),
    ),
    (
        M.NOTHING_TO_BOOT,
        (
            r"No bootable device\.?$",
            r"BdsDxe: No bootable option or device was found",
            r"Boot failed: (?:not a bootable disk|could not read)",
            r"^(?:grub rescue|grub|Shell)> ?$",
            r"Minimal BASH-like line editing is supported",
            r"PXE-E[0-9A-F]{2}: ",
            r"No more network devices",
            r"Press any key to boot from (?:CD|DVD|USB)",
            r"UEFI Interactive Shell v",
            r"Operating system not found|Missing operating system",
        ),
    ),
    (
        M.MIGRATING,
        (
            r"migration (?:active|status: active|xbzrle|\w+), transferred [\d.]+ \wi?B",
            r"(?:mirror|drive)-\w{3,12}: transferred [\d.]+ \wi?B",
            r"Migration: \[ ?\d{1,2}(?:\.\d+)? %\]",
            r"INFO: saving VM state and RAM",
        ),
    ),
    (
        M.POSTCOPY_BROKE,
        (
            r'"status": ?"postcopy-paused"',
            r"Detected IO failure for postcopy",
            r"postcopy_pause_\w+",
            r"paused \(post-copy failed\)$",
        ),
    ),
    (
        M.POSTCOPY_RUNS,
        (
            r'"status": ?"postcopy-(?:active|recover)"',
            r'"postcopy-requests": ?[1-9]',
            r"running \(post-copy\)$",
            r"^Postcopy requests: +[1-9]",
            r"Migration status: postcopy-(?:active|recover)",
        ),
    ),
    (
        M.QEMU_KILLED,
        (
            r"(?:Out of memory|out of memory): Kill(?:ed)? process \d+ \((?:kvm|qemu[\w-]*|CPU \d+/KVM)\)",
            r"oom-kill:.{0,400}task=(?:kvm|qemu[\w-]*|CPU \d+/KVM),",
        ),
    ),
    (
        M.CPU_LACKS,
        (
            r"(?:Host )?CPU does not provide required features",
            r"guest CPU doesn't match specification",
            r"CPUs? (?:are|is) not compatible",
        ),
    ),
    (M.BAD_ADDRESS, (r"error: kvm run failed Bad address",)),
    (M.INVALID_OPCODE, (r"trap invalid opcode ip:", r"invalid opcode: 0000 \[#")),
    (
        M.MAP_REFUSED,
        (r"VFIO_MAP_DMA(?: failed)?: (?:-14|Bad address)", r"vfio_(?:container_)?dma_map\(.{1,120}\) = -14"),
    ),
    (
        M.STORAGE_LOST,
        (
            r"connection\d+:\d+: (?:ping timeout|detected conn error)",
            r"session\d+: session recovery timed out",
            r"nfs: server \S{1,120} not responding",
            r"rejecting I/O to offline device",
            r"multipath\S{0,40}: .{0,80}remaining active paths: 0",
        ),
    ),
    (
        M.USB_TIMED_OUT,
        (
            r"usbfs: USBDEVFS_\w+ failed cmd (?:qemu|kvm|CPU)\S{0,20} .{0,80} ret -110",
            r"usb_host\w*: .{0,60}(?:TIMEOUT|timed out)",
        ),
    ),
)
_MEANS = [(meaning, re.compile("|".join(patterns))) for meaning, patterns in _ROWS]
_PRESSURE = re.compile(r"(?:some|full) avg10=(?P<now>\d{1,3}\.\d\d) avg60=(?P<minute>\d{1,3}\.\d\d) ")
_PRESSURE_FILE = re.compile(r"(?:/proc/pressure/|\b)(?P<of>memory|io|cpu|irq)(?:\.pressure)?\b")
_STALLS_FROM = 0.15
_SWAPPED = re.compile(r"(?:\S{1,40}:)?VmSwap:\s+(?P<kib>\d{1,15}) kB$")
_FREE = re.compile(r"Mem: +(?P<total>[1-9]\d{0,15}) +\d{1,16} +\d{1,16} +\d{1,16} +\d{1,16} +(?P<available>\d{1,16})$")
_SWAPPED_FROM_BYTES, _LEFT_TO = 1 << 30, 0.02


def decode_tool_lines(evidence: Evidence) -> Iterable[object]:
    """Yield a ``ToolLine`` for each of them, at most ``_MOST_KEPT`` and of one meaning at most eight."""
    counts: dict[M, int] = {}
    for line in (*_said(evidence), *_pressures(evidence), *_memory(evidence)):
        counts[line.meaning] = counts.get(line.meaning, 0) + 1
        if counts[line.meaning] <= _MOST_KEPT // 8:
            yield line


def _lines(evidence: Evidence) -> Iterator[tuple[int, str]]:
    text = evidence.data.decode("utf-8", "replace")
    for number, line in enumerate(text.split("\n")[:_MOST_LINES], start=1):
        yield number, line[:_LONGEST].strip()


def _said(evidence: Evidence) -> Iterator[ToolLine]:
    for number, line in _lines(evidence):
        found = next(((meaning, hit) for meaning, words in _MEANS if (hit := words.search(line))), None)
        if found:
            why = found[1].groupdict().get("why") or ""
            shown = line[max(found[1].start() - 40, 0) :][:_SHOWN] if len(line) > _SHOWN else line
            yield ToolLine(meaning=found[0], text=shown, ref=evidence.ref(number), who=why)


def _pressures(evidence: Evidence) -> Iterator[ToolLine]:
    """The kernel's pressure of memory; which file it is, is told by its name above the two lines."""
    of, named_at = "", -9
    for number, line in _lines(evidence):
        found = _PRESSURE.search(line)
        name = _PRESSURE_FILE.search(line)
        if name and ("pressure" in line or not found):
            of, named_at = name["of"], number
        share = float(found["now"]) / 100 if found else 0.0
        if found and of == "memory" and number - named_at <= 2 and share >= _STALLS_FROM:
            yield ToolLine(meaning=M.MEMORY_STALLS, text=line[:_SHOWN], ref=evidence.ref(number), value=share)


def _memory(evidence: Evidence) -> Iterator[ToolLine]:
    """``VmSwap`` of a process, and the row of ``free`` that tells what is available."""
    for number, line in _lines(evidence):
        swap = _SWAPPED.match(line)
        if swap and int(swap["kib"]) << 10 >= _SWAPPED_FROM_BYTES:
            yield ToolLine(
                meaning=M.QEMU_SWAPPED,
                text=line[:_SHOWN],
                ref=evidence.ref(number),
                value=float(int(swap["kib"]) << 10),
            )
        free = _FREE.match(line)
        if free and int(free["available"]) <= _LEFT_TO * int(free["total"]):
            yield ToolLine(meaning=M.NO_MEMORY_LEFT, text=line[:_SHOWN], ref=evidence.ref(number))
