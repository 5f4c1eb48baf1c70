; Boot sector: the local APIC's timer interrupts all the time; at each interrupt the guest arms the next one, CYCLES of the
; TSC later (x2APIC and TSC-deadline mode, as Linux uses them). Between interrupts it sleeps.
; Every TICKS_PER_DOT ticks a dot goes to the debug console.

%define TICKS_PER_DOT     500
%define DEBUGCON          0xe9
%define VECTOR            0x40
%define PIC_MASK_1        0x21
%define PIC_MASK_2        0xa1
%define ALL_LINES         0xff
%define APIC_BASE         0x1b
%define X2APIC_ENABLED    0xc00
%define EOI               0x80b
%define SPURIOUS          0x80f
%define SOFTWARE_ENABLED  0x1ff
%define LVT_TIMER         0x832
%define TSC_DEADLINE_MODE (2 << 17)
%define TSC_DEADLINE      0x6e0

%macro write_msr 2                  ; changes: eax, ecx, edx
    mov ecx, %1
    mov eax, %2
    xor edx, edx
    wrmsr
%endmacro

bits 16
org 0x7c00

    cli
    xor ax, ax
    mov ds, ax
    mov ss, ax
    mov sp, 0x7c00
    mov word [VECTOR * 4], tick
    mov [VECTOR * 4 + 2], ax
    mov al, ALL_LINES               ; nothing from the old interrupt controllers
    out PIC_MASK_1, al
    out PIC_MASK_2, al
    mov ecx, APIC_BASE
    rdmsr
    or eax, X2APIC_ENABLED
    wrmsr
    write_msr SPURIOUS, SOFTWARE_ENABLED
    write_msr LVT_TIMER, TSC_DEADLINE_MODE | VECTOR
    mov ebx, TICKS_PER_DOT
    call arm
    sti
sleep:
    hlt
    jmp sleep

tick:
    dec ebx
    jnz .next
    mov ebx, TICKS_PER_DOT
    mov al, '.'
    out DEBUGCON, al
.next:
    call arm
    write_msr EOI, 0
    iret

arm:
    rdtsc
    add eax, CYCLES
    adc edx, 0
    mov ecx, TSC_DEADLINE
    wrmsr
    ret

    times 510 - ($ - $$) db 0
    dw 0xaa55
