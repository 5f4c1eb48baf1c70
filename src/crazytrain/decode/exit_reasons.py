"""Why a vCPU left guest mode: the kernel's names for the numbers in kvm_exit, kvm_userspace_exit and kvm_hypercall.

Sources: Linux arch/x86/include/uapi/asm/vmx.h and svm.h (the names are those that the kernel's own trace shows),
include/uapi/linux/kvm.h, include/uapi/linux/kvm_para.h, arch/arm64/include/asm/{kvm_arm,kvm_asm,esr}.h.
"""

_INTEL, _AMD = 1, 2
_ARM64 = 64  # our word: ARM's kvm_exit has no ``isa``
_FAILED_ENTRY = 1 << 31


def _numbered(words: str) -> dict[int, str]:
    """Read ``number name`` pairs, the numbers in hexadecimal."""
    parts = words.split()
    return {int(number, 16): name for number, name in zip(parts[::2], parts[1::2], strict=True)}


_VMX = _numbered(
    """
    00 EXCEPTION_NMI 01 EXTERNAL_INTERRUPT 02 TRIPLE_FAULT 03 INIT_SIGNAL 04 SIPI_SIGNAL 06 OTHER_SMI
    07 INTERRUPT_WINDOW 08 NMI_WINDOW 09 TASK_SWITCH 0a CPUID 0c HLT 0d INVD 0e INVLPG 0f RDPMC 10 RDTSC 12 VMCALL
    13 VMCLEAR 14 VMLAUNCH 15 VMPTRLD 16 VMPTRST 17 VMREAD 18 VMRESUME 19 VMWRITE 1a VMOFF 1b VMON 1c CR_ACCESS
    1d DR_ACCESS 1e IO_INSTRUCTION 1f MSR_READ 20 MSR_WRITE 21 INVALID_STATE 22 MSR_LOAD_FAIL 24 MWAIT_INSTRUCTION
    25 MONITOR_TRAP_FLAG 27 MONITOR_INSTRUCTION 28 PAUSE_INSTRUCTION 29 MCE_DURING_VMENTRY 2b TPR_BELOW_THRESHOLD
    2c APIC_ACCESS 2d EOI_INDUCED 2e GDTR_IDTR 2f LDTR_TR 30 EPT_VIOLATION 31 EPT_MISCONFIG 32 INVEPT 33 RDTSCP
    34 PREEMPTION_TIMER 35 INVVPID 36 WBINVD 37 XSETBV 38 APIC_WRITE 39 RDRAND 3a INVPCID 3b VMFUNC 3c ENCLS
    3d RDSEED 3e PML_FULL 3f XSAVES 40 XRSTORS 43 UMWAIT 44 TPAUSE 4a BUS_LOCK 4b NOTIFY 4d TDCALL 54 MSR_READ_IMM
    55 MSR_WRITE_IMM
    """
)
_SVM = _numbered(
    """
    60 interrupt 61 nmi 62 smi 63 init 64 vintr 65 cr0_sel_write 66 read_idtr 67 read_gdtr 68 read_ldtr 69 read_tr
    6a write_idtr 6b write_gdtr 6c write_ldtr 6d write_tr 6e rdtsc 6f rdpmc 70 pushf 71 popf 72 cpuid 73 rsm 74 iret
    75 swint 76 invd 77 pause 78 hlt 79 invlpg 7a invlpga 7b io 7c msr 7d task_switch 7e ferr_freeze 7f shutdown
    80 vmrun 81 hypercall 82 vmload 83 vmsave 84 stgi 85 clgi 86 skinit 87 rdtscp 88 icebp 89 wbinvd 8a monitor
    8b mwait 8c mwait_cond 8d xsetbv 8e rdpru 8f write_efer_trap 90 write_cr0_trap 94 write_cr4_trap 98 write_cr8_trap
    a2 invpcid a5 buslock a6 idle-halt 400 npf 401 avic_incomplete_ipi 402 avic_unaccelerated_access 403 vmgexit
    80000001 vmgexit_mmio_read 80000002 vmgexit_mmio_write 80000003 vmgexit_nmi_complete 80000004 vmgexit_ap_hlt_loop
    80000005 vmgexit_ap_jump_table 80000010 vmgexit_page_state_change 80000011 vmgexit_guest_request
    80000012 vmgexit_ext_guest_request 80000013 vmgexit_ap_creation 8000fffd vmgexit_hypervisor_feature
    ffffffff invalid_guest_state
    """
)
_USERSPACE = _numbered(
    """
    00 UNKNOWN 01 EXCEPTION 02 IO 03 HYPERCALL 04 DEBUG 05 HLT 06 MMIO 07 IRQ_WINDOW_OPEN 08 SHUTDOWN 09 FAIL_ENTRY
    0a INTR 0b SET_TPR 0c TPR_ACCESS 0d S390_SIEIC 0e S390_RESET 0f DCR 10 NMI 11 INTERNAL_ERROR 12 OSI 13 PAPR_HCALL
    14 S390_UCONTROL 15 WATCHDOG 16 S390_TSCH 17 EPR 18 SYSTEM_EVENT 19 S390_STSI 1a IOAPIC_EOI 1b HYPERV 1c ARM_NISV
    1d X86_RDMSR 1e X86_WRMSR 1f DIRTY_RING_FULL 20 AP_RESET_HOLD 21 X86_BUS_LOCK 22 XEN 23 RISCV_SBI 24 RISCV_CSR
    25 NOTIFY 26 LOONGARCH_IOCSR 27 MEMORY_FAULT 28 TDX
    """
)
_ARM_CLASSES = _numbered(
    """
    00 UNKNOWN 01 WFx 03 CP15_32 04 CP15_64 05 CP14_MR 06 CP14_LS 07 FP_ASIMD 08 CP10_ID 09 PAC 0a LS64B 0c CP14_64
    0d BTI 0e ILL 11 SVC32 12 HVC32 13 SMC32 15 SVC64 16 HVC64 17 SMC64 18 SYS64 19 SVE 1a ERET 1c FPAC 1d SME
    1f IMP_DEF 20 IABT_LOW 21 IABT_CUR 22 PC_ALIGN 24 DABT_LOW 25 DABT_CUR 26 SP_ALIGN 27 MOPS 28 FP_EXC32
    2c FP_EXC64 2d GCS 2f SERROR 30 BREAKPT_LOW 31 BREAKPT_CUR 32 SOFTSTP_LOW 33 SOFTSTP_CUR 34 WATCHPT_LOW
    35 WATCHPT_CUR 38 BKPT32 3a VECTOR32 3c BRK64
    """
)
_ARM_TRAP = 2
_ARM_OTHER = {0: "IRQ", 1: "SERROR", 3: "ILLEGAL"}
_HYPERCALLS = {
    1: "VAPIC_POLL_IRQ",
    2: "MMU_OP",
    5: "KICK_CPU",
    9: "CLOCK_PAIRING",
    10: "SEND_IPI",
    11: "SCHED_YIELD",
    12: "MAP_GPA_RANGE",
}


