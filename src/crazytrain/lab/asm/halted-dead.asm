; Boot sector: lives for a while (a dot at each of TICKS ticks of the firmware's timer), then turns interrupts off and halts:
; what a system does that has given up, or forgot to turn them on again. Nothing but a reset or an NMI can wake it.

%define DEBUGCON 0xe9
%define TICKS    5

bits 16
org 0x7c00

    sti
    mov cx, TICKS
live:
    hlt
    mov al, '.'
    out DEBUGCON, al
    loop live
    cli
dead:
    hlt
    jmp dead

    times 510 - ($ - $$) db 0
    dw 0xaa55
