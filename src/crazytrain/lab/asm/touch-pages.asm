; Boot sector: writes once to each of PAGES pages of its memory, and then, at each tick of the firmware's timer (18.2 a
; second), to the next of them, and one dot to the debug console.

%include "unreal.inc"

%define FIRST 0x200000
%define PAGES 12288                 ; 48 MiB
%define PAGE  4096

    enter_unreal
    mov edi, FIRST
    mov eax, 0x55555555
    mov ecx, PAGES
fill:
    mov [edi], eax                  ; not zero: such a page has to be sent as it is
    add edi, PAGE
    dec ecx
    jnz fill
again:
    mov edi, FIRST
touch:
    sti
    hlt
    inc dword [edi]
    mov al, '.'
    out DEBUGCON, al
    add edi, PAGE
    cmp edi, FIRST + PAGES * PAGE
    jb touch
    jmp again

    unreal_table
    times 510 - ($ - $$) db 0
    dw 0xaa55
