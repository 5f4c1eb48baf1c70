"""Signs that say whether a port is a disk's, an image on a server, and whether requests of disks end."""

import re

from crazytrain.model.facts.block import BlockUse, DiskStates

_CONTROLLERS = re.compile(
    r"\b(ide|ahci|sata|nvme|scsi|virtio-blk|virtio-scsi|megasas|mptsas|pvscsi|lsi)", re.IGNORECASE
)
_PROTOCOLS = r"(?:nbd|rbd|iscsi|nfs|ssh|sftp|https?|ftps?|gluster|sheepdog)"
_REMOTE = re.compile(rf"^{_PROTOCOLS}(?:\+\w+)?:|\bdriver[\"'=:\s]+{_PROTOCOLS}\b", re.IGNORECASE)


def of_a_disk(owner: str) -> bool:
    """Whether a port or page belongs to a disk's controller, by its owner's name.

    >>> of_a_disk("IDE first channel status"), of_a_disk("COM1 line status")
    (True, False)
    """
    return _CONTROLLERS.search(owner) is not None


def remote_image(disks: DiskStates | None) -> str:
    """The first image that is reached over a protocol, not as a file; empty where all are files.

    Such an image has no worker that could be seen to hang: QEMU waits for its socket beside everything else.
    """
    return next((disk.file for disk in (disks.disks if disks else ()) if _REMOTE.search(disk.file)), "")


def nothing_ended(block: BlockUse | None) -> bool:
    """Whether disks were counted over the window, and no request of any of them ended."""
    return block is not None and bool(block.disks) and not any(disk.requests_per_s for disk in block.disks)
