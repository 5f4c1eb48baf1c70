; Boot sector: at each tick of the firmware's timer (18.2 a second) it reads one sector of each of the first two disks by the
; firmware, as a guest that has next to nothing to do with its disks, and writes one dot to the debug console.

%define DEBUGCON   0xe9
%define FIRST_DISK 0x80
%define LAST_DISK  0x81
%define EXTENDED_READ 0x42

bits 16
org 0x7c00

    cli
    xor ax, ax
    mov ds, ax
    mov ss, ax
    mov sp, 0x7c00
again:
    sti
    hlt
    mov dl, FIRST_DISK
disk:
    push dx
    mov ah, EXTENDED_READ
    mov si, packet
    int 0x13
    pop dx
    inc dl
    cmp dl, LAST_DISK
    jbe disk
    mov al, '.'
    out DEBUGCON, al
    jmp again

    align 4, db 0
packet:
    db 16, 0
    dw 1                            ; one sector,
    dw 0, 0x1000                    ; to 0x10000,
    dq 0                            ; the first one

    times 510 - ($ - $$) db 0
    dw 0xaa55
