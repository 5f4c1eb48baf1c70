"""Commands that name no accelerator, whose log it is, and what a debugger or a manager showed."""

import pytest

from crazytrain.decode.log_side import side
from crazytrain.decode.no_accelerator import decode_no_accelerator
from crazytrain.decode.tool_lines import decode_tool_lines
from crazytrain.model.evidence import Evidence, Kind
from crazytrain.model.facts.tool_lines import ToolLine, ToolMeaning


def command(text: str) -> list[float | None]:
    evidence = Evidence(id="paste", kind=Kind.COMMAND_LINE, source="paste", data=text.encode())
    return [line.value for line in decode_no_accelerator(evidence) if isinstance(line, ToolLine)]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("qemu-system-mips -M malta -m 512 -kernel vmlinux -hda disk.img\n", 1.0),
        ("qemu-system-aarch64 -M raspi3b -m 1G \\\n  -kernel kernel8.img -nographic\n", 1.0),
        ("qemu-system-x86_64 -m 4096 -hda disk.img -cdrom x.iso\n", 0.5),
    ],
)
def test_a_command_without_an_accelerator(text: str, value: float) -> None:
    assert command(text) == [value]


@pytest.mark.parametrize(
    "text",
    [
        "qemu-system-x86_64 -enable-kvm -m 4096 -hda disk.img\n",
        "qemu-system-x86_64 -machine q35,accel=kvm:tcg -m 4096 -hda disk.img\n",
        "/usr/bin/kvm -m 4096 -hda disk.img -cdrom x.iso\n",
        "qemu-system-x86_64 -m 4096 ... -hda disk.img -cdrom x.iso\n",
    ],
)
def test_one_that_names_it_or_is_cut_says_nothing(text: str) -> None:
    assert command(text) == []


def test_a_kernel_that_runs_guests_is_a_host_even_in_a_virtual_machine() -> None:
    lines = [
        "Hypervisor detected: VMware",
        "CPU: 2 PID: 81 Comm: CPU 1/KVM Not tainted 5.4.0",
        "Hardware name: VMware, Inc. VMware Virtual Platform",
    ]
    assert side(lines) == (True, True)
    assert side([lines[0], lines[2].replace("VMware Virtual", "KVM Virtual Machine")])[0] is False


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("qmpstatus: prelaunch\n", ToolMeaning.PAUSED_TOLD),
        ("| status | SUSPENDED |\n", ToolMeaning.PAUSED_TOLD),
        ("$2 = {request_interrupt_window = 0 '\\000', exit_reason = 6, if_flag = 1}\n", ToolMeaning.LAST_EXIT),
        ("stat /dev/kvm: No such file or directory\n", ToolMeaning.NO_KVM),
    ],
)
def test_a_line_of_a_manager_or_a_debugger(text: str, meaning: ToolMeaning) -> None:
    evidence = Evidence(id="paste", kind=Kind.TEXT, source="paste", data=text.encode())
    assert [line.meaning for line in decode_tool_lines(evidence) if isinstance(line, ToolLine)] == [meaning]
