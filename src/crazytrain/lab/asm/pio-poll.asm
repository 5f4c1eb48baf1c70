; Boot sector: reads one I/O port without end, as a driver does that waits for a device which never gets ready.
; Every POLLS_PER_DOT reads it writes one dot to the debug console, so the guest counts its own speed.
; PORT is set by the caller (nasm -D PORT=0x3fd).

%define POLLS_PER_DOT 2500
%define DEBUGCON      0xe9

bits 16
org 0x7c00

    cli
again:
    mov ecx, POLLS_PER_DOT
    mov dx, PORT
poll:
    in al, dx
    dec ecx
    jnz poll
    mov al, '.'
    out DEBUGCON, al
    jmp again

    times 510 - ($ - $$) db 0
    dw 0xaa55
