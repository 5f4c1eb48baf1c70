"""postcopy: the guest runs here already, and most of its memory is still at a source that has gone silent."""

from crazytrain.lab.guest import DEBUGCON, BootSector, LabGuest, Sign
from crazytrain.lab.props.postcopy import SilentSource

POSTCOPY = LabGuest(
    name="postcopy",
    summary="the guest was migrated here by postcopy, and waits for a page that its silent source does not send",
    does=(
        "A boot sector that touches one page after the other. The lab starts it in a second QEMU, migrates it here by "
        "postcopy, and stops the second one: the guest waits in the kernel (userfaultfd) for its memory."
    ),
    family="qemu-blocked",
    cause="postcopy-wait",
    image=BootSector(source="touch-pages"),
    arguments=("-incoming", "defer"),
    memory_mib=64,
    ready=Sign(file=DEBUGCON, pattern=r"\A"),
    progress=None,
    props=(SilentSource(),),
)
