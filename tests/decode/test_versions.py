"""Versions of QEMU, libvirt, kernels, firmware, Windows and its drivers are read wherever they stand."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crazytrain.decode.versions import LIMIT_BYTES, MOST, decode_versions
from crazytrain.derive.versions import derive_versions
from crazytrain.model.evidence import Evidence, Kind, Outcome, Ref
from crazytrain.model.facts import Facts, HostFacts, QemuConfig, QemuState
from crazytrain.model.facts.inside import FoundBy, GuestKernel, InsideReading
from crazytrain.model.facts.versions import Component, Versions, VersionTold

C = Component
REFS = (Ref("made", 1),)
PVEVERSION = """\
proxmox-ve: 7.4-1 (running kernel: 5.15.107-2-pve)
pve-manager: 7.4-3 (running version: 7.4-3/9002ab8a)
pve-kernel-5.15: 7.4-3
pve-kernel-5.15.107-2-pve: 5.15.107-2
ceph-fuse: 15.2.17-pve1
libjs-extjs: 7.0.0-1
libpve-common-perl: 7.3-4
pve-edk2-firmware: 3.20230228-1
pve-qemu-kvm: 7.2.0-8
qemu-server: 7.4-3
zfsutils-linux: 2.1.11-pve1
"""


def read(text: str, kind: Kind = Kind.TEXT) -> list[VersionTold]:
    return list(decode_versions(Evidence(id="x", kind=kind, source="x", data=text.encode())))


def numbers(text: str, kind: Kind = Kind.TEXT) -> set[tuple[Component, tuple[int, ...]]]:
    parts = ((one.component, one.number if one.micro is None else (*one.number, one.micro)) for one in read(text, kind))
    return set(parts)


@pytest.mark.parametrize(
    ("text", "component", "number"),
    [
        ("QEMU emulator version 2.5.0 (Debian 1:2.5+dfsg-5ubuntu10)", C.QEMU, (2, 5, 0)),
        ("QEMU emulator version 2.8.1(Debian 1:2.8+dfsg-6+deb9u9)", C.QEMU, (2, 8, 1)),
        ("we use qemu-kvm 1.5.3 here", C.QEMU, (1, 5, 3)),
        ("with QEMU v5.0", C.QEMU, (5, 0)),
        ("qemu-kvm-0.12.1.2-2.491.el6_8.x86_64", C.QEMU, (0, 12, 1)),
        ("qemu-kvm-rhev-2.9.0-16.el7_4.x86_64", C.QEMU, (2, 9, 0)),
        ("qemu-kvm-core-6.2.0-20.module+el8.7.0+16689+53d59bc2.x86_64", C.QEMU, (6, 2, 0)),
        ("ii  qemu-system-x86   1:5.2+dfsg-11+deb11u3   amd64   QEMU full system emulation", C.QEMU, (5, 2)),
        ("qemu-system-x86/noble-updates,now 1:8.2.2+ds-0ubuntu1.4 amd64 [installed]", C.QEMU, (8, 2, 2)),
        ("local/qemu-desktop 9.0.1-1", C.QEMU, (9, 0, 1)),
        ("app-emulation/qemu-8.2.3", C.QEMU, (8, 2, 3)),
        ("Running hypervisor: QEMU 6.1.0", C.QEMU, (6, 1, 0)),
        (
            '{"QMP": {"version": {"qemu": {"micro": 50, "minor": 0, "major": 6}, "package": "v6.0.0"}}}',
            C.QEMU,
            (6, 0, 50),
        ),
        ("libvirt 6.0.0", C.LIBVIRT, (6, 0, 0)),
        ("Using library: libvirt 8.0.0", C.LIBVIRT, (8, 0, 0)),
        ("libvirtd (libvirt) 4.0.0", C.LIBVIRT, (4, 0, 0)),
        ("libvirt-daemon-4.5.0-36.el7_9.5.x86_64", C.LIBVIRT, (4, 5, 0)),
        ("Linux vm123 6.1.0-15-amd64 #1 SMP PREEMPT_DYNAMIC", C.KERNEL, (6, 1)),
        ("Linux version 3.10.0-957.el7.x86_64", C.KERNEL, (3, 10)),
        ("Linux 4.19.97 (box)  02/03/2020  _x86_64_  (8 CPU)", C.KERNEL, (4, 19, 97)),
        ("the host runs kernel 4.20", C.HOST_KERNEL, (4, 20)),
        ("host kernel 4.2.3", C.HOST_KERNEL, (4, 2, 3)),
        ("Hypervisor: Debian 11 with the 5.10.46 kernel", C.HOST_KERNEL, (5, 10, 46)),
        ("everything hangs since 6.2.16-4-pve", C.HOST_KERNEL, (6, 2, 16)),
        ("Kernel Version Linux 6.8.4-3-pve (2024-05-02T11:55Z)", C.HOST_KERNEL, (6, 8, 4)),
        ("Unraid server, kernel 6.1.38-Unraid", C.HOST_KERNEL, (6, 1, 38)),
        ("the guest's kernel 2.6.32", C.GUEST_KERNEL, (2, 6, 32)),
        ("VM: Ubuntu 22.04, kernel 5.15.0-78-generic", C.GUEST_KERNEL, (5, 15)),
        ("root@vm:~# uname -r\n5.4.0-150-generic", C.GUEST_KERNEL, (5, 4)),
        ("Proxmox VE 8.2.4", C.PROXMOX, (8, 2, 4)),
        ("pve-manager/7.4-17/513c62be", C.PROXMOX, (7, 4)),
        ("SeaBIOS (version rel-1.14.0-0-g155821a1990b-prebuilt.qemu.org)", C.SEABIOS, (1, 14, 0)),
        ("seabios-1.11.1-4.module+el8", C.SEABIOS, (1, 11, 1)),
        ("built from edk2-stable202208", C.OVMF, (2022, 8)),
        ("ii  ovmf  2022.11-6+deb12u1  all", C.OVMF, (2022, 11)),
        ("pve-edk2-firmware: 4.2023.08-4", C.OVMF, (2023, 8)),
        ("a Windows 10 (1909) guest", C.GUEST_WINDOWS, (10, 18363)),
        ("Win11 23H2 as guest", C.GUEST_WINDOWS, (10, 22631)),
        ("Windows Server 2016 runs in it", C.GUEST_WINDOWS, (10, 14393)),
        ("Windows 10 Pro, build 19044", C.GUEST_WINDOWS, (10, 19044)),
        ("Windows Server 2008 R2", C.GUEST_WINDOWS, (6, 1)),
        ("virtio-win-0.1.217.iso", C.VIRTIO_WIN, (0, 1, 217)),
        ("VirtIO drivers 0.1.173", C.VIRTIO_WIN, (0, 1, 173)),
    ],
)
def test_a_version_is_read(text: str, component: Component, number: tuple[int, ...]) -> None:
    assert numbers(text) == {(component, number)}


@pytest.mark.parametrize(
    "text",
    [
        "10.0.2.15",
        "kernel of 5",
        "QEMU is slow",
        "version 1.2.3 of something",
        "the guest (QEMU 10.0.2.15) answers",
        "-m 2.5 -smp 2.1 -M 7.2",
        "kernel 12.05.2021",
        "RHEL 7.2 kernel, CentOS Linux 7.6, Red Hat Enterprise Linux Server 6.5",
        "Jan  1 00:00:00 box kernel: 3.4 seconds later",
        "kernel: [    5.123456] usb 1-1: new device",
        "Using API: QEMU 9.0.0",
        "SQL Server 2019",
        "the host runs Windows 10 1909",
        "qemu-server: 7.4-3",
        "libvirt-python 8.0.0",
        "QEMU 3.5 and QEMU 42.1 and libvirt 77.1 and kernel 9.44",
    ],
)
def test_other_numbers_are_no_versions(text: str) -> None:
    assert not read(text)


def test_all_of_pveversion() -> None:
    expected = {
        (C.PROXMOX, (7, 4)),
        (C.HOST_KERNEL, (5, 15, 107)),
        (C.OVMF, (2023, 2)),
        (C.QEMU, (7, 2, 0)),
    }
    assert numbers(PVEVERSION) == expected


def test_a_sentence_may_name_two() -> None:
    assert numbers("Since we took the host from kernel 5.13 to 5.15 it hangs, with QEMU 6.0 and 6.2.") == {
        (C.HOST_KERNEL, (5, 13)),
        (C.HOST_KERNEL, (5, 15)),
        (C.QEMU, (6, 0)),
        (C.QEMU, (6, 2)),
    }
    assert numbers("QEMU 6.0 and 2.5 GB of memory") == {(C.QEMU, (6, 0))}


def test_several_releases_of_windows_may_be_named() -> None:
    assert numbers("Windows 10 1709 is fine, 1809 is not") == {
        (C.GUEST_WINDOWS, (10, 16299)),
        (C.GUEST_WINDOWS, (10, 17763)),
    }


def test_headings_tell_whose_kernel_it_is() -> None:
    form = "## Host environment\n- Operating system: Arch\n- OS/kernel version: Linux 6.4.12-arch1-1\n\n## Emulated/Virtualized environment\n- OS/kernel version: 5.10.0-23-amd64\n"
    assert numbers(form) == {(C.HOST_KERNEL, (6, 4, 12)), (C.GUEST_KERNEL, (5, 10))}


def test_a_kernel_log_tells_whose_it_is() -> None:
    banner = "[    0.000000] Linux version 6.1.55 (builder@box) #1 SMP\n"
    guest = banner + "[    0.000000] Hypervisor detected: KVM\n[    0.000000] kvm-clock: Using msrs 4b564d01\n"
    host = banner + "[   99.000000] kvm [4711]: vcpu0, guest rIP: 0xfff unhandled rdmsr: 0x611\n"
    assert numbers(guest, Kind.LOG_TEXT) == {(C.GUEST_KERNEL, (6, 1, 55))}
    assert numbers(host, Kind.LOG_TEXT) == {(C.HOST_KERNEL, (6, 1, 55))}
    assert numbers(banner, Kind.LOG_TEXT) == {(C.KERNEL, (6, 1, 55))}
    assert numbers(banner, Kind.CONSOLE) == {(C.GUEST_KERNEL, (6, 1, 55))}
    oops = "[ 99.0] CPU: 3 PID: 99 Comm: kworker/3:1 Not tainted 5.4.17 #1\n[ 99.0] Hardware name: QEMU Standard PC (Q35 + ICH9, 2009)\n"
    assert numbers(oops, Kind.LOG_TEXT) == {(C.GUEST_KERNEL, (5, 4, 17))}


def test_of_a_log_of_qemu_the_last_start_counts() -> None:
    head = "2020-0{}-01 10:00:00.000+0000: starting up libvirt version: {}, package: 1.el8 (Some), qemu version: {}, kernel: {}, hostname: box\n"
    text = head.format(1, "5.0.0", "4.1.0", "4.18.20") + "shutting down\n" + head.format(2, "6.0.0", "4.2.0", "5.4.1")
    expected = {(C.LIBVIRT, (6, 0, 0)), (C.QEMU, (4, 2, 0)), (C.HOST_KERNEL, (5, 4, 1))}
    assert numbers(text, Kind.QEMU_LOG) == expected
    assert all(one.ref.line == 3 for one in read(text, Kind.QEMU_LOG))


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("<type arch='x86_64' machine='pc-i440fx-3.1'>hvm</type>", (3, 1)),
        ("-machine pc-q35-8.1+pve0,accel=kvm", (8, 1)),
        ("-M pc-1.2", (1, 2)),
        ("machine='pc-i440fx-rhel7.6.0'", (1, 5)),
        ("-M rhel6.5.0", (0, 12)),
    ],
)
def test_a_machine_type_is_a_lower_bound(text: str, number: tuple[int, int]) -> None:
    (one,) = read(text)
    assert (one.component, one.number, one.least) == (C.QEMU, number, True)
    assert one.shown.startswith("at least")
    assert not read("pc-i440fx-focal pc-q35")


def test_what_a_distribution_built_is_known() -> None:
    by_text = {
        one.text: (one.packaged, one.enterprise)
        for one in read("qemu-kvm-1.5.3-175.el7 QEMU 4.2.1 pve-qemu-kvm: 8.0.2-3")
    }
    assert by_text == {"1.5.3-175.el7": (True, True), "4.2.1": (False, False), "8.0.2-3": (True, False)}


def test_what_is_measured_stands_before_what_is_told() -> None:
    state = QemuState(monitor=Outcome.OK, version=(7, 2, 1), version_text="Debian 1:7.2+dfsg-7", refs=REFS)
    host = HostFacts(kernel="6.1.0-15-amd64", refs=REFS)
    kernel = GuestKernel(system="Linux", banner="", release="5.4.17", found_by=FoundBy.BANNER)
    inside = InsideReading(mono_ns=1, took_ns=1, kernel=kernel, refs=REFS)
    config = QemuConfig(binary="qemu", machine="pc-q35-6.2", refs=REFS)
    later = QemuState(monitor=Outcome.OK, status="running", refs=REFS)
    found = derive_versions(Facts((*read("QEMU 7.2 and QEMU 5.0"), state, later, host, inside, config)))
    assert isinstance(found, Versions)
    assert [(one.component, one.shown, one.micro) for one in found.known] == [
        (C.QEMU, "7.2.1 (Debian 1:7.2+dfsg-7)", 1),
        (C.HOST_KERNEL, "6.1.0-15-amd64", None),
        (C.GUEST_KERNEL, "5.4.17", 17),
        (C.QEMU, "5.0", None),
    ]
    assert derive_versions(Facts()) is None


def test_a_machine_type_is_told_where_nothing_else_is() -> None:
    config = QemuConfig(binary="qemu", machine="pc-q35-6.2", refs=REFS)
    found = derive_versions(Facts((config, *read("pc-q35-6.2"))))
    assert found
    assert [one.shown for one in found.known] == ["at least 6.2 (machine type pc-q35-6.2)"]


def test_each_number_is_known_once_and_as_exact_as_it_was_told() -> None:
    found = derive_versions(Facts(tuple(read("kernel 5.4.10. The host kernel 5.4, QEMU 4.2. QEMU 4.2.1"))))
    assert found
    assert [(one.component, one.text) for one in found.known] == [(C.QEMU, "4.2.1"), (C.HOST_KERNEL, "5.4")]


@given(st.text(max_size=3000))
def test_any_text_is_read(text: str) -> None:
    assert len(read(text)) <= MOST


WORDS = "qemu kernel linux libvirt win pve prox edk2 ovmf virtio uname tainted seabios pc- rhel qemu version running kernel server 20\n"


@pytest.mark.parametrize(
    "junk",
    ["\n", "1.1.", "5.5.5-1.", "qemu-", "kernel 5.", "Linux a", "host kernel 5.5\t", "Windows 10 ", "qemu version: ,"],
)
def test_the_worst_of_texts_takes_a_moment(junk: str) -> None:
    started = time.process_time()
    assert len(read(WORDS + junk * (LIMIT_BYTES // len(junk)))) <= MOST
    assert time.process_time() - started < 10  # about 0.5 s on a quiet machine; minutes where it grew with the square
