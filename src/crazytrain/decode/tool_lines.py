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
            r"Transitioned guest \S{1,120} to paused state, reason I/O error",
            r"\bqmpstatus\b\W{1,4}io-error",
            r"^I/O status: +(?:nospace|failed)$",
            r"Paused\(3\):IOError\(5\)|\bPausedIOError\b",
        ),
    ),
    (
        M.POOL_FULL,
        (
            r"device-mapper: thin: .{0,80}(?:out-of-(?:meta)?data-space|no free (?:meta)?data space)",
            r"^\S{1,120} +\S{1,80} +t[\w-]{7}[DM]\S? ",  # lvs: a thin pool out of data, or of metadata
            r"^\S{1,120} +\S{1,80} +t[\w-]{8,9} .{0,60}\b100\.00\b",
            r"^\S{1,200} +[\d.]+[KMGTP]?i?B? +[\d.]+[KMGTP]?i?B? +0 +100% +/",  # df
            r"\b\d+ (?:full osd|pool\(s\) full)",
        ),
    ),
    (
        M.FELL_BACK,
        (
            r"[Bb]ack to tcg accelerator",
            r"falling back to (?:tcg|TCG|emulation|qemu)",
            r"will disable KVM support",
            r"TCG doesn't support requested feature",
        ),
    ),
    (
        M.NO_KVM,
        (
            r"Could not access KVM kernel module: ",
            r"KVM is not available|KVM kernel module.{0,20}not loaded",
            r"disabled by (?:the )?BIOS",
            r"(?:cannot access|can't open|open|stat) '?/dev/kvm'?: (?:No such file|Permission denied)",
            r"/dev/kvm (?:does not exist|is not accessible|not found)|(?<!\w)/dev/kvm: No such file",
            r"(?i:kvm acceleration (?:is )?not available|kvm acceleration can ?not be used)",
            r"KVM requires a CPU that supports vmx or svm",
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
            r"No bootable medium found",
            r">> ?Start PXE over IPv",
        ),
    ),
    (
        M.MIGRATING,
        (
            r"migration (?:active|status: active|xbzrle|\w+), transferred [\d.]+ \wi?B",
            r"(?:mirror|drive)-\w{3,12}: transferred [\d.]+ \wi?B",
            r"cannot acquire state change lock \(held by (?:monitor=)?remoteDispatchDomainMigrate",
            r"Migration: \[ ?\d{1,2}(?:\.\d+)? %\]",
            r"INFO: +\d{1,3}% \([\d.]+ \wi?B of [\d.]+ \wi?B\) in \d",
            r"\b(?:saving|completed saving) (?:the )?VM state\b",
        ),
    ),
    (
        M.POSTCOPY_BROKE,
        (
            r'"status": ?"postcopy-paused"',
            r"Detected IO failure for postcopy",
            r"Migration status: postcopy-paused",
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
            r"oom-kill:.{0,400}task=(?:kvm|qemu[\w-]*|CPU \d+/KVM),|(?:^|: )(?:vcpu\d+|CPU \d+/KVM) invoked oom-killer",
        ),
    ),
    (
        M.LONG_CALL,  # stacks of a profile of what sleeps, folded into one line
        (
            r"\bmain_loop_wait;.{1,600};(?:do_io_submit|do_fsync|vfs_fsync\w*|vfs_fallocate|do_sys_open\w*|vfs_llseek)\b.{0,300}\bschedule",
        ),
    ),
    (
        M.CPU_LACKS,
        (
            r"(?:Host )?CPU does not provide required features",
            r"guest CPU doesn't match specification|\bmissing features: [a-z]",
            r"CPUs? (?:are|is) not compatible",
        ),
    ),
    (M.BAD_ADDRESS, (r"error: kvm run failed Bad address",)),
    (M.NO_MEMORY_TO_RUN, (r"error: kvm run failed Cannot allocate memory",)),
    (
        M.NOT_DECODED,
        (
            r"load/store instruction decoding not implemented",
            r"(?:Data abort|fault) .{0,40}(?:no|without) valid syndrome",
            r"kvm run failed Function not implemented",
        ),
    ),
    (
        M.RUN_REFUSED,
        (
            r"error: kvm run failed (?!Bad address|Cannot allocate)\w",
            r"KVM: (?:unknown exit, hardware reason|exception \d{1,3} exit)",
            r"VmExit\((?:FailEntry|InternalError)",
        ),
    ),
    (M.STATE_REFUSED, (r"Failed to put registers\b.{0,14}: Invalid|kvm_\w+_msrs: Assertion|failed to set MSR 0x",)),
    (
        M.CLOCK_STEPPED,
        (
            r"\bTime (?:just )?(?:jumped|moved) (?:backwards?|forwards?)\b",
            r"(?:Forward|Backward) time jump detected",
            r"System clock wrong by -?\d{2,}\.\d",
            r"initial offset : -?\d{2,}\.\d+ seconds (?:slow|fast)",
            r"\b(?:time reset|step-systime|step time server \S{1,64} offset) [+-]?\d{2,}\.\d",
            r"time correction of \d+ seconds exceeds sanity limit",
        ),
    ),
    (
        M.STRAY_INTERRUPT,
        (
            r"spurious (?:APIC|8259A) interrupt",
            r"MP-BIOS bug: 8254 timer not connected to IO-APIC",
            r"\bNo irq handler for vector\b",
            r"APIC error on CPU\d+: [0-9a-f]{2}",
            r"(?:smpboot: do_boot_cpu failed|CPU\d+ failed to report alive state|CPU\d+: Not responding)",
        ),
    ),
    (
        M.HALF_CLOSED,
        (
            r"^(?:qemu|kvm)\S{0,30} +\d.{0,200}\(CLOSE_WAIT\)",  # lsof
            r"\bCLOSE[-_]WAIT\b.{0,200}[\x22/](?:qemu|kvm)",  # ss, netstat
        ),
    ),
    (
        M.THROTTLED,
        (
            r"\bthrottling\.(?:iops|bps)[\w-]{1,20}=[1-9]",
            r"-object throttle-group,",
            r"<(?:total|read|write)_(?:iops|bytes)_sec(?:_max)?>[1-9]",
            r"-drive \S{1,400},(?:iops|bps)(?:_(?:rd|wr))?=[1-9]",
            r"I/O throttling: +bps=(?:[1-9]|\d.{1,120}=[1-9])",
        ),
    ),
    (
        M.USER_NETWORK,
        (
            r"^Protocol\[State\] +FD +Source Address",
            r"^-(?:net(?:dev)?|nic) user\b|\s-(?:net(?:dev)?|nic) user[, ]",
            r"<interface type=.user.>",
        ),
    ),
    (M.FPU_STATE, (r"Bad FPU state detected at",)),
    (M.LAST_EXIT, (r"\bexit_reason = (?P<why>2|6|8|9|17)\b[, }]",)),  # struct kvm_run (linux/kvm.h)
    (
        M.PAUSED_TOLD,
        (
            r"^\W{0,3}qmpstatus\W{1,4}(?:paused|prelaunch|suspended|postmigrate)\b",
            r"(?:^|\|)\s*(?:status|OS-EXT-STS:vm_state)\s*\|\s*(?:PAUSED|paused|SUSPENDED|suspended)\s*\|",
            r"^printableStatus: Paused$|VMI was paused by user",
            r"^lock: (?:suspending|suspended)$",
        ),
    ),
    (
        M.POLLS_IDLE,
        (
            r"^(?:.{0,40}[Cc]ommand line: )?(?:BOOT_IMAGE=|root=|ro |\S*vmlinuz).{0,1000}\bidle=poll\b",
            r"-overcommit \S{0,20}cpu-pm=on\b",
            r"process: using polling idle threads",
            r"(?:current_driver|current_governor|idle driver)\W{1,3}haltpoll$",
        ),
    ),
    (
        M.IRQ_UNHANDLED,
        (
            r"\birq \d{1,5}: nobody cared",
            r"\bDisabling IRQ #\d",
            r"\b__report_bad_irq\b",
            r"\binterrupt storm detected on \W?\w",
        ),
    ),
    (
        M.GUEST_DISK_SILENT,
        (
            r"\bata\d+(?:\.\d+)?: exception Emask .{0,80}\bfrozen",
            r"\[sd\w{1,3}\] (?:tag#\d+ )?timing out command",
            r"\bvirtio\w* \S{1,20}: .{0,40} is not a head",
            r"\bhd\w: (?:lost interrupt|dma_timer_expiry)",
            r"Reset to device, .{0,4}Device.{1,4}RaidPort\d",
        ),
    ),
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
            r"^\d{1,4} (?:request_wait_answer|rpc_wait_bit\w*|nfs_wait\w*|io_schedule|blk_mq_get_tag|wait_on_page_bit\w*|drbd_\w+|zil_commit\w*)$",
            r"rejecting I/O to offline device",
            r"multipath\S{0,40}: .{0,80}remaining active paths: 0",
            r"\bfailed (?:faulty|undef|ghost) (?:running|offline|transport-offline|blocked)",
            r"\[failed\]\[faulty\]",
            r"ESTAB +\d+ +[1-9]\d{4,} +\S+ +\S+:(?:3300|6[89]\d\d|7[0-3]\d\d|3260|2049|10809|4420)\b.{0,40}(?:qemu|kvm)",  # ss
            r"\bnvme nvme\d+: (?:I/O \d+ .{0,30}timeout|starting error recovery|Reconnecting in|[Ff]ailed (?:to connect|reconnect)|keep-alive)",
            r"\b(?:requests|ops) are blocked > [\d.]+ sec|\bpgs? (?:stuck inactive|is stuck inactive)",
            r"\b\d+ slow (?:ops|requests), oldest one blocked for",
            r"Reduced data availability: \d+ pgs",
            r"\blibceph: osd\d+ .{0,80}\b(?:down|socket (?:closed|error))",
            r"has not responded in the last \d+ seconds, disconnecting",
            r"drbd \S{1,80}: .{0,60}(?:ko-?count|PingAck did not arrive|NetworkFailure|Timeout)",
            r"\bnbd\d+: .{0,60}timed out",
            r"\bsuspended:(?:fencing|user|quorum|no-data)",
            r"^state: (?:SUSPENDED|FAULTED|UNAVAIL)$",
        ),
    ),
    (
        M.DISK_SERVERS_HANG,
        (
            r"^\S{1,20} +\d+ +[\d.]+ +[\d.]+ +0 +0 +\? +D\S* .{0,40}\[(?:zvol|z_\w+|txg_\w+|drbd\w*|rbd\w*|nfsd|loop\d+|ceph\S*)",
        ),  # ps aux
    ),
    (
        M.USB_TIMED_OUT,
        (
            r"usbfs: USBDEVFS_\w+ failed cmd (?:qemu|kvm|CPU)\S{0,20} .{0,80} ret -110",
            r"usb_host\w*: .{0,60}(?:TIMEOUT|timed out)",
        ),
    ),
    (
        M.USB_LOST,
        (
            r"\busb \d+-[\d.]+: (?:device descriptor read\S*, error|device not (?:accepting address|responding)|unable to enumerate)",
            r"\busb \d+-[\d.]+: reset (?:low|full|high|super)\S{0,8}[- ]speed\b",
            r"\bxhci_hcd \S{1,20}: (?:xHCI host (?:controller )?not responding|HC died|WARN.{0,30}TRB)",
        ),
    ),
)
_MEANS = [(meaning, re.compile("|".join(patterns))) for meaning, patterns in _ROWS]
_PRESSURE = re.compile(r"(?:some|full) avg10=(?P<now>\d{1,3}\.\d\d) avg60=(?P<minute>\d{1,3}\.\d\d) ")
_PRESSURE_FILE = re.compile(r"(?:/proc/pressure/|\b)(?P<of>memory|io|cpu|irq)(?:\.pressure)?\b")
_STALLS_FROM = 0.15
_QUOTA = re.compile(r"<(?P<of>quota|period)>(?P<us>-?\d{1,18})</")
_NARROW_TO, _PERIOD_US = 0.9, 100_000  # libvirt's own period where none is told
_SWAPPED = re.compile(r"(?:\S{1,40}:)?VmSwap:\s+(?P<kib>\d{1,15}) kB$")
_FREE = re.compile(r"Mem: +(?P<total>[1-9]\d{0,15}) +\d{1,16} +\d{1,16} +\d{1,16} +\d{1,16} +(?P<available>\d{1,16})$")
_SWAPPED_FROM_BYTES, _LEFT_TO = 1 << 30, 0.02

