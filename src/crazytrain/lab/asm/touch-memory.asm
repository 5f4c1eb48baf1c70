; A process that writes to one page after the other of MEMORY_BYTES, round and round: more than the guest's memory, so that
; its kernel has to swap. It prints how many pages it wrote to: "progress N", N in units of PAGES_PER_UNIT.

%include "elf.inc"

%define SYS_brk        12
%define MEMORY_BYTES   0xa000000         ; 160 MiB
%define PAGE_BYTES     4096
%define PAGES_PER_UNIT 10000

start:
    xor edi, edi
    call brk
    mov rbx, rax                    ; where the memory begins
    lea rdi, [rbx + MEMORY_BYTES]
    call brk
    cmp rax, rdi
    jb .end                         ; refused
    mov rbp, rdi                    ; where it ends
    xor r12d, r12d                  ; units done
    mov r13d, PAGES_PER_UNIT        ; pages left of this one
.round:
    mov r14, rbx
.page:
    inc qword [r14]
    dec r13d
    jnz .next
    inc r12
    mov rax, r12
    call print_progress
    mov r13d, PAGES_PER_UNIT
.next:
    add r14, PAGE_BYTES
    cmp r14, rbp
    jb .page
    jmp .round
.end:
    mov edi, 1
    mov eax, SYS_exit
    syscall

; brk: rdi = the new end, 0 to ask   returns: rax = the end   changes: rcx, r11
brk:
    mov eax, SYS_brk
    syscall
    ret

%include "progress.inc"
file_bytes equ $ - $$
