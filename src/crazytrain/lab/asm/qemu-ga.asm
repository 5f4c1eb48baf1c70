; An agent of the kind that spins: it waits for its port (standard input), reads what is there, and begins anew. While nobody
; holds the port's other side the wait ends at once (POLLHUP) and the read gives 0 bytes: the program does not mind.
; It prints how often it did so: "progress N", N in units of TURNS_PER_UNIT.

%include "elf.inc"

%define SYS_poll       7
%define POLLIN         1
%define READ_BYTES     1024
%define TURNS_PER_UNIT 10000

start:
    xor r12d, r12d                  ; units done
.unit:
    mov r13d, TURNS_PER_UNIT
.turn:
    mov eax, SYS_poll
    lea rdi, [rel port]
    mov esi, 1
    mov edx, -1                     ; as long as it takes
    syscall
    xor edi, edi
    lea rsi, [rel scratch]
    mov edx, READ_BYTES
    mov eax, SYS_read
    syscall
    dec r13d
    jnz .turn
    inc r12
    mov rax, r12
    call print_progress
    jmp .unit

port:
    dd 0                            ; standard input
    dw POLLIN, 0

%include "progress.inc"
file_bytes equ $ - $$
scratch:
