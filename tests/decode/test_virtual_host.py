"""Machines that show that they are virtual themselves, and bpftrace's maps as somebody pasted them."""

import pytest

from crazytrain.decode.bpf_maps_text import decode_bpf_maps
from crazytrain.decode.virtual_host import decode_virtual_host
from crazytrain.model.evidence import Evidence, Kind
from crazytrain.model.facts.kvm import KvmExits
from crazytrain.model.facts.tool_lines import ToolLine, ToolMeaning


def evidence(text: str) -> Evidence:
    return Evidence(id="paste", kind=Kind.TEXT, source="paste", data=text.encode())


@pytest.mark.parametrize(
    "text",
    [
        "Virtualization:        AMD-V\nHypervisor vendor:     Xen\n",
        "# systemd-detect-virt\nvmware\n# lsmod\nkvm_amd 155648 4\n",
        "# dmidecode -s system-product-name\nVirtualBox\n# ls /dev/kvm\n",
        "CPU: 1 PID: 91 Comm: CPU 2/KVM Not tainted 5.4.0\nHardware name: Google Google Compute Engine/Google\n",
    ],
)
def test_a_virtual_host_is_known(text: str) -> None:
    (line,) = decode_virtual_host(evidence(text))
    assert isinstance(line, ToolLine)
    assert line.meaning is ToolMeaning.HOST_IS_GUEST


@pytest.mark.parametrize(
    "text",
    [
        "Hypervisor vendor:     KVM\nVirtualization type:   full\n",  # as any guest shows
        "# systemd-detect-virt\nkvm\n",
        "CPU: 1 PID: 91 Comm: CPU 2/KVM Not tainted 5.4.0\nHardware name: Dell Inc. PowerEdge R740\n",
        "CPU: 1 PID: 91 Comm: CPU 2/KVM Not tainted\nHardware name: Amazon EC2 c5.metal/Not Specified\n",
    ],
)
def test_a_plain_guest_or_host_is_not(text: str) -> None:
    assert not list(decode_virtual_host(evidence(text)))


PIO = "# bpftrace -e 't:kvm:kvm_pio { @[args->port, args->rw] = count(); } interval:s:5 { exit(); }'\n@[1016, 0]: 40\n@[0x3f5, 1]: 5000\n"


def test_ports_of_a_map_have_a_rate() -> None:
    (exits,) = decode_bpf_maps(evidence(PIO))
    assert isinstance(exits, KvmExits)
    assert [(use.port, use.count) for use in exits.ports] == [(0x3F5, 5000), (1016, 40)]
    assert exits.per_s(5000) == 1000


def test_without_an_interval_there_is_no_rate_and_without_an_event_nothing() -> None:
    (exits,) = decode_bpf_maps(
        evidence("bpftrace -e 'tracepoint:kvm:kvm_exit { @[args->exit_reason] = count(); }'\n@[48]: 9\n@[30]: 4\n")
    )
    assert isinstance(exits, KvmExits)
    assert not exits.window_ns
    assert [one.reason for one in exits.exits] == ["EPT_VIOLATION", "IO_INSTRUCTION"]
    assert not list(decode_bpf_maps(evidence("@[48]: 9\n")))


@pytest.mark.parametrize(("event", "what"), [("kvm_mmio", "mmio"), ("kvm_msr", "msrs")])
def test_pages_and_registers(event: str, what: str) -> None:
    (exits,) = decode_bpf_maps(
        evidence(f"bpftrace -e 'tracepoint:kvm:{event} {{ @n[args->x] = count(); }}'\n@n[4275957764]: 7\n")
    )
    (use,) = getattr(exits, what)
    assert use.count == 7


def test_another_monitor_below_is_no_guest_of_kvm() -> None:
    (line,) = decode_virtual_host(evidence("[    0.000000] Hypervisor detected: VMware\n"))
    assert isinstance(line, ToolLine)
    assert not list(decode_virtual_host(evidence("[    0.000000] Hypervisor detected: KVM\n")))
