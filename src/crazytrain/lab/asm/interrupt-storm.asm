; Boot sector: has a PCI network card raise its interrupt line, and never tells the card that it was heard, as a driver does
; that looks at the wrong card. The line stays up, so the interrupt comes again as soon as its handler has returned.
; The card is an e1000 in slot SLOT of bus 0: ICS (0xc8) raises a cause, IMS (0xd0) lets it through, reading ICR would quiet it.
; Every INTERRUPTS_PER_DOT times the handler writes one dot to the debug console.

%include "unreal.inc"

%define INTERRUPTS_PER_DOT 1000
%define SLOT_ADDRESS   (0x80000000 | (SLOT << 11))
%define COMMAND        0x04
%define BAR0           0x10
%define LINE           0x3c
%define MEMORY_ENABLED 2
%define ICS            0xc8
%define IMS            0xd0
%define LINK_CHANGED   4
%define SLAVE_VECTOR   0x70         ; of IRQ 8

    enter_unreal
    mov eax, SLOT_ADDRESS | COMMAND
    call pci
    in eax, dx
    or al, MEMORY_ENABLED
    out dx, eax
    mov eax, SLOT_ADDRESS | LINE
    call pci
    in al, dx                       ; the firmware chose IRQ 10 or 11
    mov cl, al
    sub cl, 8
    movzx bx, cl
    add bx, SLAVE_VECTOR
    shl bx, 2
    mov word [bx], on_interrupt
    mov [bx + 2], ds
    mov al, 1
    shl al, cl
    not al
    out 0xa1, al                    ; of the interrupt lines only this one is let through
    mov al, 0xfb
    out 0x21, al
    mov eax, SLOT_ADDRESS | BAR0
    call pci
    in eax, dx
    and eax, 0xfffffff0
    mov esi, eax
    mov dword [esi + IMS], LINK_CHANGED
    mov dword [esi + ICS], LINK_CHANGED
    sti
sleep:
    hlt
    jmp sleep

on_interrupt:
    dec word [left]
    jnz .heard
    mov word [left], INTERRUPTS_PER_DOT
    mov al, '.'
    out DEBUGCON, al
.heard:
    mov al, 0x20
    out 0xa0, al
    out 0x20, al
    iret

; pci: eax = bus, device, function and register   gives: dx = the port of its data
pci:
    mov dx, 0xcf8
    out dx, eax
    mov dx, 0xcfc
    ret

left: dw INTERRUPTS_PER_DOT

    unreal_table
    times 510 - ($ - $$) db 0
    dw 0xaa55
