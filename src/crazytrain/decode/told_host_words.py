"""The field's words for what can be observed, second part: QEMU's loops and devices, storage, firmware, the host."""

from crazytrain.decode.told_guest_words import HANGS, SILENT
from crazytrain.model.facts.told import Topic

T = Topic

# fmt: off
OF_HOST: dict[Topic, tuple[str, ...]] = {
    T.EAGAIN: (r"\beagain\b", r"\bresource temporarily unavailable\b",
        (
            r"\b(?:read|write|recv|recvmsg|send|ioctl)(?:\(\))?\b.{0,40}\b(?:returns? (?:at once|immediately|0|-1)|again and again"
            r"|endless\w*|in a loop|loops?|for ever|forever)\b"
        ),
    ),
    T.POLL_SPIN: (
        (
            r"\b(?:p?poll|select|epoll_wait)(?:\(\))?\b.{0,40}\b(?:returns? (?:at once|immediately)|zero timeout|timeout (?:of )?0"
            r"|loops?|spin\w*)\b"
        ),
        r"\bpollhup\b", r"\bpollnval\b", r"\bbusy[- ]loop\b.{0,20}\bpoll\b"),
    T.CHARDEV: (r"\bserial\b", r"\bchardevs?\b", r"\bpty\b", r"(?<!\w)/dev/(?:pts/|tty)\S*", r"\btty\b", r"\bvirtio-?serial\b",
        r"\bisa-serial\b", r"\bparallel port\b", r"\bconsole (?:output|port|socket)\b"),
    T.PEER_STUCK: (r"\b(?:nobody|no one|no-one|nothing|not)\b.{0,20}\b(?:drain|read|consum|connect|listen)\w*",
        r"\b(?:buffer|pipe|pty|backend|queue|socket)\b.{0,12}\b(?:is )?full\b", r"\bnot (?:being )?drained\b"),
    T.SOCKET: (r"\b(?:unix |tcp |client )?sockets?\b", r"\bgdb ?stub\b", r"\blibvmi\b", r"\bqmp connection\b"),
    T.CLIENT_GONE: (
        (
            r"\b(?:client|peer|viewer|browser|tab|consumer|connection|reader|other side|other end|session)\b.{0,40}\b(?:dies|died|dead|gone"
            r"|exit(?:s|ed)|clos\w+|disconnect\w*|crash\w*|kill\w*|drop\w*|goes away|went away|lost)\b"
        ),
        r"\bdisconnect\w*\b", r"\bend[- ]of[- ]file\b", r"\bhang-?up\b"),
    T.IO_URING: (r"\bio[-_]?uring\b",),
    T.IOTHREAD: (r"\bio-?threads?\b", r"\bdata-?plane\b"),
    T.POLL_MAX: (r"\bpoll-max-ns\b", r"\badaptive polling\b", r"\baio poll\w*\b"),
    T.THROTTLE: (r"\bthrottl\w+\b", r"\biops(?:[-_ ](?:limit\w*|total|rd|wr))\b", r"\biotune\b", r"\bio limits?\b"),
    T.USERNET: (r"\buser[- ]?mode net\w*\b", r"\bslirp\b", r"(?<!\w)-net(?:dev)? user\b", r"\bhostfwd\b", r"\buser net\w*\b", r"\bpasst\b"),
    T.TAP: (r"\btap\b", r"\bbridge[d]?\b"),
    T.USB_TABLET: (r"\busb[- ]?(?:tablet|mouse|keyboard|pointer)\b", r"\b(?:tablet|absolute pointer|pointing device)\b"),
    T.USB: (r"\b[ueox]hci(?:\b|_)", r"\busb (?:controller|hub|1\.1|2\.0|redir\w*)\b", r"\bemulated usb\b", r"\busb polling\b"),
    T.USB_HOST: (r"\busb[- ]?(?:host|pass-?through|stick|dongle|disk|device of the host)\b", r"\busbfs\b", r"\blibusb\b",
        r"\bhostaddr\b"),
    T.DISPLAY: (r"\bvnc\b", r"\bspice\b", r"\bnovnc\b", r"\bqxl\b", r"\bremote (?:desktop|display|console)\b", r"\bscreen updates?\b",
        r"\bgtk (?:window|display)\b"),
    T.DISPLAY_WORK: (r"\b(?:image|video|screen|jpeg|zlib|glz|tight)[- ](?:compress\w*|encod\w*|updates?)\b", r"\bred_worker\b",
        r"\bvideo (?:plays|playback|stream\w*)\b", r"\bplay\w* (?:a |the )?videos?\b", r"\bvnc_worker\b"),
    T.AUDIO: (r"\b(?:sound|audio|hda|ac97|alsa|pulseaudio|intel-hda)\b",),
    T.AGENT: (r"\bqemu-?ga\b", r"\bguest[- ]agent\b", r"\bqga\b"),
    T.BALLOON: (r"\bballoon\w*\b", r"\bcurrentmemory\b", r"\bfree page report\w*\b"),
    T.VHOST: (r"\bvhost(?:-net|-user|-\d+)?\b",),
    T.NETWORK_LOAD: (r"\b(?:packet|network|syn|broadcast|multicast|udp) (?:flood|storm)\b", r"\bpackets?(?: per second|/s)\b",
        r"\bpps\b", r"\biperf\b"),
    T.NBD: (r"\bnbd\b", r"\biscsi\b", r"\bceph\b", r"\brbd\b", r"\bnfs\b", r"\bgluster\w*\b", r"\bdrbd\b", r"\bsmb\b", r"\bcifs\b"),
    T.HOST_IO: (r"\b(?:heavy|high|much|intense|a lot of)\b.{0,15}\b(?:disk|storage|write|read|i/o|io)\b", r"\bdisk[- ](?:load|bound)\b",
        r"\bi/?o (?:load|pressure|wait)\b", r"\bdirty pages?\b", r"\bbackups?\b", r"\bslow (?:disks?|storage)\b"),
    T.IO_BLOCKS: (r"\bio_submit\b", r"\bfsync\w*\b", r"\bfdatasync\b", r"\bfallocate\b", r"\bseek_hole\b", r"\bpreadv?\b",
        r"\bpwritev?\b", r"\baio=(?:native|threads)\b", r"\bcache=(?:writeback|none|directsync|writethrough|unsafe)\b", r"\bdiscards?\b",
        r"\btrim\b", r"\bqemu-img\b"),
    T.STORAGE_SILENT: (
        (
            rf"\b(?:storage|nfs|ceph|iscsi|rbd|drbd|san|array|lun|disk|path|server)\b.{{0,40}}\b(?:{SILENT}|{HANGS}|not responding"
            r"|goes? away|went away|offline|unavailable|lost|outage|fail(?:s|ed|over))"
        ),
        r"\ball paths? down\b"),
    T.NO_SPACE: (r"\bno space left\b", r"\benospc\b", r"\bnospace\b",
        (
            r"\b(?:disk|storage|pool|file ?system|volume|partition|image|datastore)\b.{0,20}\b(?:is |was |got |runs? "
            r"|became )?(?:full|out of space)\b"
        ),
        r"\bran out of (?:disk )?space\b"),
    T.IO_ERROR: (r"\bio-?error\b", r"\bi/o errors?\b", r"\bblock_io_error\b", r"\bwerror\b"),
    T.DRAIN: (r"\bdrain(?:ed)?_(?:begin|all)\b", r"\bbdrv_\w*drain\w*\b", r"\baio_poll\b", r"\bbdrv_close\w*\b", r"\bblk_drain\w*\b",
        r"\bflush\b.{0,15}\b(?:never|pending|request)\b"),
    T.BIG_LOCK: (r"\b(?:bql|iothread[_ ](?:mutex|lock)|global (?:mutex|lock)|big (?:qemu )?lock)\b",),
    T.ENTRY_FAILED: (r"\bvm-?[ -]?entry (?:failure|failed|fails)\b", r"\bentry failed\b", r"\bhardware error 0x",
        r"\binvalid guest state\b", r"\bfail(?:ed)?_entry\b"),
    T.EMULATION: (r"\bemulation (?:failure|error|failed)\b", r"\bsuberror\b", r"\bkvm internal error\b", r"\binternal[- ]error\b"),
    T.BAD_ADDRESS: (r"\bbad address\b", r"\befault\b"),
    T.CPU_DIFFERS: (
        r"\b(?:cpu|processor|xeon|epyc|intel|amd) generations?\b", r"\billegal instructions?\b|\binvalid opcode\b", r"\bunhandled (?:rd|wr)?msr\b",
        r"\b(?:different|another|other|older|newer)\b.{0,20}\b(?:cpu|processor)s?(?: (?:model|generation|family|type))?\b",
        r"\bmicrocode\b", r"\bxsave\w*\b", r"\bcpu (?:model )?mismatch\b", r"\bcpu flags?\b.{0,15}\b(?:differ|missing)"),
    T.PASSTHROUGH: (r"\bvfio\S*\b", r"\bpci[- ]?pass-?through\b", r"\bpassed[- ]through\b", r"\bpass-?through\b", r"\bgpu pass\w*\b",
        r"\bsr-?iov\b"),
    T.FIRMWARE: (r"\b(?:seabios|ovmf|edk2|uefi|tianocore|bios|firmware|option rom|ipxe|grub|boot ?loader)\b",),
    T.NO_SCREEN: (r"\b(?:screen|logo|output) of the (?:firmware|bios|boot loader)\b.{0,20}\b(?:never|not|no)\b",
        r"\b(?:firmware|bios|seabios|boot|ovmf|tianocore)\b.{0,15}\b(?:screen|logo|banner|splash|output)\b.{0,20}\b(?:never|not|no)\b",
        r"\b(?:black|blank|no) (?:screen|display|output)\b", r"\bdisplay output is not active\b",
        r"\bbefore the (?:bios|firmware|boot loader)\b"),
    T.NO_BOOT: (r"\bno bootable\b", r"\bwithout (?:a |any )?(?:medium|disk|media|boot device|iso)\b",
        r"\bempty (?:cd|dvd|optical|drive)\S*", r"\bno (?:medium|boot device|disk)\b", r"\bboot menu\b"),
    T.SMM: (r"\bsmm\b", r"\bsystem management mode\b", r"\bsmi\b"),
    T.NUMA_BALANCING: (r"\b(?:auto\w*[- ])?numa[-_ ]balancing\b", r"\bnumad\b"),
    T.KSM: (r"\bksm(?:d)?\b",),
    T.HUGE_PAGES: (r"\b(?:transparent[- ])?huge ?pages?\b", r"\bthp\b", r"\bkhugepaged\b", r"\bcompaction\b", r"\bkcompactd\b"),
    T.MMU_LOCK: (r"\bmmu[-_ ]?lock\b", r"\btdp[-_ ]mmu\b", r"\bmmu notifier\w*\b"),
    T.HOST_MEMORY: (r"\bmemory pressure\b", r"\bout of memory\b", r"\boom\b", r"\bhost\b.{0,20}\bswap\w*", r"\bkswapd\b", r"\bpsi\b"),
    T.HOST_LOAD: (r"\b(?:host|hypervisor|node)\b.{0,20}\b(?:overloaded|heavily loaded|very busy|under load|saturated)\b",
        r"\bcpu (?:quota|limit|shares)\b", r"\bnr_throttled\b", r"\brun queue\b", r"\bnoisy neighbou?r"),
    T.HOST_KERNEL: (r"(?<!guest )(?<!guest's )\b(?:older|newer|new|previous|earlier|current|recent) (?:host )?kernels?\b",
        r"\bhost(?:'s)? kernel\b", r"\bkernel \d[\w.]*\b.{0,20}\b(?:fine|works?|ok|good|bad)\b",
        r"\bkernel (?:regression|update|upgrade)\b", r"\b(?:up|down)graded?\b.{0,15}\bkernel\b"),
    T.QEMU_VERSION: (r"\b(?:qemu|pve|libvirt) v?\d[\w.]*\b.{0,30}\b(?:fine|works?|ok|good|bad)\b",
        r"\b(?:since|older|newer|previous|with) qemu\b", r"\bmachine type\b", r"\bregression\b", r"\bbisect\w*\b"),
    T.NESTED: (r"\bnested\b", r"\b(?:inner|l2|l1|outer) (?:guest|hypervisor|vm)\b", r"\bvmware\b", r"\bvirtualbox\b",
        r"\b(?:cloud|ec2|azure|gce) (?:instance|vm)\b", r"\bown hypervisor\b", r"\bguest of (?:vmware|hyper-v|virtualbox|xen)"),
    T.EMULATED: (r"\bkvm support: disabled\b", r"/dev/kvm\b.{0,12}\b(?:not|no|missing|denied)\b",
        r"\btcg\b", r"(?<!\w)-no-kvm\b", r"\bwithout kvm\b", r"\bno kvm\b", r"\bsoftware emulation\b",
        r"\bkvm (?:is )?(?:off|disabled|not available)\b", r"\baccel=tcg\b", r"\bno hardware (?:virt\w*|acceleration)"),
}
# fmt: on