_BUG_LINES = 4  # a kernel says BUG() by an instruction that no processor knows: right below, it names that
_JOB = re.compile(r"current job is \(\w+, (?:migration|save|dump|snapshot|backup)")
_EXCUSED = {M.INVALID_OPCODE: re.compile("kernel BUG at"), M.MONITOR_SILENT: _JOB}  # by a line a little above


def decode_tool_lines(evidence: Evidence) -> Iterable[object]:
    """Yield a ``ToolLine`` for each of them, at most ``_MOST_KEPT`` and of one meaning at most eight."""
    counts: dict[M, int] = {}
    for line in (*_said(evidence), *_pressures(evidence), *_memory(evidence), *_quotas(evidence)):
        counts[line.meaning] = counts.get(line.meaning, 0) + 1
        if counts[line.meaning] <= _MOST_KEPT // 8:
            yield line


def _lines(evidence: Evidence) -> Iterator[tuple[int, str]]:
    text = evidence.data.decode("utf-8", "replace")
    for number, line in enumerate(text.split("\n")[:_MOST_LINES], start=1):
        yield number, line[:_LONGEST].strip()


def _said(evidence: Evidence) -> Iterator[ToolLine]:
    above = dict.fromkeys(_EXCUSED, -_BUG_LINES)
    for number, line in _lines(evidence):
        above.update({meaning: number for meaning, words in _EXCUSED.items() if words.search(line)})
        found = next(((meaning, hit) for meaning, words in _MEANS if (hit := words.search(line))), None)
        if found and number - above.get(found[0], -_BUG_LINES) >= _BUG_LINES:
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


def _quotas(evidence: Evidence) -> Iterator[ToolLine]:
    """libvirt's quota for each vCPU, where it is less than a CPU (docs/formatdomain.rst, CPU Tuning)."""
    told = [(number, found) for number, line in _lines(evidence) if (found := _QUOTA.search(line))]
    period = next((int(found["us"]) for _, found in told if found["of"] == "period"), 0) or _PERIOD_US
    for number, found in told:
        part = int(found["us"]) / period
        if found["of"] == "quota" and 0 < part < _NARROW_TO:
            yield ToolLine(meaning=M.QUOTA, text=found.string[:_SHOWN], ref=evidence.ref(number), value=part)


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
