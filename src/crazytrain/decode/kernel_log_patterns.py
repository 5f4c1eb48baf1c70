"""What a line of the host's kernel log stands for: one row a meaning, the kernel's own words as they begin behind the stamp.

Sources: arch/x86/kernel/cpu/{bus_lock,intel}.c, arch/x86/kvm/{x86,lapic}.c, virt/kvm/kvm_main.c, kernel/{watchdog,hung_task}.c,
kernel/rcu/tree_stall.h, mm/oom_kill.c, arch/x86/kernel/cpu/mce, drivers/edac, block/blk-core.c, drivers/md/dm-thin.c, fs/nfs,
net/ceph, kernel/time/{clocksource,timekeeping}.c, drivers/iommu.
"""

import re

from crazytrain.model.facts.logs import KernelMeaning as M

_ROWS: tuple[tuple[M, tuple[str, ...]], ...] = (
    (M.SPLIT_LOCK, (r"x86/split lock detection: #AC: .{1,40} took a split_lock trap",)),
    (M.BUS_LOCK, (r"x86/split lock detection: #DB: .{1,40} took a bus_lock trap",)),
    (
        M.TIMER_LIMITED,
        (
            r"(?:kvm: )?(?:kvm \[\d+\]: )?vcpu \d+: requested .{0,40}lapic timer",
            r"kvm: requested \d+ ns (?:lapic|i8254) timer period limited",
        ),
    ),
    (M.KVM_TSC, (r"(?:kvm: )?SMP vm created on host with unstable TSC",)),
    (M.HUNG_TASK, (r"INFO: task .{1,80} blocked (?:for more than \d+|in I/O wait)",)),
    (M.SOFT_LOCKUP, (r"(?:NMI )?(?:watchdog: )?BUG: soft lockup", r"BUG: workqueue lockup")),
    (M.HARD_LOCKUP, (r"(?:NMI )?(?:watchdog: )?Watchdog (?:CPU:\d+ )?detected .{0,40}hard LOCKUP",)),
    (
        M.RCU_STALL,
        (
            r"(?:rcu: )?INFO: rcu\w* (?:self-)?detected (?:expedited )?stall",
            r"(?:rcu: )?rcu_\w+ kthread (?:starved|timer)",
        ),
    ),
    (M.OOM_KILL, (r"(?:Memory cgroup out of memory|Out of memory): Kill(?:ed)? process \d+", r"oom-kill:constraint=")),
    (
        M.OOM,
        (r".{1,80} invoked oom-killer", r"(?:Memory cgroup out|Out) of memory", r".{1,40}: page allocation failure"),
    ),
    (M.NO_MEMORY, (r"XFS\b.{0,80}possible memory allocation deadlock", r".{1,40}: page allocation stalls for")),
    (M.MACHINE_CHECK, (r"mce: \[Hardware Error\]", r"\[Hardware Error\]", r"mce: CPU\d+: .{0,60}throttl")),
    (
        M.MEMORY_ERROR,
        (r"EDAC .{0,80}\b(?:CE|UE)\b", r"Memory failure: ", r"MCE: Killing .{1,60} due to hardware memory"),
    ),
    (
        M.NO_SPACE,
        (
            r"device-mapper: thin: .{0,80}(?:out-of-data-space|out-of-metadata-space|reached low water mark|no free)",
            r".{0,60}No space left on device",
            r"BTRFS .{0,80}(?:ENOSPC|no space left)",
        ),
    ),
    (
        M.STORAGE_SILENT,
        (
            r"nfs: server \S{1,80} (?:not responding|OK)",
            r"CIFS: .{0,60}(?:has not responded|server .{0,40}not respond)",
            r"(?:libceph|ceph|rbd): .{0,80}(?:session lost|hunting|timed out|timeout)",
            r"(?:block )?nbd\d+: .{0,60}(?:timed out|Connection|disconnect)",
            r"drbd .{0,80}(?:NetworkFailure|Timeout|timed out|Disconnect)",
            r"connection\d+:\d+: (?:ping timeout|detected conn error)",
            r"nvme nvme\d+: (?:I/O .{0,40}timeout|controller is down|Abort status)",
            r"(?:blk_update_request|ata\d+\.\d+): .{0,60}(?:timeout|frozen)",
            r"dlm: .{0,60}",
        ),
    ),
    (
        M.IO_ERROR,
        (
            r".{0,80}\bI/O [Ee]rror\b",
            r".{0,40}critical (?:\w+ ){1,3}error, dev",
            r"(?:EXT4-fs|XFS|BTRFS|ZFS|F2FS) .{0,80}(?:error|Corruption|corrupt)",
            r".{0,80}Remounting filesystem read-only",
            r"ata\d+(?:\.\d+)?: .{0,40}(?:failed command|exception Emask|hard resetting)",
        ),
    ),
    (
        M.TSC,
        (
            r"(?:tsc: )?Marking TSC unstable",
            r"(?:clocksource: )?Clocksource tsc unstable",
            r"clocksource: .{0,80}'?tsc.{0,80}(?:unstable|skew)",
            r"\[Firmware Bug\]: TSC",
            r"sched_clock: Marking unstable",
            r"tsc: .{0,60}(?:unstable|warp)",
        ),
    ),
    (
        M.CLOCKSOURCE,
        (
            r"(?:clocksource: )?Switched to clocksource",
            r"(?:clocksource: )?(?:timekeeping watchdog|Clocksource \S+ unstable)",
            r"(?:hrtimer: )?interrupt took \d+ ns",
        ),
    ),
    (
        M.TIME_STEP,
        (r"systemd-journald\[\d+\]: Time jumped backwards", r"random: crng reseeded due to virtual machine fork"),
    ),
    (M.SUSPEND, (r"PM: suspend (?:entry|exit)", r"PM: (?:hibernation|resume)", r"ACPI: PM: Waking up")),
    (M.IOMMU, (r"DMAR: .{0,80}(?:fault|Fault|DMA Write|DMA Read)", r"AMD-Vi: (?:Event logged|Completion-Wait)")),
    (M.VFIO, (r"vfio[-_]\w+ ", r"vfio: ")),
    (
        M.KVM,
        (
            r"kvm: .{1,200}",
            r"kvm_(?:intel|amd): .{1,200}",
            r"kvm \[\d+\]: .{1,200}",
            r"SVM: .{1,200}",
            r"L1TF CPU bug",
            r"unchecked MSR access error",
        ),
    ),
    (
        M.OOPS,
        (
            r"Oops(?:: |\[#)",
            r"BUG: ",
            r"(?:traps: )?general protection fault",
            r"kernel BUG at",
            r"WARNING: CPU: \d+ PID: \d+",
            r"Unable to handle kernel",
        ),
    ),
    (
        M.TRACE,
        (
            r"RIP: 0010:(?:\[<[0-9a-f]+>\]\s*)*\S*(?:kvm|vmx|svm|apic|hrtimer|mmu_lock|advance_periodic_target)",
            r"(?:\? )?(?:apic_timer_fn|kvm_apic\w*|__apic_accept_irq|advance_periodic_target_expiration|start_apic_timer)\+0x",
            r"(?:\? )?(?:kvm_mmu_\w+|kvm_tdp_mmu_\w+|kvm_unmap_gfn_range|kvm_vcpu_\w+|vcpu_enter_guest|handle_ept_violation)\+0x",
        ),
    ),
)
_MATTERS = re.compile("|".join(f"(?P<{meaning.name}>{'|'.join(words)})" for meaning, words in _ROWS))

