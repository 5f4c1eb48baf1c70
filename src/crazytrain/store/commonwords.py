"""Words that evidence is full of.

As a guest's or host's name they tell nothing, and replacing them would spoil the text.
"""

COMMON_WORDS = frozenset(
    (  # noqa: SIM905 - one text: a page of quotes reads worse
        "absent accel amd64 arm64 audio auto base baseline block boot bridge build burst bus busy case centos "
        "chardev cirrus client clock comm config console control core cost cpu cpuidle cpus curses data debian "
        "default demo denied desktop dev device disk display docker domain drive edge emulator ended event "
        "eventfd exit exits false fedora file firewall first format ftp guest guest1 guest2 head host host1 host2 "
        "hostname hpet hyperv i440fx idle image index info input iothread irq kernel kvm kvmclock last latest "
        "libvirt line lines linux list live load local localhost loop machine main master memory microvm mode "
        "monitor name net network nginx no node none nowait null off offset on online open oracle panic path "
        "pause paused pc pflash pipe plain poll ppoll prod production proxmox pve python q35 qemu qmp qxl raid raw "
        "read redhat release return rocky root rtc running sample samples scsi select serial server service "
        "shared signal signalfd slave smoke smp snapshot socket spice spin start state stats status stdio stop "
        "storage storm strace suse sysctl system table tap task tasks tcg temp template test testing text thread "
        "threads time timer timerfd top trace true truncated ubuntu unknown usb user users uuid value vcpu "
        "version vhost video virsh virt virtio virtual vnc wait web win win10 win11 windows work worker write x86 "
        "xen yes "
    ).split()
)
