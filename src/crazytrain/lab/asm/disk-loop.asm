; Boot sector: asks its IDE disk for 64 KiB after 64 KiB by DMA, all over the disk and round again, and sleeps (HLT)
; until the disk's interrupt tells that each is done: as an operating system does, so the vCPU has time to spare.
; Every REQUESTS_PER_DOT requests it writes one dot to the debug console, so the guest counts its own speed.
; COMMAND is set by the caller: 0xc8 READ DMA, 0xca WRITE DMA (ATA-4). SECTORS is the size of the disk.
; The disk is the master of the PIIX3's first channel (PCI 0:1.1): registers as in Intel's 290550 and SFF-8038i.

%define REQUESTS_PER_DOT 50
%define DEBUGCON      0xe9
%define AT_ONCE       128           ; sectors
%define FIRST         AT_ONCE       ; the boot sector is left alone
%define BUFFER        0x10000
%define PRD           0x6000        ; table of physical regions: one
%define IRQ14         0x76 * 4
%define READ_DMA      0xc8

%if COMMAND == READ_DMA
    %define TO_MEMORY 8
%else
    %define TO_MEMORY 0
%endif

bits 16
org 0x7c00

    cli
    xor ax, ax
    mov ds, ax
    mov ss, ax
    mov sp, 0x7c00
    mov word [IRQ14], on_interrupt
    mov [IRQ14 + 2], ax
    mov al, 0xbf                    ; of the interrupt lines only IRQ 14 is let through
    out 0xa1, al
    mov al, 0xfb
    out 0x21, al
    mov eax, 0x80000904             ; PCI command: I/O ports and bus master
    call select
    in eax, dx
    or al, 5
    out dx, eax
    mov eax, 0x80000920             ; BAR 4: the bus master's ports
    call select
    in eax, dx
    and al, 0xf0
    mov [ports], ax
    mov dx, 0x3f6                   ; let the disk interrupt
    xor al, al
    out dx, al
    mov dword [PRD], BUFFER
    mov dword [PRD + 4], 0x80000000 ; the last region, 64 KiB

again:
    mov cx, REQUESTS_PER_DOT
request:
    call transfer
    add dword [place], AT_ONCE
    cmp dword [place], SECTORS
    jb .more
    mov dword [place], FIRST
.more:
    loop request
    mov al, '.'
    out DEBUGCON, al
    jmp again

transfer:
    mov dx, [ports]
    add dx, 4
    mov eax, PRD
    out dx, eax
    sub dx, 2
    mov al, 6                       ; forget old interrupt and error
    out dx, al
    sub dx, 2
    mov al, TO_MEMORY
    out dx, al
    mov dx, 0x1f2
    mov al, AT_ONCE
    out dx, al
    mov eax, [place]
    inc dx
    out dx, al
    shr eax, 8
    inc dx
    out dx, al
    shr eax, 8
    inc dx
    out dx, al
    mov al, ah
    or al, 0xe0                     ; LBA, master
    inc dx
    out dx, al
    mov byte [done], 0
    inc dx
    mov al, COMMAND
    out dx, al
    mov dx, [ports]
    mov al, TO_MEMORY | 1
    out dx, al
.sleep:
    cli
    cmp byte [done], 0
    jne .end
    sti
    hlt
    jmp .sleep
.end:
    mov dx, [ports]
    xor al, al
    out dx, al
    ret

on_interrupt:
    push ax
    push dx
    mov dx, 0x1f7                   ; reading the status quiets the disk
    in al, dx
    mov byte [done], 1
    mov al, 0x20
    out 0xa0, al
    out 0x20, al
    pop dx
    pop ax
    iret

select:
    mov dx, 0xcf8
    out dx, eax
    mov dx, 0xcfc
    ret

place: dd FIRST
ports: dw 0
done:  db 0

    times 510 - ($ - $$) db 0
    dw 0xaa55
