"""What libvirt prints, as pasted: the domain's XML, whole or a part, and virsh's tables."""

import pytest

from crazytrain.decode.recognise import split
from crazytrain.decode.xml_tree import tree_of
from crazytrain.model.case import Case
from crazytrain.model.evidence import Kind
from crazytrain.model.facts import Facts, QemuConfig, QemuState
from crazytrain.model.facts.block import BlockReading
from crazytrain.model.facts.devices import MachineTraits
from crazytrain.model.facts.services import Balloon, Migration
from crazytrain.model.guest import Accelerator
from crazytrain.pipeline import conclude, read
from tests.cage import caged
from tests.tiny import HALT

CLOCK = """  <clock offset='localtime'>
    <timer name='rtc' tickpolicy='catchup'/>
    <timer name='pit' tickpolicy='delay'/>
    <timer name='hpet' present='no'/>
    <timer name='hypervclock' present='yes'/>
  </clock>
"""
DOMAIN = f"""<domain type='kvm' id='3'>
  <name>web01</name>
  <uuid>5f0c2c55-7b0f-4d6f-8e52-6f2c1f0a9b11</uuid>
  <memory unit='GiB'>4</memory>
  <currentMemory unit='KiB'>1048576</currentMemory>
  <vcpu placement='static' current='2'>4</vcpu>
  <iothreads>1</iothreads>
  <os><type arch='x86_64' machine='pc-q35-7.2'>hvm</type></os>
  <features><acpi/><hyperv mode='custom'><relaxed state='on'/><spinlocks state='on' retries='8191'/><stimer state='off'/></hyperv></features>
  <cpu mode='host-passthrough' check='none'/>
{CLOCK}  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <disk type='file' device='disk'>
      <driver name='qemu' type='qcow2' cache='none' io='native'/>
      <source file='/data/web01.qcow2'/>
      <target dev='vda' bus='virtio'/>
    </disk>
    <interface type='network'><model type='virtio'/></interface>
    <input type='tablet' bus='usb'/>
    <controller type='usb' index='0' model='piix3-uhci'/>
    <memballoon model='virtio'/>
  </devices>
</domain>
"""


def facts(text: str) -> Facts:
    found = read(split("paste.txt", text.encode()))
    assert not found.notes
    return found.facts


def kinds(text: str) -> set[Kind]:
    return {one.kind for one in split("paste.txt", text.encode()) if one.kind is not Kind.TEXT}


@pytest.mark.parametrize("before", ["", "virsh # dumpxml web01\n", "> "])
def test_a_whole_domain(before: str) -> None:
    text = "".join(f"> {line}\r\n" for line in DOMAIN.splitlines()) if before == "> " else before + DOMAIN
    assert kinds(text) == {Kind.LIBVIRT_XML}
    config, balloon = facts(text).get(QemuConfig), facts(text).get(Balloon)
    assert config is not None
    assert balloon is not None
    assert (config.name, config.vcpus, config.memory_bytes, config.accelerator) == (
        "web01",
        2,
        4 << 30,
        Accelerator.KVM,
    )
    assert (config.machine, config.hpet, config.rtc) == ("pc-q35-7.2", False, "base=localtime,driftfix=slew")
    assert config.cpu == "host,hv-time=on,hv-relaxed=on,hv-spinlocks=8191,hv-stimer=off"
    assert config.images == ("/data/web01.qcow2",)
    assert {"usb-tablet", "piix3-usb-uhci", "virtio-balloon-pci"} <= set(config.devices)
    assert config.iothreads == ("iothread1",)
    assert balloon.actual_bytes == 1 << 30


def test_the_clock_alone_says_nothing_of_the_rest() -> None:
    found = facts(CLOCK)
    config, traits = found.get(QemuConfig), found.get(MachineTraits)
    assert config is not None
    assert traits is not None
    assert (config.rtc, config.hpet) == ("base=localtime,driftfix=slew", False)
    assert (config.vcpus, config.memory_bytes, config.accelerator, config.binary) == (
        None,
        None,
        Accelerator.UNKNOWN,
        "",
    )
    assert (traits.rtc_lost_ticks, traits.pit_lost_ticks, traits.features) == ("slew", "delay", ("hv-time",))


