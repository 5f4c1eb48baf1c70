; Boot sector: turns on kvmclock, waits for one deadline after the other and writes a dot to the debug console at each.
; Deadlines are compared as the guest kernels do it, by the sign of the difference: when the clock is set back, the
; guest waits, busily, until the old time comes again.
;
; Guest memory at physical PAGE, for whoever reads it from outside:
;   +0x00 struct pvclock_vcpu_time_info: version u32, pad u32, tsc_timestamp u64, system_time u64 (ns),
;         tsc_to_system_mul u32, tsc_shift s8, flags u8, pad
;   +0x40 16 bytes of marker   +0x50 rounds of the wait loop, u64   +0x58 dots, u32   +0x60 deadline, u64 (ns)

%define PAGE            0x8000
%define KVM_SYSTEM_TIME 0x4b564d01  ; MSR_KVM_SYSTEM_TIME_NEW
%define DEADLINE_NS     100000000
%define DEBUGCON        0xe9

%define VERSION      0x00
%define TSC_STAMP    0x08
%define SYSTEM_TIME  0x10
%define TSC_MUL      0x18
%define TSC_SHIFT    0x1c
%define MARKER       0x40
%define ROUNDS       0x50
%define DOTS         0x58
%define DEADLINE     0x60

bits 16
org 0x7c00

    cli
    cld
    xor ax, ax
    mov ss, ax
    mov sp, 0x7c00
    mov ds, ax
    mov ax, PAGE >> 4
    mov es, ax
    xor di, di
    mov cx, 0x80
    xor al, al
    rep stosb
    mov si, marker
    mov di, MARKER
    mov cx, 16
    rep movsb
    push es
    pop ds
    mov ecx, KVM_SYSTEM_TIME
    mov eax, PAGE | 1
    xor edx, edx
    wrmsr
    call now
    mov [DEADLINE], eax
    mov [DEADLINE + 4], edx

next_deadline:
    add dword [DEADLINE], DEADLINE_NS
    adc dword [DEADLINE + 4], 0
wait_for_it:
    add dword [ROUNDS], 1
    adc dword [ROUNDS + 4], 0
    call now
    sub eax, [DEADLINE]
    sbb edx, [DEADLINE + 4]
    js wait_for_it
    mov al, '.'
    out DEBUGCON, al
    inc dword [DOTS]
    jmp next_deadline

; now: edx:eax = kvmclock in ns = system_time + ((tsc - tsc_timestamp) << tsc_shift) * tsc_to_system_mul >> 32
; changes: ebx, ecx, esi, edi
now:
    mov ebx, [VERSION]
    test bl, 1                      ; odd: the host is writing
    jnz now
    rdtsc
    sub eax, [TSC_STAMP]
    sbb edx, [TSC_STAMP + 4]
    mov cl, [TSC_SHIFT]
    test cl, cl
    js .right
    shld edx, eax, cl
    shl eax, cl
    jmp .scale
.right:
    neg cl
    shrd eax, edx, cl
    shr edx, cl
.scale:
    mov esi, edx
    mul dword [TSC_MUL]
    mov edi, edx                    ; upper half of low * mul
    mov eax, esi
    mul dword [TSC_MUL]
    add eax, edi
    adc edx, 0
    add eax, [SYSTEM_TIME]
    adc edx, [SYSTEM_TIME + 4]
    cmp ebx, [VERSION]
    jne now
    ret

marker:
    db "CRAZYTRAIN-CLOCK"

    times 510 - ($ - $$) db 0
    dw 0xaa55
