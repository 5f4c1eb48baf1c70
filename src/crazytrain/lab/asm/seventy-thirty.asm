; A process that keeps its CPU in the kernel, on two known paths, and measures their shares itself: PARTS_A of 100 parts of the
; time go to reading /dev/zero (the kernel clears pages), the rest to getrandom (the kernel computes ChaCha20).
; Whichever is behind its share by CLOCK_MONOTONIC goes next, so the split holds on any kernel, any host and under any load.
; About each second it prints "shares A B": milliseconds that each path took so far.

%include "elf.inc"

%define PARTS_A       70
%define CHUNK_A       65536
%define CHUNK_B       16384
%define NS_PER_LINE   1000000000
%define NS_PER_MS     1000000
%define SYS_open      2
%define SYS_getrandom 318

start:
    mov eax, SYS_open
    lea rdi, [rel zero]
    xor esi, esi
    syscall
    test eax, eax
    js .end
    mov ebp, eax                    ; /dev/zero
    call random                     ; the first one waits until the kernel has enough entropy
    xor r12d, r12d                  ; ns on path A
    xor r13d, r13d                  ; ns on path B
    call now
    mov r14, rax                    ; when the last one ended
    lea r15, [rax + NS_PER_LINE]    ; when to print
.next:
    imul rax, r12, 100 - PARTS_A
    imul rcx, r13, PARTS_A
    cmp rax, rcx
    ja .b
    xor eax, eax                    ; read(zero, buffer, CHUNK_A)
    mov edi, ebp
    lea rsi, [rel buffer]
    mov edx, CHUNK_A
    syscall
    call lap
    add r12, rax
    jmp .told
.b:
    call random
    call lap
    add r13, rax
.told:
    cmp r14, r15
    jb .next
    lea r15, [r14 + NS_PER_LINE]
    call print_shares
    jmp .next
.end:
    mov edi, 1
    mov eax, SYS_exit
    syscall

; random: CHUNK_B random bytes into the buffer   changes: rax, rcx, rdx, rsi, rdi, r11
random:
    mov eax, SYS_getrandom
    lea rdi, [rel buffer]
    mov esi, CHUNK_B
    xor edx, edx
    syscall
    ret

; lap: rax = ns since r14, which becomes now   changes: rcx, rdx, rsi, rdi, r11
lap:
    call now
    mov rcx, rax
    sub rax, r14
    mov r14, rcx
    ret

; now: rax = CLOCK_MONOTONIC in ns   changes: rcx, rsi, rdi, r11
now:
    mov eax, SYS_clock_gettime
    mov edi, CLOCK_MONOTONIC
    lea rsi, [rel scratch]
    syscall
    imul rax, [rel scratch], 1000000000
    add rax, [rel scratch + 8]
    ret

; print_shares: "shares A B\n"   changes: rax, rcx, rdx, rsi, rdi, r8, r11
print_shares:
    lea rsi, [rel line_end]
    mov rax, r13
    call digits
    dec rsi
    mov byte [rsi], ' '
    mov rax, r12
    call digits
    sub rsi, 7
    mov rax, "shares "
    mov ecx, eax
    mov [rsi], ecx
    shr rax, 32
    mov [rsi + 4], ax
    shr rax, 16
    mov [rsi + 6], al
    lea rdx, [rel line_end + 1]
    sub rdx, rsi
    mov edi, STDOUT
    mov eax, SYS_write
    syscall
    ret

; digits: rax (ns) in ms, written backwards before rsi   changes: rax, rdx, r8
digits:
    mov r8d, NS_PER_MS
    xor edx, edx
    div r8
    mov r8d, 10
.digit:
    xor edx, edx
    div r8
    add dl, '0'
    dec rsi
    mov [rsi], dl
    test rax, rax
    jnz .digit
    ret

zero:
    db "/dev/zero", 0
line:
    times 63 db ' '
line_end:
    db 10
buffer:
    times CHUNK_A db 0
file_bytes equ $ - $$
scratch:
