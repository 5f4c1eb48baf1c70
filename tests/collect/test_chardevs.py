"""Monitors and consoles are found on command lines as people, libvirt and Proxmox write them."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crazytrain.collect.chardevs import Chardev, consoles, monitors, reachable
from crazytrain.host.fake import FakeHost

LIBVIRT = (
    *("qemu-system-x86_64", "-name", "guest=web01,debug-threads=on", "-no-user-config", "-nodefaults"),
    *(
        "-chardev",
        "socket,id=charmonitor,fd=34,server=on,wait=off",
        "-mon",
        "chardev=charmonitor,id=monitor,mode=control",
    ),
    *("-chardev", "pty,id=charserial0,logfile=/dev/fdset/2,logappend=on"),
    *("-device", '{"driver":"isa-serial","chardev":"charserial0","id":"serial0","index":0}'),
    *("-chardev", "socket,id=charchannel0,path=/run/libvirt/qemu/channel/ga,server=on,wait=off"),
    *(
        "-device",
        '{"driver":"virtserialport","bus":"v.0","nr":1,"chardev":"charchannel0","name":"org.qemu.guest_agent.0"}',
    ),
)
OLD_LIBVIRT = (
    *(
        "qemu-kvm",
        "-chardev",
        "socket,id=charmonitor,path=/var/lib/libvirt/qemu/domain-1-web01/monitor.sock,server,nowait",
    ),
    *("-mon", "chardev=charmonitor,id=monitor,mode=control", "-chardev", "file,id=charserial0,path=/var/log/web01.log"),
    *("-device", "isa-serial,chardev=charserial0,id=serial0"),
)
PROXMOX = (
    *("/usr/bin/kvm", "-id", "100", "-chardev", "socket,id=qmp,path=/var/run/qemu-server/100.qmp,server=on,wait=off"),
    *("-mon", "chardev=qmp,mode=control", "-chardev", "socket,id=qmp-event,path=/var/run/qmeventd.sock,reconnect=5"),
    *(
        "-mon",
        "chardev=qmp-event,mode=control",
        "-chardev",
        "socket,id=serial0,path=/var/run/qemu-server/100.serial0,server=on",
    ),
    *("-device", "isa-serial,chardev=serial0"),
)


@pytest.mark.parametrize(
    ("argv", "askable"),
    [
        (("-qmp", "unix:/run/a.qmp,server=on,wait=off"), ["/run/a.qmp"]),
        (("-qmp", "unix:/run/a.qmp,server,nowait"), ["/run/a.qmp"]),
        (("--qmp", "unix:path=/run/a.qmp,server=yes"), ["/run/a.qmp"]),
        (("-qmp-pretty", "unix:a.qmp,server"), ["a.qmp"]),
        (("-qmp", "unix:/run/a,,b,server=on"), ["/run/a,b"]),
        (("-chardev", "socket,id=m,path=/run/m,server=on", "-mon", "m,mode=control"), ["/run/m"]),
        (("-mon", "chardev=m,mode=control", "-chardev", "socket,id=m,path=/run/m,server=on"), ["/run/m"]),
        (("-chardev", "socket,id=m,path=/run/m,server=on", "-qmp", "chardev:m"), ["/run/m"]),
        (("-chardev", "socket,id=m,path=/run/m,server=on", "-mon", "chardev=m,mode=readline"), []),
        (("-qmp", "unix:/run/a.qmp"), []),  # QEMU is the client there
        (("-qmp", "tcp:localhost:4444,server=on"), []),
        (("-qmp", "stdio"), []),
        (("-monitor", "unix:/run/hmp,server=on"), []),
        (("-qmp",), []),
        (("-qmp", ""), []),
        (LIBVIRT, []),
        (OLD_LIBVIRT, []),
        (PROXMOX, ["/var/run/qemu-server/100.qmp"]),
        ((*LIBVIRT, "-qmp", "unix:/run/own.qmp,server=on"), ["/run/own.qmp"]),
    ],
)
def test_sockets_that_may_be_asked(argv: tuple[str, ...], askable: list[str]) -> None:
    assert [monitor.chardev.path for monitor in monitors(argv) if monitor.askable] == askable


def test_libvirts_own_is_known_as_such() -> None:
    for argv in (LIBVIRT, OLD_LIBVIRT):
        assert [monitor.chardev.libvirts for monitor in monitors(argv)] == [True]
    assert [monitor.qmp for monitor in monitors(("-monitor", "stdio", "-qmp", "stdio"))] == [False, True]


@pytest.mark.parametrize(
    ("argv", "found"),
    [
        (("-serial", "file:/var/log/a,b.log"), Chardev(backend="file", path="/var/log/a,b.log")),
        (("-serial", "stdio"), Chardev(backend="stdio")),
        (("-serial", "mon:stdio"), Chardev(backend="stdio")),
        (("-serial", "pty"), Chardev(backend="pty")),
        (
            ("-serial", "unix:/run/s,server=on,logfile=/l"),
            Chardev(backend="socket", path="/run/s", server=True, log="/l"),
        ),
        (("-serial", "tcp:localhost:1,server=on"), Chardev(backend="tcp", server=True)),
        (("-serial", "chardev:gone"), Chardev(id="gone")),
        (("-chardev", "file,id=c,path=/p", "-serial", "chardev:c"), Chardev(id="c", backend="file", path="/p")),
        (
            ("-chardev", "file,id=c,path=/p", "-device", "virtconsole,chardev=c"),
            Chardev(id="c", backend="file", path="/p"),
        ),
        (LIBVIRT, Chardev(id="charserial0", backend="pty", log="/dev/fdset/2")),
        (OLD_LIBVIRT, Chardev(id="charserial0", backend="file", path="/var/log/web01.log")),
        (PROXMOX, Chardev(id="serial0", backend="socket", path="/var/run/qemu-server/100.serial0", server=True)),
    ],
)
def test_consoles(argv: tuple[str, ...], found: Chardev) -> None:
    assert consoles(argv) == (found,)


@pytest.mark.parametrize(
    "argv",
    [
        ("-debugcon", "file:/x"),
        ("-chardev", "file,id=c,path=/x", "-device", "isa-debugcon,chardev=c"),
        ("-device", "{broken"),
        ("-device", "[]"),
        ("-device", '{"driver": 7}'),
        ("-chardev", "file,id=c,path=/x"),
    ],
)
def test_what_is_no_console(argv: tuple[str, ...]) -> None:
    assert consoles(argv) == ()


@given(st.lists(st.one_of(st.sampled_from(["-qmp", "-mon", "-chardev", "-serial", "-device", "-monitor"]), st.text())))
def test_any_command_line_can_be_read(argv: list[str]) -> None:
    assert all(monitor.chardev.path for monitor in monitors(argv) if monitor.askable)
    consoles(argv)


def host_with(root: str | OSError = "/", namespace: str = "mnt:[1]") -> FakeHost:
    links: dict[str, str | OSError] = {
        "/proc/self/ns/mnt": "mnt:[1]",
        "/proc/7/ns/mnt": namespace,
        "/proc/7/root": root,
    }
    return FakeHost(links=links)


def test_paths_are_those_of_qemu() -> None:
    denied = PermissionError(13, os.strerror(13))
    assert reachable(host_with(), 7, "/run/a") == "/run/a"
    assert reachable(host_with(), 7, "a") == "/proc/7/cwd/a"
    assert reachable(host_with("/jail"), 7, "/run/a") == "/proc/7/root/run/a"
    assert reachable(host_with(namespace="mnt:[2]"), 7, "/run/a") == "/proc/7/root/run/a"
    assert reachable(host_with(denied), 7, "/run/a") == "/run/a"
