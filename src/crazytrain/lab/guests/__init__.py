"""The guests of the lab, one a file. The healthy ones come first."""

from crazytrain.lab.errors import NoSuchLabGuest
from crazytrain.lab.guest import LabGuest
from crazytrain.lab.guests.agent_spin import AGENT_SPIN
from crazytrain.lab.guests.apic_timer_storm import APIC_TIMER_STORM
from crazytrain.lab.guests.balloon import BALLOON
from crazytrain.lab.guests.blocked_io import BLOCKED_IO
from crazytrain.lab.guests.busy import BUSY
from crazytrain.lab.guests.cpu_starved import CPU_STARVED
from crazytrain.lab.guests.dead_client import DEAD_CLIENT
from crazytrain.lab.guests.disk_heavy import DISK_HEAVY
from crazytrain.lab.guests.emulation_failure import EMULATION_FAILURE
from crazytrain.lab.guests.enospc import ENOSPC
from crazytrain.lab.guests.fork_storm import FORK_STORM
from crazytrain.lab.guests.frozen import FROZEN
from crazytrain.lab.guests.halted_dead import HALTED_DEAD
from crazytrain.lab.guests.hlt_idle import HLT_IDLE
from crazytrain.lab.guests.hung_task import HUNG_TASK
from crazytrain.lab.guests.idle import IDLE
from crazytrain.lab.guests.idle_poll import IDLE_POLL
from crazytrain.lab.guests.interrupt_storm import INTERRUPT_STORM
from crazytrain.lab.guests.iothread_poll import IOTHREAD_POLL
from crazytrain.lab.guests.irq_off_spin import IRQ_OFF_SPIN
from crazytrain.lab.guests.jmp_spin import JMP_SPIN
from crazytrain.lab.guests.jmp_spin_irq import JMP_SPIN_IRQ
from crazytrain.lab.guests.kvmclock_jump import KVMCLOCK_JUMP
from crazytrain.lab.guests.linux_reboots import LINUX_REBOOTS
from crazytrain.lab.guests.lost_interrupt import LOST_INTERRUPT
from crazytrain.lab.guests.migrating import MIGRATING
from crazytrain.lab.guests.mmio_poll import MMIO_POLL
from crazytrain.lab.guests.monitor_hung import MONITOR_HUNG
from crazytrain.lab.guests.msr_storm import MSR_STORM
from crazytrain.lab.guests.net_flood import NET_FLOOD
from crazytrain.lab.guests.no_boot import NO_BOOT
from crazytrain.lab.guests.oom import OOM
from crazytrain.lab.guests.panic_spin import PANIC_SPIN
from crazytrain.lab.guests.paused import PAUSED
from crazytrain.lab.guests.pio_poll import PIO_POLL
from crazytrain.lab.guests.pit_storm import PIT_STORM
from crazytrain.lab.guests.pit_storm_qemu import PIT_STORM_QEMU
from crazytrain.lab.guests.postcopy import POSTCOPY
from crazytrain.lab.guests.reboot_loop import REBOOT_LOOP
from crazytrain.lab.guests.rtc_storm import RTC_STORM
from crazytrain.lab.guests.seventy_thirty import SEVENTY_THIRTY
from crazytrain.lab.guests.slow_clock import SLOW_CLOCK
from crazytrain.lab.guests.soft_lockup import SOFT_LOCKUP
from crazytrain.lab.guests.spinlock import SPINLOCK
from crazytrain.lab.guests.storage_stall import STORAGE_STALL
from crazytrain.lab.guests.thrash import THRASH
from crazytrain.lab.guests.triple_fault import TRIPLE_FAULT
from crazytrain.lab.guests.truth import TRUTH
from crazytrain.lab.guests.tsc_unstable import TSC_UNSTABLE
from crazytrain.lab.guests.usb_polling import USB_POLLING
from crazytrain.lab.guests.user_spin import USER_SPIN
from crazytrain.lab.guests.vnc_load import VNC_LOAD

GUESTS: tuple[LabGuest, ...] = (
    IDLE,
    BUSY,
    HLT_IDLE,
    USER_SPIN,
    RTC_STORM,
    PANIC_SPIN,
    PIO_POLL,
    KVMCLOCK_JUMP,
    STORAGE_STALL,
    BLOCKED_IO,
    APIC_TIMER_STORM,
    JMP_SPIN,
    JMP_SPIN_IRQ,
    MMIO_POLL,
    MSR_STORM,
    NO_BOOT,
    PIT_STORM,
    PIT_STORM_QEMU,
    REBOOT_LOOP,
    ENOSPC,
    MONITOR_HUNG,
    CPU_STARVED,
    USB_POLLING,
    DISK_HEAVY,
    MIGRATING,
    VNC_LOAD,
    NET_FLOOD,
    DEAD_CLIENT,
    TRUTH,
    SEVENTY_THIRTY,
    FORK_STORM,
    OOM,
    LINUX_REBOOTS,
    IRQ_OFF_SPIN,
    SOFT_LOCKUP,
    SPINLOCK,
    HUNG_TASK,
    IDLE_POLL,
    SLOW_CLOCK,
    TSC_UNSTABLE,
    THRASH,
    AGENT_SPIN,
    LOST_INTERRUPT,
    BALLOON,
    HALTED_DEAD,
    TRIPLE_FAULT,
    EMULATION_FAILURE,
    PAUSED,
    FROZEN,
    IOTHREAD_POLL,
    INTERRUPT_STORM,
    POSTCOPY,
)


def find_guest(name: str) -> LabGuest:
    """Return the lab guest of that name; ``NoSuchLabGuest`` lists those there are."""
    for guest in GUESTS:
        if guest.name == name:
            return guest
    known = ", ".join(guest.name for guest in GUESTS)
    raise NoSuchLabGuest(f"there is no lab guest {name!r}", f"choose one of: {known}")
