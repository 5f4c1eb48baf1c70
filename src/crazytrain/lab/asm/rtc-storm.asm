; Sets the real-time clock chip to its fastest periodic interrupt, 8,192 a second, and ends.
; It talks to the chip itself (ports 0x70 and 0x71): since Linux 2.6.38 RTC_PIE_ON on /dev/rtc0 only starts a kernel timer
; on the local APIC and leaves the chip alone. The kernel's own rtc_cmos driver answers each interrupt on IRQ 8.

%include "elf.inc"

%define INDEX_PORT  0x70
%define DATA_PORT   0x71
%define REGISTER_A  0x0a
%define REGISTER_B  0x0b
%define REGISTER_C  0x0c
%define BASE_32KHZ  0x20            ; register A: the usual time base
%define RATE_8192HZ 0x03            ; register A: 32,768 >> (3 - 1)
%define PERIODIC    0x40            ; register B: periodic interrupt enable

start:
    mov eax, SYS_ioperm
    mov edi, INDEX_PORT
    mov esi, 2
    mov edx, 1
    syscall
    test eax, eax
    jnz .end
    mov al, REGISTER_A
    out INDEX_PORT, al
    mov al, BASE_32KHZ | RATE_8192HZ
    out DATA_PORT, al
    mov al, REGISTER_B
    out INDEX_PORT, al
    in al, DATA_PORT
    or al, PERIODIC
    mov ah, al
    mov al, REGISTER_B
    out INDEX_PORT, al
    mov al, ah
    out DATA_PORT, al
    mov al, REGISTER_C              ; reading it acknowledges what was pending
    out INDEX_PORT, al
    in al, DATA_PORT
    xor eax, eax
.end:
    mov edi, eax
    neg edi                         ; the exit code is the errno of ioperm, 0 if all is well
    mov eax, SYS_exit
    syscall

file_bytes equ $ - $$
