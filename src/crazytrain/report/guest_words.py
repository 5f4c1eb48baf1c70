"""A guest, as reports show it."""

from crazytrain.model.guest import Guest
from crazytrain.model.report import GuestView
from crazytrain.report.escape import plain


def guest_view(guest: Guest) -> GuestView:
    """A guest, harmless to show."""
    return GuestView(
        name=plain(guest.name),
        pid=guest.pid,
        uuid=plain(guest.uuid),
        manager=guest.manager.value,
        accelerator=guest.accelerator.value,
        vcpus=guest.vcpus,
        memory_bytes=guest.memory_bytes,
        machine=plain(guest.machine),
        qemu_version=plain(guest.qemu_version),
        host=plain(guest.host),
        start_ticks=guest.process.start_ticks,
    )
