; A healthy process with real work: it computes in the first BUSY_NS of every PERIOD_NS and sleeps until the next one.
; The pulse ends by the clock and not by the amount of work, so a slow or loaded host does not raise the share.
; Every PERIODS_PER_LINE periods it prints how many units of work are done; one unit is 20,000 rounds of the loop.

%include "elf.inc"

%define PERIOD_NS        100000000
%define BUSY_NS          37000000
%define ROUNDS_PER_UNIT  20000
%define PERIODS_PER_LINE 2
%define NS_PER_S         1000000000

start:
    xor r12d, r12d                  ; units done
    mov r13d, 0x9e3779b9            ; something to compute with
    call now
    mov r15, rax                    ; when this period began
.line:
    mov r14d, PERIODS_PER_LINE
.period:
    lea rbp, [r15 + BUSY_NS]
.unit:
    mov ecx, ROUNDS_PER_UNIT
.round:
    imul r13, r13, 0x01000193
    xor r13, rcx
    dec ecx
    jnz .round
    inc r12
    call now
    cmp rax, rbp
    jb .unit
    add r15, PERIOD_NS
    cmp rax, r15
    jb .sleep
    mov r15, rax                    ; the host held us back for a whole period: do not catch up
    jmp .slept
.sleep:
    mov rax, r15
    call sleep_until
.slept:
    dec r14d
    jnz .period
    mov rax, r12
    call print_progress
    jmp .line

; now: rax = CLOCK_MONOTONIC in ns   changes: rcx, rdx, rsi, rdi, r11
now:
    mov eax, SYS_clock_gettime
    mov edi, CLOCK_MONOTONIC
    lea rsi, [rel scratch]
    syscall
    imul rax, [rel scratch], NS_PER_S
    add rax, [rel scratch + 8]
    ret

; sleep_until: rax = CLOCK_MONOTONIC in ns   changes: rax, rcx, rdx, rsi, rdi, r10, r11
sleep_until:
    xor edx, edx
    mov ecx, NS_PER_S
    div rcx
    mov [rel scratch], rax
    mov [rel scratch + 8], rdx
    mov eax, SYS_clock_nanosleep
    mov edi, CLOCK_MONOTONIC
    mov esi, TIMER_ABSTIME
    lea rdx, [rel scratch]
    xor r10d, r10d
    syscall
    ret

%include "progress.inc"
file_bytes equ $ - $$
scratch:
