"""Names of model-specific registers whose accesses leave guest mode: timers, local APIC, KVM's and Hyper-V's own.

Sources: Intel SDM volume 4; Linux Documentation/virt/kvm/x86/msr.rst; Hyper-V Top-Level Functional Specification.
"""

_NAMES = {
    0x10: "TSC",
    0x11: "kvmclock wall clock (old)",
    0x12: "kvmclock system time (old)",
    0x1B: "APIC_BASE",
    0x34: "SMI_COUNT",
    0x3A: "FEATURE_CONTROL",
    0x3B: "TSC_ADJUST",
    0x48: "SPEC_CTRL",
    0x49: "PRED_CMD",
    0x8B: "microcode version",
    0xCE: "PLATFORM_INFO",
    0xE7: "MPERF",
    0xE8: "APERF",
    0x140: "MISC_FEATURES_ENABLES",
    0x198: "PERF_STATUS",
    0x199: "PERF_CTL",
    0x19C: "THERM_STATUS",
    0x1A0: "MISC_ENABLE",
    0x1D9: "DEBUGCTL",
    0x277: "PAT",
    0x38D: "FIXED_CTR_CTRL",
    0x38E: "PERF_GLOBAL_STATUS",
    0x38F: "PERF_GLOBAL_CTRL",
    0x390: "PERF_GLOBAL_OVF_CTRL",
    0x606: "RAPL_POWER_UNIT",
    0x611: "PKG_ENERGY_STATUS",
    0x6E0: "TSC_DEADLINE",
    0xC0000080: "EFER",
    0xC0000081: "STAR",
    0xC0000082: "LSTAR",
    0xC0000083: "CSTAR",
    0xC0000084: "SFMASK",
    0xC0000100: "FS_BASE",
    0xC0000101: "GS_BASE",
    0xC0000102: "KERNEL_GS_BASE",
    0xC0000103: "TSC_AUX",
    0xC0010015: "HWCR",
    0xC001001F: "NB_CFG",
    0xC0011020: "LS_CFG",
    0x4B564D00: "kvmclock wall clock",
    0x4B564D01: "kvmclock system time",
    0x4B564D02: "KVM async page fault",
    0x4B564D03: "KVM steal time",
    0x4B564D04: "KVM paravirtual EOI",
    0x4B564D05: "KVM halt poll control",
    0x4B564D06: "KVM async page fault interrupt",
    0x4B564D07: "KVM async page fault acknowledge",
    0x4B564D08: "KVM migration control",
}
_HYPERV = {
    0x00: "guest OS id",
    0x01: "hypercall page",
    0x02: "VP index",
    0x03: "reset",
    0x10: "VP run time",
    0x20: "reference time counter",
    0x21: "reference TSC page",
    0x22: "TSC frequency",
    0x23: "APIC frequency",
    0x70: "EOI",
    0x71: "ICR",
    0x72: "TPR",
    0x73: "VP assist page",
    0x80: "SynIC control",
    0x81: "SynIC version",
    0x82: "SynIC event page",
    0x83: "SynIC message page",
    0x84: "end of message",
}
_X2APIC = {
    0x02: "id",
    0x03: "version",
    0x08: "TPR",
    0x0A: "PPR",
    0x0B: "EOI",
    0x0D: "LDR",
    0x0F: "SIVR",
    0x28: "ESR",
    0x2F: "LVT CMCI",
    0x30: "ICR",
    0x32: "LVT timer",
    0x33: "LVT thermal",
    0x34: "LVT performance",
    0x35: "LVT LINT0",
    0x36: "LVT LINT1",
    0x37: "LVT error",
    0x38: "timer initial count",
    0x39: "timer current count",
    0x3E: "timer divider",
    0x3F: "self IPI",
}
_X2APIC_BASE = 0x800
_HYPERV_BASE = 0x40000000


def msr_name(index: int) -> str:
    """Name a register; empty where the tables do not have it.

    >>> msr_name(0x6E0), msr_name(0x80B), msr_name(0x400000B1), msr_name(0x99)
    ('TSC_DEADLINE', 'x2APIC EOI', 'Hyper-V synthetic timer 0 count', '')
    """
    if index in _NAMES:
        return _NAMES[index]
    if _X2APIC_BASE <= index < _X2APIC_BASE + 0x100:
        return f"x2APIC {_x2apic(index - _X2APIC_BASE)}"
    if _HYPERV_BASE <= index < _HYPERV_BASE + 0x200:
        return f"Hyper-V {_hyperv(index - _HYPERV_BASE)}"
    return _counter(index)


def _x2apic(register: int) -> str:
    for first, name in ((0x10, "ISR"), (0x18, "TMR"), (0x20, "IRR")):
        if first <= register < first + 8:
            return f"{name} {register - first}"
    return _X2APIC.get(register, f"register {register:#x}")


def _hyperv(register: int) -> str:
    if 0x90 <= register <= 0x9F:
        return f"SINT {register - 0x90}"
    if 0xB0 <= register <= 0xB7:
        timer, count = divmod(register - 0xB0, 2)
        return f"synthetic timer {timer} {'count' if count else 'configuration'}"
    if 0x100 <= register <= 0x105:
        return "crash register"
    return _HYPERV.get(register, f"register {register:#x}")


def _counter(index: int) -> str:
    """Performance counters, which come in rows."""
    for first, size, name in (
        (0xC1, 8, "PMC"),
        (0x186, 8, "PERFEVTSEL"),
        (0x309, 4, "FIXED_CTR"),
        (0x4C1, 8, "PMC"),
        (0xC0010000, 4, "PERFEVTSEL"),
        (0xC0010004, 4, "PERFCTR"),
        (0xC0010200, 12, "PERF counter"),
    ):
        if first <= index < first + size:
            return f"{name} {index - first}"
    return ""
