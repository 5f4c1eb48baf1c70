; Boot sector: sets the PIT's channel 0 to a period of DIVISOR / 1,193,182 s and sleeps between its interrupts.
; The handler acknowledges each one at the PIC and counts it; every TICKS_PER_DOT ticks a dot goes to the debug console.

%define TICKS_PER_DOT 500
%define DEBUGCON      0xe9
%define PIT_CHANNEL_0 0x40
%define PIT_MODE      0x43
%define RATE_GENERATOR 0x34         ; channel 0, low then high byte, mode 2
%define PIC_COMMAND   0x20
%define PIC_MASK      0x21
%define END_OF_INTERRUPT 0x20
%define IRQ_0_VECTOR  8             ; as the firmware leaves the PIC

bits 16
org 0x7c00

    cli
    xor ax, ax
    mov ds, ax
    mov ss, ax
    mov sp, 0x7c00
    mov word [IRQ_0_VECTOR * 4], tick
    mov [IRQ_0_VECTOR * 4 + 2], ax
    mov bx, TICKS_PER_DOT
    mov al, 0xfe                    ; no other interrupt
    out PIC_MASK, al
    mov al, RATE_GENERATOR
    out PIT_MODE, al
    mov al, DIVISOR & 0xff
    out PIT_CHANNEL_0, al
    mov al, DIVISOR >> 8
    out PIT_CHANNEL_0, al
    sti
sleep:
    hlt
    jmp sleep

tick:
    push ax
    mov al, END_OF_INTERRUPT
    out PIC_COMMAND, al
    dec bx
    jnz .done
    mov bx, TICKS_PER_DOT
    mov al, '.'
    out DEBUGCON, al
.done:
    pop ax
    iret

    times 510 - ($ - $$) db 0
    dw 0xaa55
