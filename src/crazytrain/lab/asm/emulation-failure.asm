; Boot sector: writes one dot to the debug console, then loads an 80-bit floating-point number from an address where neither
; memory nor a device is. KVM has to do such an access for the guest, and this instruction it does not know.

%include "flat.inc"

%define NOWHERE 0xe0000000

    enter_flat fail

fail:
    flat_start
    mov al, '.'
    out DEBUGCON, al
    fninit
    fld tword [NOWHERE]
dead:
    hlt
    jmp dead

    boot_sector_end
