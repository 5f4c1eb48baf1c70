; Boot sector: a screen of 320 x 200 points in 256 colours (VGA mode 0x13) whose every point is new at each tick of the
; firmware's timer (18.2 a second); between ticks it sleeps. At each screen it writes one dot to the debug console.

%define DEBUGCON 0xe9
%define NOISE    0x2000             ; segment of 64 KiB of noise, copied from another place each time
%define SCREEN   0xa000
%define STEP     4110              ; even: a word must not cross the end of the segment

bits 16
org 0x7c00

    cld
    xor ax, ax
    mov ss, ax
    mov sp, 0x7c00
    mov ax, 0x13
    int 0x10
    mov ax, NOISE
    mov es, ax
    mov ds, ax
    xor di, di
    mov eax, 0x2545f491
    mov cx, 0x4000
fill:                               ; Marsaglia's xorshift
    mov edx, eax
    shl edx, 13
    xor eax, edx
    mov edx, eax
    shr edx, 17
    xor eax, edx
    mov edx, eax
    shl edx, 5
    xor eax, edx
    stosd
    loop fill
    mov ax, SCREEN
    mov es, ax
    xor bx, bx
    sti
again:
    hlt
    add bx, STEP
    mov si, bx
    xor di, di
    mov cx, 320 * 200 / 2
    rep movsw
    mov al, '.'
    out DEBUGCON, al
    jmp again

    times 510 - ($ - $$) db 0
    dw 0xaa55
