"""Which processes run a guest, who manages them, what runs their instructions."""

import pytest

from crazytrain.collect.qemu_process import accelerator_of, is_emulator, is_guest, manager_of, vcpus_of
from crazytrain.model.facts.qemu import QemuConfig
from crazytrain.model.guest import Accelerator, Manager


@pytest.mark.parametrize(
    "program",
    [
        "/usr/bin/qemu-system-x86_64",
        "/usr/bin/qemu-system-aarch64 (deleted)",
        "/usr/libexec/qemu-kvm",
        "/usr/bin/kvm",
        "qemu-system-x86_64-spice",
        ".qemu-system-x86_64-wrapped",
        "/usr/lib/xen/bin/qemu-dm",
    ],
)
def test_emulators(program: str) -> None:
    assert is_emulator(program)


@pytest.mark.parametrize(
    "program",
    [
        "/usr/bin/qemu-img",
        "/usr/bin/qemu-nbd",
        "/usr/sbin/qemu-ga",
        "/usr/bin/qemu-io",
        "/usr/bin/qemu-storage-daemon",
        "/usr/bin/qemu-x86_64",
        "/usr/bin/qemu-arm-static",
        "/usr/lib/qemu/qemu-bridge-helper",
        "/usr/libexec/virtiofsd",
        "/usr/bin/kvm_stat",
        "/bin/dash",
        "",
    ],
)
def test_no_emulators(program: str) -> None:
    assert not is_emulator(program)


def test_a_renamed_process_is_told_by_its_program() -> None:
    assert is_guest("web01", "/usr/bin/qemu-system-x86_64", ["qemu-system-x86_64", "-name", "x,process=web01"])


def test_a_process_that_hangs_is_told_by_its_name_alone() -> None:
    assert is_guest("qemu-system-x86", "", ())
    assert is_guest("qemu-kvm", "", ())
    assert is_guest("qemu-system-x86", "/lib64/ld-linux-x86-64.so.2", ())
    assert not is_guest("qemu-img", "", ())
    assert not is_guest("kvm_stat", "", ())


def test_an_emulator_of_another_name_is_told_by_its_options() -> None:
    assert is_guest("qemu-local", "/opt/qemu-local", ["/opt/qemu-local", "-m", "1G", "-accel", "kvm"])
    assert not is_guest("qemu-local", "/opt/qemu-local", ["/opt/qemu-local", "convert"])
    assert not is_guest("qemu-img", "/usr/bin/qemu-img", ["qemu-img", "convert", "-m", "8"])


def test_a_script_that_is_about_to_become_qemu_is_no_guest() -> None:
    assert not is_guest("kvm", "/bin/dash", ["/bin/sh", "/usr/bin/kvm", "-m", "1G"])


@pytest.mark.parametrize("machine", [["-machine", "none,accel=kvm:tcg"], ["-M", "none"], ["--machine", "none"]])
def test_libvirts_question_for_abilities_is_no_guest(machine: list[str]) -> None:
    assert not is_guest("qemu-system-x86", "/usr/bin/qemu-system-x86_64", ["qemu-system-x86_64", "-S", *machine])


@pytest.mark.parametrize(
    ("argv", "cgroup", "manager"),
    [
        (["q", "-chardev", "socket,id=charmonitor,path=/x"], "", Manager.LIBVIRT),
        (["q", "-object", "secret,file=/var/lib/libvirt/qemu/domain-1-a/master-key.aes"], "", Manager.LIBVIRT),
        ([], "0::/machine.slice/machine-qemu\\x2d1\\x2dweb01.scope/libvirt/emulator\n", Manager.LIBVIRT),
        (["q", "-id", "100", "-qmp", "unix:/var/run/qemu-server/100.qmp"], "", Manager.PROXMOX),
        ([], "0::/qemu.slice/100.scope\n", Manager.PROXMOX),
        (["q", "-m", "64"], "0::/user.slice\n", Manager.PLAIN),
        ([], "0::/user.slice\n", Manager.UNKNOWN),
    ],
)
def test_manager(argv: list[str], cgroup: str, manager: Manager) -> None:
    assert manager_of(argv, cgroup) is manager


KVM_LINKS = ["/dev/kvm", "anon_inode:kvm-vm", "anon_inode:kvm-vcpu:0", "anon_inode:kvm-vcpu:1"]


@pytest.mark.parametrize(
    ("asked", "links", "threads", "accelerator"),
    [
        (Accelerator.UNKNOWN, KVM_LINKS, [], Accelerator.KVM),
        (Accelerator.KVM, None, ["qemu", "CPU 0/TCG"], Accelerator.TCG),
        (Accelerator.UNKNOWN, None, ["qemu", "CPU 0/KVM"], Accelerator.KVM),
        (Accelerator.UNKNOWN, ["/dev/null"], ["qemu"], Accelerator.TCG),
        (Accelerator.KVM, ["/dev/null"], ["qemu"], Accelerator.TCG),
        (Accelerator.XEN, ["/dev/null"], ["qemu"], Accelerator.XEN),
        (Accelerator.KVM, None, [], Accelerator.KVM),
        (Accelerator.UNKNOWN, None, [], Accelerator.UNKNOWN),
        (Accelerator.UNKNOWN, ["anon_inode:mshv_partition"], [], Accelerator.UNKNOWN),
    ],
)
def test_accelerator(asked: Accelerator, links: list[str] | None, threads: list[str], accelerator: Accelerator) -> None:
    assert accelerator_of(QemuConfig(binary="q", accelerator=asked), links, threads) is accelerator


def test_vcpus_that_were_plugged_in_count() -> None:
    config = QemuConfig(binary="q", vcpus=1)
    assert vcpus_of(config, KVM_LINKS, []) == 2
    assert vcpus_of(config, None, ["CPU 0/TCG", "CPU 1/TCG", "CPU 2/TCG"]) == 3
    assert vcpus_of(config, None, ["ALL CPUs/TCG"]) == 1
    assert vcpus_of(None, None, []) is None
