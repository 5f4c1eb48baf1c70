; Boot sector: lets an e1000 network card receive whatever comes (Intel's 8254x developer's manual, chapter 13), gives it
; its whole ring again at each tick of the firmware's timer (18.2 a second), and sleeps. At each tick in which
; something came it writes one dot to the debug console. SLOT is set by the caller: the card is PCI device 0:SLOT.0.

%include "unreal.inc"

%define CONFIG  0x80000000 | SLOT << 11
%define RING    0x100000
%define COUNT   4096                ; descriptors of 16 bytes
%define BUFFER  0x200000            ; one for all
%define CTRL    0x0000
%define RCTL    0x0100
%define RDBAL   0x2800
%define RDBAH   0x2804
%define RDLEN   0x2808
%define RDH     0x2810
%define RDT     0x2818
%define IMC     0x00d8

    enter_unreal
    mov eax, CONFIG | 4             ; PCI command: memory and bus master
    call select
    in eax, dx
    or al, 6
    out dx, eax
    mov eax, CONFIG | 0x10          ; BAR 0: the registers
    call select
    in eax, dx
    and al, 0xf0
    mov esi, eax
    mov edi, RING
    mov ecx, COUNT
descriptor:
    mov dword [edi], BUFFER
    xor eax, eax
    mov [edi + 4], eax
    mov [edi + 8], eax
    mov [edi + 12], eax
    add edi, 16
    dec ecx
    jnz descriptor
    mov dword [esi + IMC], 0xffffffff
    mov dword [esi + CTRL], 0x40    ; link up
    mov dword [esi + RDBAL], RING
    mov dword [esi + RDBAH], 0
    mov dword [esi + RDLEN], COUNT * 16
    mov dword [esi + RDH], 0
    mov dword [esi + RDT], COUNT - 1
    mov dword [esi + RCTL], 0x801a  ; receive all: enabled, promiscuous, broadcast
    sti
tick:
    hlt
    mov eax, [esi + RDH]
    cmp eax, [last]
    je tick
    mov [last], eax
    dec eax
    and eax, COUNT - 1
    mov [esi + RDT], eax
    mov al, '.'
    out DEBUGCON, al
    jmp tick

select:
    mov dx, 0xcf8
    out dx, eax
    mov dx, 0xcfc
    ret

last: dd 0
    unreal_table
    times 510 - ($ - $$) db 0
    dw 0xaa55
