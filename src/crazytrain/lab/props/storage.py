"""A disk whose server stops answering: the image is a FUSE file that qemu-storage-daemon serves until it is stopped."""

import os
import signal
from pathlib import Path
from typing import ClassVar

from crazytrain.lab.errors import LabError
from crazytrain.lab.props.mounts import mounts_below
from crazytrain.lab.props.prop import Prop
from crazytrain.lab.props.rights import check_root
from crazytrain.lab.props.stage import Stage
from crazytrain.lab.tool import need

SERVER = "storage"


class FrozenStorage(Prop, frozen=True, kw_only=True):
    """``image`` (its path in the guest's folder) is served over FUSE; once the guest runs the server gets SIGSTOP.

    Whoever reads, writes, opens or asks for the size of the image then waits in the kernel, as with dead NFS or Ceph.
    """

    image: str = "boot.img"
    needs: ClassVar[tuple[str, ...]] = ("root", "FUSE")

    def check(self) -> None:
        """Raise where there is no FUSE, no right to mount, or no qemu-storage-daemon."""
        need("qemu-storage-daemon", "qemu-system-common")
        try:
            os.close(os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC))
        except OSError as error:
            raise LabError(f"a disk over FUSE cannot be had: /dev/fuse: {error.strerror}", "be root") from error
        check_root("a file system can be mounted by root only")

    def before_qemu(self, stage: Stage) -> None:
        """Serve the image at its own path."""
        image = stage.folder / self.image
        argv = _server(image)
        stage.run(SERVER, argv)
        stage.wait(lambda: image in mounts_below(stage.folder), "the image over FUSE", argv=argv, name=SERVER)

    def once_ready(self, stage: Stage) -> None:
        """Stop the server."""
        server = stage.ran[SERVER]
        with stage.doing(f"SIGSTOP to the server of {self.image} (qemu-storage-daemon, pid {server.pid})"):
            stage.signal(server, signal.SIGSTOP)


def _server(image: Path) -> tuple[str, ...]:
    return (
        *(need("qemu-storage-daemon", "qemu-system-common"), "--blockdev", f"file,node-name=disk,filename={image}"),
        *("--export", f"fuse,id=export,node-name=disk,mountpoint={image},writable=on"),
    )


class OpensFrozenImage(Prop, frozen=True, kw_only=True):
    """QEMU is asked to open ``image`` once more after its storage froze: its main thread waits in that call.

    It holds QEMU's big lock meanwhile, so vCPUs wait for it as soon as they leave guest mode. A manager that plugs a
    disk or asks for a disk's size does the same.
    """

    image: str = "boot.img"

    def once_ready(self, stage: Stage) -> None:
        """Ask, and wait until the main thread is in a call that waits for the storage."""
        image = stage.folder / self.image
        node = {"driver": "file", "node-name": "again", "filename": str(image), "read-only": True}
        with (
            stage.doing(f"QMP blockdev-add of {self.image}, whose storage does not answer"),
            stage.monitor() as monitor,
        ):
            monitor.send("blockdev-add", node)
            stage.wait(lambda: _waits_for_fuse(stage.qemu.pid), "QEMU's main thread waits for its storage")


def _waits_for_fuse(pid: int) -> bool:
    """Whether the process' main thread sleeps inside FUSE, by the kernel function where it waits."""
    return Path(f"/proc/{pid}/wchan").read_text("ascii") in ("request_wait_answer", "fuse_direct_IO")
