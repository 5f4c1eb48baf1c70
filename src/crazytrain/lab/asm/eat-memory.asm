; A process that takes page after page and writes one byte to each, until the kernel kills it.

%include "elf.inc"

%define SYS_brk     12
%define STEP_BYTES  0x100000
%define PAGE_BYTES  4096

start:
    xor edi, edi
    call brk
    mov rbx, rax                    ; where the next page is
.more:
    lea rdi, [rbx + STEP_BYTES]
    call brk
    cmp rax, rdi
    jb .end                         ; refused: there is no more even on paper
    mov ecx, STEP_BYTES / PAGE_BYTES
.page:
    mov byte [rbx], 1
    add rbx, PAGE_BYTES
    dec ecx
    jnz .page
    jmp .more
.end:
    mov edi, 1
    mov eax, SYS_exit
    syscall

; brk: rdi = the new end, 0 to ask   returns: rax = the end   changes: rcx, r11
brk:
    mov eax, SYS_brk
    syscall
    ret

file_bytes equ $ - $$
