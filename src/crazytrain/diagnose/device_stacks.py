"""Which device's code a thread of QEMU is in, by the functions on its stack.

The guest's access to a register ends in the memory region's accessor, and that calls the device (QEMU: system/memory.c). All of it runs
with QEMU's big lock held and should be over in a microsecond or two.
"""

import re
from collections.abc import Sequence

_ACCESSORS = re.compile(r"memory_region_(?:oldmmio_)?(?:read|write)(?:_with_attrs)?_accessor")
_WAY_THERE = re.compile(r"access_with_adjusted_size|memory_region_\w+|flatview_\w+|address_space_\w+|subpage_\w+")
_COPIES = re.compile(r"dma_(?:memory|blk|buf)_\w+|pci_dma_\w+|dma_\w+_rw\w*")
_RESTS = re.compile(
    r"(?:__GI_|__libc_)?_*(?:futex\w*|lll_lock_wait\w*|pthread_(?:mutex_lock|cond_\w*wait|join|clockjoin)\w*|p?poll|select|epoll_p?wait2?|nanosleep"
    r"|clock_nanosleep|ioctl|syscall|sigtimedwait|sigwait\w*|p?(?:read|write)v?2?(?:64)?|f(?:data)?sync|open(?:at)?(?:64)?|lseek(?:64)?"
    r"|(?:recv|send)(?:msg|from|to)?|connect|accept4?|m(?:un)?map|madvise|io_\w+|qemu_(?:mutex_lock|cond_\w*wait|sem_\w*wait|event_wait)\w*)"
)
# What waits for others within an access has causes of its own.
_OF_OTHERS = re.compile(
    r"aio_poll|bdrv_\w+|blk_\w+|block_\w+|vhost_user_\w+|vhost_vdpa_\w+|qemu_chr_\w+|\w*run_on_cpu|pause_all_vcpus|vm_stop|qio_\w+|slirp_\w+"
    r"|usb_host_\w+|libusb_\w+|vfio_\w+|tpm_\w+"
)
# Registers that guests ask thousands of times a second, and pictures that they draw point by point: many accesses, none of them long.
_ASKED_OFTEN = re.compile(
    r"vga_mem_\w+|cirrus_\w*(?:mem|linear)\w*|vbe_ioport_\w+|vga_ioport_\w+|serial_ioport_\w+|ide_(?:data|status|ioport|ctrl)_\w+|acpi_pm_tmr_\w+"
    r"|hpet_ram_\w+|cmos_ioport_\w+|pit_ioport_\w+|speaker_ioport_\w+|pic_ioport_\w+|elcr_ioport_\w+|ioapic_mem_\w+|fdctrl_\w+|kbd_\w+"
    r"|parallel_ioport_\w+|pflash_mem_\w+|pci_(?:host_)?(?:data|config)_(?:read|write)"
)
_INNERMOST = 4


def device_in(outermost_first: Sequence[str]) -> str:
    """The first function of a device that serves the guest's access; empty where the thread serves none, or one that guests ask often."""
    for at, name in enumerate(outermost_first[:-1]):
        if _ACCESSORS.fullmatch(name):
            inner = next((one for one in outermost_first[at + 1 :] if not _WAY_THERE.fullmatch(one)), "")
            return "" if _ASKED_OFTEN.fullmatch(inner) else inner
    return ""


def runs(outermost_first: Sequence[str]) -> bool:
    """Whether the thread executes QEMU's own code: it neither sleeps nor has asked anybody."""
    return not any(_RESTS.fullmatch(name) for name in outermost_first[-_INNERMOST:]) and not any(
        _OF_OTHERS.fullmatch(name) for name in outermost_first
    )


def copies(outermost_first: Sequence[str]) -> bool:
    """Whether the device moves data by itself (DMA) within the access: there a length or a ring that the guest chose may have no end."""
    return any(_COPIES.fullmatch(name) for name in outermost_first)