def exit_reason(isa: int, number: int) -> str:
    """Name a reason of ``kvm_exit``. ``isa`` is 1 on Intel and 2 on AMD, as in the tracepoint.

    On ARM (``isa`` 64, our word) the upper 32 bits are how the guest was left, the lower ones the class of the trap.

    >>> exit_reason(1, 48), exit_reason(2, 0x400), exit_reason(1, (1 << 31) + 33), exit_reason(1, 99)
    ('EPT_VIOLATION', 'npf', 'INVALID_STATE (failed entry)', 'reason 99')
    >>> exit_reason(64, (2 << 32) + 0x24), exit_reason(64, 0), exit_reason(64, (2 << 32) + 0x3F)
    ('DABT_LOW', 'IRQ', 'trap 0x3f')
    """
    if isa == _ARM64:
        return _arm(number >> 32, number & 0xFFFFFFFF)
    number &= 0xFFFFFFFF
    if isa == _INTEL:
        name = _VMX.get(number & 0xFFFF, f"reason {number & 0xFFFF}")
        return f"{name} (failed entry)" if number & _FAILED_ENTRY else name
    if isa == _AMD:
        return _SVM.get(number) or _svm_row(number)
    return f"reason {number} (isa {isa})"


def _arm(left_by: int, trap: int) -> str:
    if left_by == _ARM_TRAP:
        return _ARM_CLASSES.get(trap, f"trap {trap:#x}")
    return _ARM_OTHER.get(left_by, f"exception {left_by}")


def _svm_row(number: int) -> str:
    """Name those that come in rows: control and debug registers, exceptions."""
    for first, name in ((0x00, "read_cr"), (0x10, "write_cr"), (0x20, "read_dr"), (0x30, "write_dr")):
        if first <= number < first + 16:
            return f"{name}{number - first}"
    if 0x40 <= number < 0x60:
        return f"exception {number - 0x40}"
    return f"reason {number:#x}"


def userspace_reason(number: int) -> str:
    """Name a reason for which KVM_RUN came back (``KVM_EXIT_...`` without that prefix).

    >>> userspace_reason(2), userspace_reason(500)
    ('IO', 'reason 500')
    """
    return _USERSPACE.get(number, f"reason {number}")


def hypercall_name(number: int) -> str:
    """Name a KVM hypercall (``KVM_HC_...`` without that prefix); empty where it is not known."""
    return _HYPERCALLS.get(number, "")
