; A process that asks for the time without end, by the system call (what the C library does, too, where the kernel's clock
; cannot be read in user space), and prints how often it did so: "progress N", N in units of ASKED_PER_UNIT.

%include "elf.inc"

%define ASKED_PER_UNIT 10000

start:
    xor r12d, r12d                  ; units done
.unit:
    mov r13d, ASKED_PER_UNIT
.ask:
    mov eax, SYS_clock_gettime
    mov edi, CLOCK_MONOTONIC
    lea rsi, [rel scratch]
    syscall
    dec r13d
    jnz .ask
    inc r12
    mov rax, r12
    call print_progress
    jmp .unit

%include "progress.inc"
file_bytes equ $ - $$
scratch:
