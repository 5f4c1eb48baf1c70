"""A small real Linux guest for libvirt: busybox, qemu-guest-agent, syslogd and a DHCP client on each of its network interfaces.

Its kernel and modules are of one package of Debian's, kept in the lab's cache. It boots in some 5 s under TCG.
"""

import gzip
import io
import os
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

import msgspec

from crazytrain.cli.places import lab_cache_dir
from crazytrain.lab.busybox import choose_busybox
from crazytrain.lab.cache import Cache
from crazytrain.lab.cpio import Entry, folder, link, program, write_newc
from crazytrain.lab.debian import Apt
from crazytrain.lab.kernel import HINT, METAPACKAGE, image_in
from crazytrain.lab.scratch import scratch
from tests.support import skip_real

KIND = "kernel-with-modules"
# In the order in which they load: nothing there looks after dependencies.
MODULES = (
    *("virtio_ring", "virtio", "virtio_pci_legacy_dev", "virtio_pci_modern_dev", "virtio_pci"),
    *("failover", "net_failover", "virtio_net", "virtio_console"),
)
_FOLDERS = (
    *("bin", "dev", "etc", "proc", "sys", "tmp", "run", "mod", "root", "lib", "lib64", "usr", "usr/share", "usr/share/udhcpc"),
    *("var", "var/run", "var/log", "var/lib"),
)  # fmt: skip
_LEASED = """#!/bin/sh
echo "udhcpc: $interface $1 ip=$ip lease=$lease" >/dev/console
case $1 in bound|renew) ifconfig $interface $ip netmask $subnet ;; esac
"""
_INIT = """#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
for module in /mod/*.ko; do insmod $module; done
hostname web01
syslogd -O /var/log/messages; klogd
mkdir -p /dev/virtio-ports
for port in /sys/class/virtio-ports/*; do  # what udev does
    [ -f $port/name ] && ln -sf /dev/${port##*/} /dev/virtio-ports/$(cat $port/name)
done
ip link set lo up
for card in /sys/class/net/eth*; do
    ip link set ${card##*/} up
    udhcpc -f -i ${card##*/} -S -R -p /run/udhcpc.${card##*/} -s /usr/share/udhcpc/default.script &
done
qemu-ga -d -t /run -f /run/qga.pid -l /var/log/qga.log
echo "GUEST UP $(cut -d' ' -f1 /proc/uptime)"
exec sleep 1000000
"""
_DOMAIN = """<domain type='qemu'><name>{name}</name><memory unit='MiB'>192</memory><vcpu>1</vcpu>
<os><type arch='x86_64' machine='q35'>hvm</type><kernel>{kernel}</kernel><initrd>{initrd}</initrd>
<cmdline>console=ttyS0 loglevel=4 {cmdline}</cmdline></os><features><acpi/></features><devices>{devices}
<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
<serial type='pty'><log file='{console}' append='off'/><target port='0'/></serial></devices></domain>"""


class Boot(msgspec.Struct, frozen=True):
    """What a guest boots from."""

    kernel: Path
    initrd: Path

    def domain(self, name: str, console: Path, devices: str = "", cmdline: str = "") -> str:
        """The XML of a domain whose console goes to a file."""
        return _DOMAIN.format(
            name=name, kernel=self.kernel, initrd=self.initrd, console=console, devices=devices, cmdline=cmdline
        )


def boot_files(place: Path) -> Boot:
    """Make them in this folder; skips (or fails, where real tests are forced) without a guest agent to put in."""
    agent = shutil.which("qemu-ga", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if agent is None:
        skip_real("qemu-ga is not installed")
    cache = Cache(lab_cache_dir())
    with tarfile.open(_kept(cache)) as kept:
        held = {member.name: _data(kept, member) for member in kept.getmembers()}
    kernel, initrd = place / "vmlinuz", place / "initrd.gz"
    kernel.write_bytes(held["vmlinuz"])
    modules = [program(f"mod/{number:02d}-{name}.ko", held[name]) for number, name in enumerate(MODULES)]
    busybox = choose_busybox(cache, print).read_bytes()
    entries = [
        *(folder(name) for name in _FOLDERS),
        *(program("bin/busybox", busybox), link("bin/sh", "busybox")),
        *modules,
        *_with_libraries(Path(agent)),
        *(program("usr/share/udhcpc/default.script", _LEASED.encode()), program("init", _INIT.encode())),
    ]
    initrd.write_bytes(gzip.compress(write_newc(entries), compresslevel=1))
    return Boot(kernel, initrd)


def _data(kept: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = kept.extractfile(member)
    assert file
    return file.read()


def _with_libraries(agent: Path) -> list[Entry]:
    """The agent, and what it is linked with, at the paths where it looks."""
    needed = re.findall(
        r"(/\S+) \(0x", subprocess.run(("ldd", agent), capture_output=True, text=True, check=True).stdout
    )
    folders = sorted({str(above)[1:] for one in needed for above in Path(one).parents} - {"", *_FOLDERS})
    return [
        program("bin/qemu-ga", agent.read_bytes()),
        *(folder(name) for name in folders),
        *(program(one[1:], Path(one).read_bytes()) for one in needed),
    ]


def _kept(cache: Cache) -> Path:
    return cache.newest(KIND) or _fetch(cache)


def _fetch(cache: Cache) -> Path:
    with scratch(cache.folder / KIND) as draft:
        apt = Apt(folder=draft, hint=HINT, tell=print)
        package = apt.dependency(METAPACKAGE)
        root = apt.fetch(package)
        packed = draft / "kernel.tar"
        with tarfile.open(packed, "w") as tar:
            _add(tar, "vmlinuz", image_in(root, package).read_bytes())
            for name in MODULES:
                _add(tar, name, next(root.glob(f"**/kernel/**/{name}.ko")).read_bytes())
        return cache.keep(KIND, package, packed)


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    about = tarfile.TarInfo(name)
    about.size = len(data)
    tar.addfile(about, io.BytesIO(data))
