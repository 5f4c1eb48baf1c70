"""Inside the cage: mounts of its own, then virtlogd and libvirtd; takes up orphans, and ends them all when it ends.

Run by ``unshare --mount --net --uts --ipc``. The pids are the machine's, so that /proc and tracing agree with libvirt; in
return nobody but this process takes up QEMUs whose parent has gone, and it must not leave them behind.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from pathlib import Path

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
PLACES = {"run": "/run/libvirt", "lib": "/var/lib/libvirt", "log": "/var/log/libvirt", "etc": "/etc/libvirt"}
KVM_DEVICE = os.makedev(10, 232)


def mount(*words: str) -> None:
    subprocess.run(("mount", *words), check=True)


def furnish(base: Path, cache: Path) -> None:
    mount("--make-rprivate", "/")
    mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run")
    for name, place in {**PLACES, "cache": "/var/cache/libvirt"}.items():
        Path(place).mkdir(parents=True, exist_ok=True)
        mount("--bind", str(cache if name == "cache" else base / name), place)
    for name in ("passwd", "group"):
        mount("--bind", str(base / name), f"/etc/{name}")
    if Path("/dev/kvm").exists():
        node = base / "kvm"
        os.mknod(node, 0o666 | 0o020000, KVM_DEVICE)
        node.chmod(0o666)
        mount("--bind", str(node), "/dev/kvm")
    subprocess.run(("ip", "link", "set", "lo", "up"), check=True)


def children() -> list[int]:
    listed = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return [int(pid) for pid in listed]


def clear_up() -> None:
    """Kill what is left until nobody is: who dies may leave orphans, and they come to us."""
    while left := children():
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(-1, 0)


def main() -> None:
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        furnish(Path(sys.argv[1]), Path(sys.argv[2]))
        subprocess.Popen(("virtlogd", "-p", "/run/libvirt/virtlogd.pid"))
        subprocess.Popen(("libvirtd", "-p", "/run/libvirt/libvirtd.pid"))
        while True:
            os.waitpid(-1, 0)
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        clear_up()


if __name__ == "__main__":
    main()