# Which task a line names: `CPU 0/KVM/1234 took a split_lock trap`, `task qemu-kvm:1234 blocked`, `kvm [1234]:`, ...
_TASKS = tuple(
    re.compile(pattern)
    for pattern in (
        r"#(?:AC|DB): (?P<comm>.{1,32})/(?P<pid>\d{1,10}) took a",
        r"INFO: task (?P<comm>.{1,64}):(?P<pid>\d{1,10}) blocked",
        r"soft lockup - CPU#\d+ stuck for \d+s! \[(?P<comm>.{1,64}):(?P<pid>\d{1,10})\]",
        r"kvm \[(?P<pid>\d{1,10})\]: (?P<comm>)",
        r"Kill(?:ed)? process (?P<pid>\d{1,10}) \((?P<comm>[^)]{1,32})\)",
        r"oom-kill:.{0,400},task=(?P<comm>[^,]{1,32}),pid=(?P<pid>\d{1,10})",
        r"CPU: \d+ (?:UID: \d+ )?PID: (?P<pid>\d{1,10}) Comm: (?P<comm>.{1,32}?) (?:Not tainted|Tainted|Kdump)",
        r"MCE: Killing (?P<comm>.{1,32}):(?P<pid>\d{1,10}) due to",
    )
)


def meaning_of(text: str) -> M | None:
    """What a line stands for (its words behind the stamp); ``None`` where it does not matter.

    >>> meaning_of("x86/split lock detection: #AC: CPU 0/KVM/4711 took a split_lock trap at address: 0x7c1b")
    <KernelMeaning.SPLIT_LOCK: 'split lock'>
    """
    found = _MATTERS.match(text)
    return M[found.lastgroup] if found and found.lastgroup else None


def task_of(text: str) -> tuple[int | None, str]:
    """The task that a line names: its number and its name, which may be anything that a program chose."""
    for pattern in _TASKS:
        found = pattern.search(text)
        if found:
            return int(found["pid"]), found["comm"]
    return None, ""
