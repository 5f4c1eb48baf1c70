"""agent-spin: the agent in the guest turns without end on its port, for nobody on the host holds the other side."""

from crazytrain.lab.guest import CONSOLE, Counted, LabGuest, Linux, Sign
from crazytrain.lab.modules import VIRTIO_PCI

PORT = "/dev/vport0p1"

AGENT_SPIN = LabGuest(
    name="agent-spin",
    summary="the guest agent turns without end on its virtio port, whose host side is closed",
    does=(
        "Linux with a program named qemu-ga on a virtio port (org.qemu.guest_agent.0) to which nobody is connected on the "
        "host: poll says POLLHUP at once, read gives 0, and it does not wait before it asks again."
    ),
    family="main-loop-spin",
    cause="guest-agent-spin",
    image=Linux(
        modules=(*VIRTIO_PCI, "virtio_console"),
        programs=("qemu-ga",),
        script=f"""
until (: <{PORT}) 2>/dev/null; do usleep 20000; done
echo READY
exec qemu-ga <{PORT}
""",
    ),
    arguments=(
        *("-device", "virtio-serial-pci", "-chardev", "socket,id=agent,path={folder}/agent.sock,server=on,wait=off"),
        *("-device", "virtserialport,chardev=agent,name=org.qemu.guest_agent.0"),
    ),
    ready=Sign(file=CONSOLE, pattern=r"progress \d+\r?\n"),
    progress=Counted(file=CONSOLE, pattern=r"progress (\d+)\r?\n", unit="10,000 turns of the agent"),
)
