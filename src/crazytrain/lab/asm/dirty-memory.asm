; Boot sector: fills PAGES pages of its memory with the firmware's bytes, then writes to each of them, round and round
; without rest, so that a live migration of it never comes to an end. At each tick of the firmware's timer (18.2 a
; second) it writes one dot to the debug console.

%include "unreal.inc"

%define FIRST    0x200000
%define PAGES    1024
%define PAGE     4096
%define FIRMWARE 0xe0000            ; 128 KiB
%define TICKS    0x46c              ; the firmware's count

    enter_unreal
    mov edi, FIRST
fill:
    mov esi, FIRMWARE
    mov ecx, 0x20000 / 4
    a32 rep movsd
    cmp edi, FIRST + PAGES * PAGE
    jb fill
    sti
round:
    inc dword [count]
    mov eax, [count]
    mov edi, FIRST
    mov ecx, PAGES
write:
    mov [edi], eax
    add edi, PAGE
    dec ecx
    jnz write
    mov al, [TICKS]
    cmp al, [tick]
    je round
    mov [tick], al
    mov al, '.'
    out DEBUGCON, al
    jmp round

count: dd 0
tick:  db 0
    unreal_table
    times 510 - ($ - $$) db 0
    dw 0xaa55
