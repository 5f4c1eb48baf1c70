; Boot sector: writes one dot to the debug console, then makes a triple fault: an invalid instruction, and no table of
; interrupts. The processor shuts down, the machine is reset, the firmware starts again, and so does this.

%include "flat.inc"

    enter_flat crash

crash:
    flat_start
    mov al, '.'
    out DEBUGCON, al
    lidt [no_interrupts]
    ud2

no_interrupts:
    dw 0
    dd 0

    boot_sector_end
