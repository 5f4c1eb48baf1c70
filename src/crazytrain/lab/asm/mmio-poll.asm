; Boot sector: reads one register of a PCI network card in its memory, as a driver does that waits for a status bit which
; never comes. The card is an e1000 in slot SLOT of bus 0; the register is STATUS (offset 8), the bit is one that this
; model never sets. Every POLLS_PER_DOT reads it writes one dot to the debug console, so the guest counts its own speed.

%include "flat.inc"

%define POLLS_PER_DOT  1000
%define PCI_ADDRESS    0xcf8
%define PCI_DATA       0xcfc
%define SLOT_ADDRESS   (0x80000000 | (SLOT << 11))
%define COMMAND        0x04
%define BAR0           0x10
%define MEMORY_ENABLED 2
%define STATUS         8
%define NEVER_SET      0x40000000

    enter_flat poll

poll:
    flat_start
    mov eax, SLOT_ADDRESS | COMMAND
    call pci
    in eax, dx
    or al, MEMORY_ENABLED
    out dx, eax
    mov eax, SLOT_ADDRESS | BAR0
    call pci
    in eax, dx
    and eax, 0xfffffff0
    mov esi, eax
dot:
    mov ecx, POLLS_PER_DOT
again:
    mov eax, [esi + STATUS]
    test eax, NEVER_SET
    jnz done
    dec ecx
    jnz again
    mov al, '.'
    out DEBUGCON, al
    jmp dot
done:
    cli
    hlt
    jmp done

; pci: eax = bus, device, function and register   gives: dx = the port of its data
pci:
    mov dx, PCI_ADDRESS
    out dx, eax
    mov dx, PCI_DATA
    ret

    boot_sector_end
