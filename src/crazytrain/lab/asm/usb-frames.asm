; Boot sector: starts a UHCI controller (Intel's UHCI design guide, revision 1.1) with an empty list of frames, as a system
; does that has found a device on it, and sleeps. Every frame is a millisecond, and the controller looks at each one.
; At each tick of the firmware's timer (18.2 a second) it writes one dot to the debug console.
; SLOT is set by the caller: the controller is function 0 of PCI device 0:SLOT.

%define DEBUGCON   0xe9
%define CONFIG     0x80000000 | SLOT << 11
%define FRAMES     0x1000           ; segment of the list: 1,024 pointers
%define TERMINATE  1
%define USBCMD     0                ; bit 0: run, bit 6: configured
%define USBINTR    4
%define FRNUM      6
%define FRBASEADD  8
%define PORTSC1    16               ; bit 2: port enabled

bits 16
org 0x7c00

    cli
    cld
    xor ax, ax
    mov ds, ax
    mov ax, FRAMES
    mov es, ax
    xor di, di
    mov eax, TERMINATE
    mov cx, 1024
    rep stosd
    mov eax, CONFIG | 4             ; PCI command: I/O ports and bus master
    call select
    in eax, dx
    or al, 5
    out dx, eax
    mov eax, CONFIG | 0x20          ; BAR 4: the controller's ports
    call select
    in eax, dx
    and al, 0xe0
    mov bx, ax
    lea dx, [bx + USBINTR]
    xor ax, ax
    out dx, ax
    lea dx, [bx + FRNUM]
    out dx, ax
    lea dx, [bx + FRBASEADD]
    mov eax, FRAMES << 4
    out dx, eax
    lea dx, [bx + PORTSC1]
    mov ax, 4
    out dx, ax
    lea dx, [bx + USBCMD]
    mov ax, 0x41
    out dx, ax
    sti
sleep:
    hlt
    mov al, '.'
    out DEBUGCON, al
    jmp sleep

select:
    mov dx, 0xcf8
    out dx, eax
    mov dx, 0xcfc
    ret

    times 510 - ($ - $$) db 0
    dw 0xaa55
