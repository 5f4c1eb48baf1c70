; Boot sector: sleeps with interrupts on and wakes at each tick of the firmware's timer (18.2 a second), as an idle system
; does. At each tick it writes one dot to the debug console.

%define DEBUGCON 0xe9

bits 16
org 0x7c00

    sti
sleep:
    hlt
    mov al, '.'
    out DEBUGCON, al
    jmp sleep

    times 510 - ($ - $$) db 0
    dw 0xaa55
