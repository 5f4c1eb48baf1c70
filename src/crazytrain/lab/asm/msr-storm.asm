; Boot sector: reads one model-specific register without end, as an old delay loop does that waits for the local APIC's
; timer to count down: x2APIC's current count, which KVM makes up at each read.
; Every READS_PER_DOT reads it writes one dot to the debug console, so the guest counts its own speed.

%define READS_PER_DOT    1000
%define DEBUGCON         0xe9
%define APIC_BASE        0x1b
%define X2APIC_ENABLED   0xc00
%define CURRENT_COUNT    0x839

bits 16
org 0x7c00

    cli
    mov ecx, APIC_BASE
    rdmsr
    or eax, X2APIC_ENABLED
    wrmsr
again:
    mov esi, READS_PER_DOT
    mov ecx, CURRENT_COUNT
read:
    rdmsr
    dec esi
    jnz read
    mov al, '.'
    out DEBUGCON, al
    jmp again

    times 510 - ($ - $$) db 0
    dw 0xaa55
