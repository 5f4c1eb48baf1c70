; A process that computes for ever and asks the kernel for nothing but one line of output per UNITS_PER_LINE units.
; One unit is 1,000,000 rounds of the loop, so the count of units is the speed of the guest as the guest sees it.

%include "elf.inc"

%define ROUNDS_PER_UNIT 1000000
%define UNITS_PER_LINE  100

start:
    xor r12d, r12d                  ; units done
    mov r13d, 0x9e3779b9            ; something to compute with
.line:
    mov r14d, UNITS_PER_LINE
.unit:
    mov ecx, ROUNDS_PER_UNIT
.round:
    imul r13, r13, 0x01000193
    xor r13, rcx
    dec ecx
    jnz .round
    inc r12
    dec r14d
    jnz .unit
    mov rax, r12
    call print_progress
    jmp .line

%include "progress.inc"
file_bytes equ $ - $$