def test_parts_and_a_command_line_are_one_guest() -> None:
    config = facts(f"qemu-system-x86_64 -accel kvm -smp 4 -m 2048\n\nand the clock\n\n{CLOCK}").get(QemuConfig)
    assert config is not None
    assert (config.vcpus, config.rtc, config.hpet) == (4, "base=localtime,driftfix=slew", False)


def test_two_guests_are_not_mixed() -> None:
    other = DOMAIN.replace("web01", "db02").replace("5f0c2c55", "6a0c2c55")
    names = [config.name for config in facts(DOMAIN + other).all(QemuConfig)]
    assert names == ["web01", "db02"]


@pytest.mark.parametrize(
    "text",
    [
        "<domain>" * 5000,
        "<timer name='rtc'" * 3000,
        "<a" + " b='c'" * 5000,
        "</cpu></clock><cpu>",
        "<cpu mode='" + "x" * 100_000,
        "<!--" * 4000,
    ],
)
def test_hostile_xml_is_read_in_no_time(text: str) -> None:
    assert tree_of(text).name == ""
    read(split("x", text.encode()))


@pytest.mark.parametrize("end", range(0, len(DOMAIN), 97))
def test_cut_anywhere(end: int) -> None:
    if DOMAIN[:end].strip():
        assert not read(split("x", DOMAIN[:end].encode())).notes


TABLES = """virsh # domstate web01 --reason
paused (I/O error)

virsh # domblkerror web01
vda: no space

virsh # dominfo web01
Id:             3
Name:           web01
UUID:           5f0c2c55-7b0f-4d6f-8e52-6f2c1f0a9b11
OS Type:        hvm
State:          paused
CPU(s):         2
CPU time:       33.1s
Max memory:     4194304 KiB
Used memory:    1048576 KiB

virsh # domstats web01
Domain: 'web01'
  state.state=3
  balloon.current=1048576
  block.count=1
  block.0.name=vda
  block.0.rd.reqs=17
  block.0.wr.reqs=4

virsh # domjobinfo web01
Job type:         Unbounded
Operation:        Outgoing migration
Memory total:     4.000 GiB
Memory remaining: 1.500 GiB
"""


def test_tables_of_virsh() -> None:
    found = facts(TABLES)
    state, disks, migration, balloon = (
        found.get(QemuState),
        found.get(BlockReading),
        found.get(Migration),
        found.get(Balloon),
    )
    assert state is not None
    assert (state.status, state.io_errors, state.told_by) == ("io-error", ("vda: no space",), "libvirt")
    assert disks is not None
    assert (disks.disks[0].disk, disks.disks[0].reads) == ("vda", 17)
    assert migration is not None
    assert (migration.status, migration.remaining_bytes) == ("active", 3 << 29)
    assert balloon is not None
    assert balloon.actual_bytes == 1 << 30
    report = conclude(Case(id="", guest=None, window=None, evidence=split("x", TABLES.encode())))
    assert report.verdict.cause == "enospc-paused"


@pytest.mark.real
def test_a_real_libvirt() -> None:
    with caged() as libvirt:
        libvirt.start("pasted", HALT, vcpus=2)
        said = [
            libvirt.virsh(*words, "pasted")
            for words in (("dumpxml",), ("dominfo",), ("domstate", "--reason"), ("domstats",), ("domjobinfo",))
        ]
        libvirt.virsh("suspend", "pasted")
        paused = libvirt.virsh("domstate", "pasted", "--reason")
        libvirt.virsh("destroy", "pasted")
    text = "\n".join((*said, paused))
    assert not [one.data for one in split("x", text.encode()) if one.kind is Kind.TEXT]
    assert kinds(text) == {Kind.LIBVIRT_XML, Kind.LIBVIRT_TEXT}
    config, state = facts(text).get(QemuConfig), facts(text).get(QemuState)
    assert config is not None
    assert state is not None
    assert (config.name, config.vcpus, config.memory_bytes, config.accelerator) == (
        "pasted",
        2,
        64 << 20,
        Accelerator.KVM,
    )
    assert len(config.images) == 2
    assert (state.status, state.status_reason) == ("paused", "paused (user)")
