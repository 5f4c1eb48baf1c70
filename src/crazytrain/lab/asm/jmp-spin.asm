; Boot sector: says that it is there and jumps to itself for ever, as a boot loader does that gave up.
; INTERRUPTS is set by the caller: 0 spins with interrupts off, 1 with the firmware's timer interrupting 18.2 times a second.

%define DEBUGCON 0xe9

bits 16
org 0x7c00

%if INTERRUPTS
    sti
%else
    cli
%endif
    mov al, '.'
    out DEBUGCON, al
    jmp $

    times 510 - ($ - $$) db 0
    dw 0xaa55
