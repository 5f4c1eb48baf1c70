"""What QEMU uses a descriptor for: the words that ``Descriptor.role`` begins with, where it is more than its kind."""

MAIN_LOOP_WAKEUP = "main loop wake-up"
IOTHREAD_WAKEUP = "iothread wake-up"
MAIN_LOOP_SIGNALS = "signals to the main loop"
KICK = "ioeventfd"  # the guest tells a device that there is work; KVM writes it
EMULATED_KICK = "virtqueue kick"  # the same without KVM: a vCPU thread writes it
KERNEL_NOTICE = "notice from the kernel"  # an ioeventfd, or the completion of disk I/O: not told apart
INTERRUPT = "irqfd"  # a device interrupts the guest; KVM reads it
VIRTUAL_MACHINE = "the virtual machine"
VCPU = "vCPU"
TAP = "tap"
VHOST = "vhost"
QMP = "QMP monitor"
HMP = "HMP monitor"
MONITOR = "monitor"
AGENT = "guest agent channel"
CONSOLE = "console"
CHARDEV = "character device"
VNC = "VNC"
SPICE = "SPICE"
DISK = "disk image"
RAM = "guest RAM"
PASSED_THROUGH = "passed-through device"
STANDARD = ("standard input", "standard output", "standard error")
EVENT_LOOP = "event loop"  # an epoll set or an io_uring by which a loop waits
DISK_IO = "disk I/O"
