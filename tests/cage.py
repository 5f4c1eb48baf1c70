"""A real libvirtd of our own, in namespaces that leave the machine alone; everything it starts ends with it."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec

from tests.support import ROOT, skip_real
from tests.tiny import until

NEEDED = ("libvirtd", "virtlogd", "virsh", "unshare", "nsenter", "setpriv", "qemu-system-x86_64", "nasm")
MEMBERS_GROUP = 64056
STRANGER = 65534
_CONF = {
    "libvirtd.conf": 'unix_sock_group = "ctlibvirt"\nunix_sock_rw_perms = "0770"\nauth_unix_ro = "none"\nauth_unix_rw = "none"\n'
    'log_level = 3\nlog_outputs = "3:file:/var/log/libvirt/libvirtd.log"\n',
    "qemu.conf": 'user = "root"\ngroup = "root"\nsecurity_driver = "none"\ncgroup_controllers = []\nnamespaces = []\n',
    "virtlogd.conf": "",
}
_DOMAIN = """<domain type='{kind}'><name>{name}</name><memory unit='MiB'>64</memory><vcpu>{vcpus}</vcpu>
<os><type arch='x86_64' machine='pc'>hvm</type></os><features><acpi/></features><devices>
<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='{image}'/><target dev='hda' bus='ide'/></disk>
<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='{image}2'/><target dev='vda' bus='virtio'/></disk>
<serial type='file'><source path='{image}.log'/></serial><memballoon model='virtio'/></devices></domain>"""


class Cage(msgspec.Struct, frozen=True):
    """A libvirtd that runs. ``inside`` is the process whose namespaces it lives in."""

    base: Path
    inside: int

    def run(self, *argv: str, user: bool = False, limit_s: float = 60, **environment: str) -> str:
        """Run a command in the cage and return its output; ``user``: as one who is in libvirt's group and not root."""
        done = self.tried(*argv, user=user, limit_s=limit_s, **environment)
        assert done.returncode == 0, f"{argv}: {done.stdout}\n{done.stderr}"
        return done.stdout

    def tried(
        self, *argv: str, user: bool = False, limit_s: float = 60, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        drop = ("setpriv", f"--reuid={STRANGER}", f"--regid={STRANGER}", f"--groups={MEMBERS_GROUP}") if user else ()
        enter = ("nsenter", "--target", str(self.inside), "--mount", "--net")
        return subprocess.run(
            (*enter, *drop, *argv),
            capture_output=True,
            text=True,
            timeout=limit_s,
            check=False,
            env={**os.environ, **environment},
        )

    def virsh(self, *words: str) -> str:
        return self.run("virsh", "-q", "-c", "qemu:///system", *words)

    def start(self, name: str, code: str, kind: str = "kvm", vcpus: int = 1) -> None:
        """Define nothing, start a transient domain that runs a boot sector."""
        image = self.base / f"{name}.img"
        (self.base / f"{name}.asm").write_text(f"bits 16\norg 0x7c00\n{code}\ntimes 510 - ($ - $$) db 0\ndw 0xaa55\n")
        subprocess.run(("nasm", "-f", "bin", "-o", image, self.base / f"{name}.asm"), check=True)
        with Path(f"{image}2").open("wb") as second:
            second.truncate(1 << 20)
        words = _DOMAIN.format(kind=kind, name=name, vcpus=vcpus, image=image)
        (self.base / f"{name}.xml").write_text(words)
        self.virsh("create", str(self.base / f"{name}.xml"))


@contextlib.contextmanager
def caged() -> Iterator[Cage]:
    """Start libvirtd; skip (or fail, where real tests are forced) without what it takes."""
    for tool in NEEDED:
        if shutil.which(tool, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") is None:
            skip_real(f"{tool} is not installed")
    if os.geteuid() != 0:
        skip_real("namespaces and mounts take root")
    with tempfile.TemporaryDirectory(prefix="ct-cage-") as name:
        base = _base(Path(name))
        command = ("unshare", "--mount", "--net", "--uts", "--ipc", sys.executable, ROOT / "tests/cage_inside.py")
        cage = subprocess.Popen((*command, base, base / "cache"), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        try:
            socket = base / "run" / "libvirt-sock"
            until(lambda: cage.poll() is not None or socket.exists(), "libvirtd listens")
            if cage.poll() is not None:
                skip_real("namespaces of our own are not to be had here")
            yield Cage(base, cage.pid)
        finally:
            cage.send_signal(signal.SIGTERM)
            cage.wait(timeout=60)


def _base(base: Path) -> Path:
    base.chmod(0o755)
    for folder in ("run", "lib", "log", "etc", "cache"):
        (base / folder).mkdir()
    for name, text in _CONF.items():
        (base / "etc" / name).write_text(text)
    own = f"ctlibvirt:x:{MEMBERS_GROUP}:\nkvm:x:64054:\nlibvirt-qemu:x:64055:\n"
    (base / "group").write_text(Path("/etc/group").read_text() + own)
    user = "libvirt-qemu:x:64055:64055:Libvirt Qemu:/var/lib/libvirt:/usr/sbin/nologin\n"
    (base / "passwd").write_text(Path("/etc/passwd").read_text() + user)
    return base
