"""The field's words for what can be observed, second part: QEMU's loops and devices, storage, firmware, the host."""

from crazytrain.decode.told_guest_words import HANGS, SILENT
from crazytrain.model.facts.told import Topic

_SLOW = r"(?:slow\w*|sluggish\w*|crawl\w*|lag(?:s|gy|ging)?|stutter\w*|pause[sd]?|die[sd]?|crash\w*)"
# An agent that nobody reaches says that its guest stands still, or that there is none; not what the agent does.
_OUT_OF_REACH = rf".{{0,40}}\b(?:got time-?out|(?:not|isn't) (?:connected|running|available|reachable|installed)|unreachable|{SILENT})"

T = Topic

CHIPS = (
    r"\b(?:nehalem|westmere|sandy ?bridge|ivy[ -]?bridge|haswell|broadwell|skylake|cascade ?lake|cooper ?lake|ice ?lake|sapphire ?rapids"
    r"|emerald ?rapids|alder ?lake|raptor ?lake|zen ?\d|naples|rome|milan|genoa|opteron\w*|epyc\w*|ryzen|xeon|intel|amd)\b"
)
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
            r"\b(?:p?poll|select|epoll_wait|io_uring_enter)(?:\(\))?\b.{0,40}\b(?:return(?:s|ing|ed)? (?:at once|immediately|right away)"
            r"|zero timeout|timeout (?:of )?0|(?<!main )(?<!event )loops?|spin\w*)\b"
        ),
        r"\bi/?o thread spun\b", r"\bmain-loop: warning\b",
        r"\bbusy[- ]loop\b.{0,20}\bpoll\b"),
    T.CHARDEV: (r"(?<!nothing on the )(?<!nothing on )(?<!output on the )(?<!output on )\bserial\b(?! (?:cards?|numbers?|attached))",
        r"\bchardevs?\b", r"\bpty\b", r"(?<!\w)/dev/(?:pts/|tty)\S*", r"\btty\b",
        r"\bvirtio-?serial\b",
        r"\bisa-serial\b", r"\bnmdm\b", r"\bparallel port\b", r"\bconsole (?:output|port|socket)\b"),
        T.PEER_STUCK: (
        (
            r"(?<!tcp:)\b(?:nobody|no one|no-one|nothing|not)\b.{0,20}\b(?:drain|read|consum|connect"
            r"|listen)(?!able)\w*\b(?!.{0,25}\bby the (?:guest|vm)\b)(?!y)"
        ),
        r"\b(?:buffer|pipe|pty|backend|queue|socket)\b.{0,12}\b(?:is )?full\b", r"\bnot (?:being )?drained\b"),
    T.SOCKET: (r"\b(?:unix |tcp |client )?(?<!\d-)(?<!\d )(?<!two )(?<!two-)(?<!dual )(?<!dual-)(?<!single )(?<!single-)sockets?\b",
        r"\bgdb ?stub\b(?!.{0,12}\b(?:shows?|says?|tells?|has it|gives?)\b)",
        r"(?<!\w)-(?:gdb|s -s)\b", r"\bgdb (?:client|connection|session|server|port)s?\b", r"\blibvmi\b", r"\bqmp connection\b"),
    T.CLIENT_GONE: (
        (
            r"\b(?:client|peer(?! (?:node|host|server|machine))|viewer|browser|tab|consumer|connection|reader"
            r"|other side|other end|(?<!iscsi )session)\b.{0,40}\b(?:dies|died|dead"
            r"|gone|exit(?:s|ed)|clos\w+|disconnect\w*|crash\w*|kill\w*|drop\w*|goes away|went away|lost)\b"
        ),
        (
            r"\b(?:harness|wrapper|launcher|(?:monitoring|test|python|control\w*|management|client) (?:script|program|tool|process)"
            r"|parent(?: process)?|proxy|debugger|websockify|(?:virt|remote)-viewer|(?<!until )(?:socat|minicom|telnet)|gdb)\b.{0,40}"
            r"\b(?:dies|died|dead|gone|exit(?:s|ed)|clos\w+|crash\w*|kill\w*|goes away|went away|quits?)\b"
        ),
        r"(?<!n't get )(?<!not get )(?<!not )(?<!never )\bdisconnect\w*\b", r"\bend[- ]of[- ]file\b", r"\bclose_wait\b", r"\bhalf[- ]closed\b",
        r"\bhang-?up\b"),
    T.IO_URING: (r"\b(?:lib|io[-_]?)uring(?:\b|_)",),
    T.IOTHREAD: (r"\bio-?threads?\b", r"\bdata-?plane\b"),
    T.POLL_MAX: (r"\bpoll-max-ns\b", r"\badaptive polling\b", r"\baio poll\w*\b"),
    T.THROTTLE: (r"(?<!full )(?<!cpu )(?<!thermal )(?<!interrupt )(?<!guest is )\bthrottl\w+\b(?!.{0,20}\bauto-?converge)",
        r"\biops(?:[-_ ](?:limit\w*|total|rd|wr|sec))\b", r"\bblkdeviotune\b", r"\b(?:bps|iops) limits?\b",
        r"\b(?:total|read|write)[-_](?:iops|bytes)[-_]sec\b", r"\biotune\b",
        r"\bio limits?\b"),
    T.USERNET: (r"\buser[- ]?mode net\w*\b", r"\b(?:lib)?slirp\w*", r"(?<!\w)-net(?:dev)? user\b", r"\bhostfwd\b", r"\buser net\w*\b",
        r"\bpasst\b"),
    T.TAP: (r"\btap\b", r"\bbridge[d]?\b"),
    T.USB_TABLET: (r"\busb[- ]?(?:tablet|mouse|keyboard|pointer)\b", r"\b(?:tablet|absolute pointer|pointing device)\b"),
    T.USB: (r"\b[ueox]hci(?:\b|_)", r"\busb (?:controller|hub|devices?|1\.1|2\.0|redir\w*)\b(?! of the host)",
        r"\bemulated usb\b", r"\busb polling\b"),
    T.USB_HOST: (r"\busb (?:[\w-]+ ){1,3}(?:is |was |are |being |gets )?pass(?:ed|es)[- ]?(?:to|through)\b", r"\b(?:libusb_\w+|usbdevfs\w*)",
        r"\busb (?:[\w-]+ ){0,2}(?:of|from|at) the host\b", r"\b(?:host|physical|real)(?:'s)? usb\b",
        r"\busb (?:[\w-]+ ){1,3}(?:is |was |are |being )?(?:attached|assigned|given|forwarded|handed) to (?:it|(?:the|an?|this) (?:guest|vm|domain))",
        r"\bpass(?:es|ing|ed)? (?:through )?(?:an? |the |my )?usb\b(?!(?: \S+)? controllers?\b)",
        r"(?<!on a )(?<!on an )(?<!on the )(?<!slow )(?<!external )\busb[- ]?(?:host|pass-?through|stick|dongle|disk|device of the host)\b",
        r"\busbfs\b", r"\blibusb\b",
        r"\bhostaddr\b", r"\b(?:zigbee|z-?wave|conbee|coral|bluetooth)\b.{0,20}\b(?:stick|dongle|adapter|device|usb)\b",
        r"\bpass(?:ed|es|ing)? to it as an? usb\b", r"\b(?:stick|dongle|printer|camera|modem|reader|scanner|webcam)\b.{0,40}\bpass(?:ed|es|ing)?\b",
        r"\bpass(?:ed|ing|es)?(?:[- ](?:through|thru))?(?: (?:an?|the|my|old|some))* usb\b(?!(?: \S+)? controllers?\b)"),
    T.DISPLAY: (r"(?<!on )(?<!in )\bvnc\b(?! (?:console |screen |window )?(?:shows?|displays?|says?|has|gives?|is black))",
        r"\bspice\b", r"\bnovnc\b", r"\bqxl\b", r"\bremote (?:desktop|display|console)\b", r"\bscreen updates?\b",
        r"\b(?:gtk|sdl) (?:window|display)\b", r"-display (?:gtk|sdl)\b", r"\b(?:virt|remote)-viewer\b",
        r"\b(?:qemu|vm|guest|viewer|console)(?:'s)? window\b", r"(?<=minimise the )window\b|(?<=minimize the )window\b",
        r"\bwindow is (?:visible|open|shown|mapped|minimi[sz]ed)"),
    T.DISPLAY_WORK: (r"\b(?:vnc|spice|dcc|red)_(?!tls|port|listen|password)\w{4,}", r"\bcompar\w+ the (?:screen|surface|framebuffer)\b",
        r"\b(?:image|video|screen|jpeg|zlib|glz|tight)[- ](?:compress\w*|encod\w*|updates?)\b", r"\bred_worker\b",
        r"\bvideo (?:plays|playback|stream\w*)\b", r"\bplay\w* (?:a |the )?videos?\b", r"\bvnc_worker\b"),
    T.AUDIO: (r"\b(?:sound|audio|hda|ac97|alsa|pulseaudio|intel-hda)\b",),
    T.AGENT: (r"\bheld by agent\b", r"\bremotedispatchdomain(?:fs(?:freeze|thaw|trim)|qemuagent|guest)\w*", r"\bvdagentd?\b", r"\bqemu-?ga\b",
        rf"\b(?:guest[- ]agent|qga)\b(?!{_OUT_OF_REACH})"),
    T.BALLOON: (r"\bballoon(?!\w*serv)\w*\b(?! (?:service|\w+\.exe))", r"\bsetmem\b", r"\bminimum (?:guest )?(?:memory|ram)\b",
        (
            r"\b(?:guest|vm)(?:'s)? (?:memory|ram)\b.{0,25}\b(?:lowered|reduced|shrunk|taken (?:away|back))\b"
            r"|\b(?:lower|reduc|shrink)\w* (?:the |a )?(?:guest|vm)(?:'s)? (?:memory|ram)\b"
        ),
        r"\bcurrentmemory\b", r"\bfree page report\w*\b"),
    T.VHOST: (r"(?<!/dev/)\bvhost(?!-user)(?:-net|-\d+)?\b",),
    T.NETWORK_LOAD: (r"\b(?:packet|network|syn|broadcast|multicast|udp) (?:flood|storm)\b", r"\bpackets?(?: per second|/s)\b",
        r"\bpps\b", r"\biperf\b"),
    T.NBD: (r"\bnbd\b", r"\biscsi\b", r"\bceph\b", r"\brbd\b", r"\bnfs\b", r"\bgluster\w*\b", r"\bdrbd\b", r"\bsmb\b", r"\bcifs\b"),
    T.HOST_IO: (r"\b(?:heavy|high|much|intense|a lot of)\b.{0,15}\b(?:disk|storage|write|read|i/o|io)\b", r"\bdisk[- ](?:load|bound)\b",
        r"\bi/?o (?:load|pressure|wait)\b", r"\bdirty pages?\b", r"\bbackups?\b(?! (?:jobs?|servers?|guests?|vms?|machines?|software|program)\b)",
        r"\bbacked up\b", r"\bslow (?:disks?|storage)\b"),
    T.PAUSES_ITSELF: (
        r"\b(?:paus\w+|in(?:to)? pause)\b.{0,25}\b(?:by (?:it|them)sel(?:f|ves)|(?:on|of) (?:its|their) own|spontaneously)\b",
        r"\b(?:by (?:it|them)sel(?:f|ves)|(?:on|of) (?:its|their) own|spontaneously)\b.{0,12}\b(?:paus\w+|in(?:to)? pause)\b",
        r"\b(?:resum\w+|un-?paus\w+|cont)\b.{0,60}\b(?:paus(?:ed?|es) again|paused? (?:right|soon|shortly) after\w*|back (?:in|to) paused?)\b",
        r"\b(?:are|is|gets?|goes|it) paused again\b",
        r"\b(?:alternat|switch|flip|bounc|toggl|flap|chang)\w*\b.{0,15}\bbetween\W{1,3}(?:running\b.{0,6}\bpaused|paused\b.{0,6}\brunning)\b",
        r"\bpaus\w+ (?:and|then) (?:is |gets? )?(?:resum|un-?paus)\w+ (?:again and again|repeatedly|over and over)\b",
    ),
    T.IO_BLOCKS: (
        r"\b(?:opens?|opening|closes?|closing|reads?|writes?)\b.{0,40}\bin the main (?:thread|loop)\b", r"\bconnect(?:ion)? blocks\b",
        (
            r"\bmain (?:thread|loop)\b.{0,30}\b(?:in|inside) (?:p(?:read|write)(?:64|v)?|f(?:data)?sync|fallocate|lseek|open(?:at)?"
            r"|close|ioctl|munmap|unlink)\b"
        ),
        (
            r"\b(?:hang|stuck|block|wait|sit|spend|sleep)\w*\b.{0,25}\bin (?:the |a )?(?:connect|open(?:at)?|p?read(?:64|v)?|p?write(?:64|v)?|close"
            r"|f(?:data)?sync|ioctl|lseek|fallocate|f?truncate|stat|unlink)(?:\(\)| (?:call|system call|syscall)\b)"
        ),
        r"\bio_submit\b", r"\bfsync\w*\b", r"\bfdatasync\b", r"\bfallocate\b", r"\bseek_hole\b", r"\bpreadv?\b",
        r"\bpwritev?\b", r"\baio=(?:native|threads)\b", r"\bcache=(?:writeback|none|directsync|writethrough|unsafe)\b", r"(?<!policy=)\bdiscards?\b",
        r"\b(?:fs)?trim(?:s|med|ming)?\b", r"\bblkdiscard\b", r"\bqemu-img\b"),
    T.STORAGE_SILENT: (
        (
            rf"\b(?:storage|nfs|longhorn|gluster\w*|bricks?|ceph|iscsi|rbd|drbd|san|array|luns?|disks?|path|(?:nfs|file|iscsi|nbd) server|zvols?"
            rf"|zpools?)\b(?:(?!\bboot).){{0,40}}\b(?:{SILENT}|{HANGS}\b(?! (?:(?:the|my|its|all|this|each|every|whole) )?"
            r"(?:guest|vm|whole|domain|machine|everything))|not responding"
            r"|goes? away|went away|offline|unavailable|lost|outage|fail(?:s|ed|over)|drop(?:s|ped)|disconnect\w*"
            r"|(?:goes|went|gone|was|is) down|(?:is|are) gone)"
        ),
        r"\ball paths? (?:are |have )?(?:down|failed|lost|faulty)\b",
        r"\bwchan\b.{0,20}\b_{0,2}(?:nfs|rpc|ceph|rbd|drbd|io_schedule|blk|bit_wait|wait_on_page|jbd2|ext4|xfs|zil|txg|dm)_?\w*",
        (
            r"\bd[lsn<+]{0,3} +_{0,2}(?:nfs|rpc|ceph|rbd|drbd|io_schedule|blk|bit_wait|wait_on|jbd2|ext4|xfs|zil|txg"
            r"|dm)_?\w* +(?:worker|qemu\S*|kvm|io )"
        ),
        r"\b(?:state d|d state|uninterruptible)\b.{0,40}\b_{0,2}(?:nfs|rpc|ceph|rbd|drbd|iscsi|blk|wait_on|jbd2|xfs|zil|txg)_?\w*",
        (
            r"\b(?:nfs|iscsi|file|storage|ceph|gluster) (?:server|target|node|cluster|array|monitor)s?\b.{0,35}\b(?:rebooted"
            r"|restarted|(?:is|was|went|goes) (?:down|offline))\b"
        ),
        r"\bdegrad\w+\b.{0,12}\bvolumes?\b", r"\bvolumes?\b.{0,12}\b(?:degraded|detached|faulted)\b", r"\bstop(?:s|ped)? (?:doing )?i/?o\b",
        r"\btask (?:qemu\S*|kvm)\b.{0,10}\bblocked for\b",
        r"\b(?:failing|dying|faulty|broken|defective) (?:disks?|drives?|ssds?|hdds?|nvmes?|raid|controllers?)\b",
        r"\b(?:reads?|writes?|i/?o|requests?)\b.{0,20}\b(?:takes?|took|taking)\b.{0,12}\b(?:seconds|minutes)\b",
        r"\b(?:unable to|cannot|can't|could ?n[o']t) (?:issue|do|complete|submit|perform) (?:any )?i/?o\b", r"\bslow (?:ops?|requests?)\b",
        rf"\b(?:disk |all )?(?:i/?o|io)s? (?:to|on|of|for)\b.{{0,40}}\b{HANGS}", rf"\b(?:pools?|zfs)\b.{{0,20}}\b{HANGS}"),
    T.NO_SPACE: (r"\b(?:data|meta)%? (?:is |at |shows )?100(?:\.0+)?\b", r"\bthin[- ]?pool\b.{0,40}\b(?:full|100|exhausted|out of)\b",
        r"\bno storage space\b", r"\bhit (?:its|the|a) quota\b", r"\bquota (?:is |was )?exceeded\b",
        r"\b(?:osds?|bricks?|pool) (?:is |are )?full\b", r"\bdf\b.{0,60}\b100 ?%", r"\b(?:data|metadata|space|storage) usage\b.{0,10}\b100 ?%",
        r"\b100 ?% (?:full|used)\b",
        r"\bno space left\b", r"\benospc\b", r"\bnospace\b", r"\b(?:not enough|insufficient) (?:free |disk |storage )*space\b",
        (
            r"\b(?:disk|storage|pool|file ?system|volume|partition|image|datastore)\b.{0,20}\b(?:is |was |got |runs? "
            r"|became )?(?:full|out of space)\b"
        ),
        r"\bran out of (?:disk )?space\b"),
    T.IO_ERROR: (r"(?<!on-)\bi/?o[- ]?errors?\b", r"\b(?:unknown|unspecified) storage errors?\b",
        r"\b(?:remount\w*|file ?systems?)\b.{0,30}\bread-?only\b", r"\bblock_io_error\b", r"\bwerror\b"),
    T.DRAIN: (r"\bdrain(?:ed)?_(?:begin|all)\b", r"\bbdrv_\w*drain\w*\b", r"\baio_poll\b", r"\bbdrv_close\w*\b", r"\bblk_drain\w*\b",
        r"\bflush\b.{0,15}\b(?:never|pending|request)\b"),
    T.BIG_LOCK: (r"\b(?:bql|iothread[_ ](?:mutex|lock)|global (?:mutex|lock)|big (?:qemu )?lock)\b",),
    T.ENTRY_FAILED: (r"\bvm-?[ -]?entry (?:failure|failed|fails)\b", r"\bentry failed\b", r"\bhardware error 0x",
        r"\binvalid guest state\b", r"(?:\b|_)fail(?:ed)?_entry\b", r"\bwithout unrestricted mode\b", r"\bentering an invalid state\b"),
    T.EMULATION: (r"\bemulation (?:failure|error|failed)\b", r"\bsuberror\b", r"\b(?:kvm|vm) internal error\b",
        r"(?:\b(?:status|state|reason|paused|stopped)\b.{0,20}|\()\binternal[- ]error\b"),
    T.BAD_ADDRESS: (r"\bbad address\b", r"\befault\b"),
    T.CPU_DIFFERS: (
        r"\bfailed to (?:set|get) msrs?\b", r"\bguest cpu doesn'{0,2}t match\b", r"\bmissing (?:cpu )?(?:features?|flags?)\b",
        r"\b(?:cpu|processor|xeon|epyc|intel|amd) generations?\b", r"\billegal instructions?\b|(?<=[a-z] )invalid opcode\b",
        (
            r"\b(?:from|between)\b.{0,30}"
            + CHIPS
            + r".{0,20}\b(?:to|and|onto)\b.{0,30}"
            + CHIPS
        ),
        r"\b(?:different|another|other|older|newer)\b.{0,20}\b(?:cpu|processor)s?(?: (?:model|generation|family|type))?\b",
        r"\bmicrocode\b", r"\bxsave\w*\b", r"\bcpu (?:model )?mismatch\b", r"\bcpu flags?\b.{0,15}\b(?:differ|missing)"),
    T.PASSTHROUGH: (r"\bvfio\S*\b", r"\bpci[- ]?pass-?through\b", r"\bpassed[- ]through\b", r"\bpass-?through\b", r"\bgpu pass\w*\b",
        r"\bsr-?iov\b"),
    T.FIRMWARE: (r"\b(?:tdvf|pei ?(?:main|core)|dxe ?(?:core|main)|slof|skiboot|opensbi|u-boot|coreboot|openbios|qboot)\b",
        (
            r"(?<!host )(?<!hosts )(?<!host's )(?<!got new )(?<!disk )(?<!ssd )(?<!nic )(?<!drive )(?<!controller )"
            r"\b(?:seabios|ovmf|edk ?(?:2|ii)|u?efi|tiano ?core|bios|firmware|option rom|ipxe|grub|boot ?loader)\b"
            r"(?! (?:and microcode )?(?:updates?|upgrades?|updated|flash\w*|settings?|power))"  # of the host, mostly
        ),
        r"\bbooting from (?:hard ?disk|floppy|dvd|cd|rom|network)\b"),
    T.NO_SCREEN: (r"\b(?:screen|logo|output) of the (?:firmware|bios|boot loader)\b.{0,20}\b(?:never|not|no)\b",
        r"\b(?:firmware|bios|seabios|boot|ovmf|tianocore)\b.{0,15}\b(?:screen|logo|banner|splash|output)\b.{0,20}\b(?:never|not|no)\b",
        (
            r"\b(?:never|not|doesn't|won't) (?:even )?(?:gets?|comes?|goes|go|makes? it) (?:past|beyond|through) (?:the )?"
            r"(?:bios|uefi|ovmf|seabios|firmware|tiano ?core|boot ?loader|post)\b"
        ),
        r"\b(?:has|have|had) (?:not|n't|never) initiali[sz]ed the display\b", r"\b(?:does not|doesn't) (?:show|display) anything\b",
        (
            r"\b(?:seabios|bios|uefi|ovmf|edk2|tdvf|pei ?main|slof|u-boot|opensbi|firmware) (?:itself |module )?"
            r"(?:stops?|stopped|hangs?|hung|gets stuck|is stuck|freezes)\b"
        ),
        r"\b(?:black|blank|no) (?:screen|display|output|picture)\b(?! (?:any ?more|any longer|from (?:it|then)|after))",
        r"\bdisplay output is not active\b",
        (
            r"\b(?:screen|display|window|console)s? (?:just |only )?(?:stays?|remains?|is|goes|keeps?) (?:completely |all |totally )?"
            r"(?:black|blank|dark)\b"
        ),
        (
            r"\b(?:stuck|stop(?:s|ped)?|hang(?:s|ing)?|hung|fr[eo]ezes?|frozen|stays|remains)\b.{0,12}\b(?:on|at|in)\b.{0,20}"
            r"\b(?:tiano ?core|bios|uefi|ovmf|seabios|firmware)\b.{0,10}\b(?:screen|logo|image|splash|banner)"
        ),
        (
            r"\b(?:stuck|hang(?:s|ing)?|hung|stops?|fr[eo]ezes?|frozen)\b.{0,8}\b(?:at|in|on) (?:the )?"
            r"(?:seabios|ovmf|tiano ?core|bios|uefi|ipxe)\b(?! (?:interactive )?(?:shell|prompt|menu))"
        ),
        r"\bbefore (?:the )?(?:\w+ )?(?:bios|firmware|seabios|boot ?loader)\b"),
    T.NO_BOOT: (r"\bno boot ?able\b", r"\bgrub ?rescue\b", r"(?<!from the )(?<!from )\b(?:uefi|efi)\b.{0,14}\bshell\b",
        r"\b(?:tries|trying|keeps?|loops?|stuck)\b.{0,20}\b(?:pxe|ipxe)\b",
        r"\b(?:never|not|won't|doesn't|cannot|can't) boots? from\b", r"\bwithout (?:a |any )?(?:medium|disk|media|boot device|iso)\b",
        r"\bempty (?:cd|dvd|optical|drive)\S*", r"\bno (?:medium|boot device|disk)\b",
        r"(?<!to the )(?<!until the )(?<!reaches the )(?<!before the )(?<!till the )\bboot menu\b",
        r"\bfail(?:s|ed|ing)? to boot (?:from )?(?:the )?(?:\w+ )?(?:disks?|drives?|images?|network|medium|media)\b",
        r"\bkey ?(?:press|stroke)\w*\b", r"\b(?:press|hit) (?:a|any) key\b", r"\bboot failed(?:[:.]|\W*$)", r"\bnot a bootable\b",
        r"\b(?:could|can) ?not read (?:from )?(?:the )?(?:boot disk|cdrom)\b"),
    T.SMM: (r"\bsmm\b", r"\bsystem management mode\b", r"\bsmi\b"),
    T.NUMA_BALANCING: (r"\b(?:auto\w*[- ])?numa[-_ ]balancing\b", r"\bnumad\b"),
    T.KSM: (r"\bksm(?:d)?\b",),
    T.HUGE_PAGES: (r"\b(?:transparent[- ])?huge ?pages?\b", r"\bthp\b", r"\bkhugepaged\b", r"\bcompaction\b", r"\bkcompactd\b"),
    T.MMU_LOCK: (r"\bmmu[-_ ]?lock\b", r"\btdp[-_ ]mmu\b", r"\bmmu notifier\w*\b"),
    T.HOST_MEMORY: (r"\bzone_reclaim\w*", r"\bvm\.(?:swappiness|min_free_kbytes|zone\w+|watermark\w+)\b", r"\bswapoff\b",
        r"\bdrop(?:ping)?_? ?(?:the )?(?:page[ _])?caches?\b",
        r"\bhosts?\b.{0,15}\b(?:out of|low on|short of) (?:memory|ram)\b", r"\boom[- ]?kill\w*\b",
        r"\b(?:qemu|kvm|vm|guest)\b.{0,40}\bkilled by (?:the )?(?:host'?s? )?kernel\b",
        r"\b(?:vms|guests|machines)(?: together)? have (?:about |some )?\d+ ?gi?b\b.{0,30}\b(?:together|in all|in total)\b",
        r"\b(?:vms|guests|machines) together have (?:about |some )?\d+ ?gi?b\b",
        (
            r"(?<!vm's )(?<!guest's )(?<!vm's own )(?<!guest's own )"
            r"\bmemory pressure\b(?! (?:with)?in(?:side)? (?:the |a |its )?(?:guest|vm|machine)s?\b)"
        ),
        r"\bout of memory\b", r"\boom\b",
        r"\bmemory\.(?:limit_in_bytes|max|high)\b", r"\bmemory (?:size )?limits?\b",
        r"\bhosts?\b(?:(?!\b(?:guest|vm)).){0,60}\b(?:swaps?|swapp\w+|kswapd)\b", r"\bkswapd\d*\b.{0,30}\bhosts?\b", r"\bpsi\b",
        r"\b(?:guests?|vms?|machines?|qemu\S*)\b.{0,20}\b(?:are|is|was|were|been|gets?|getting|be) (?:\w+ )?swapped (?:out|to disk)\b"),
    T.HOST_LOAD: (r"\b(?:host|hypervisor|node)\b.{0,20}\b(?:overloaded|heavily loaded|very busy|under load|saturated)\b",
        r"\brun queue\b", r"\bnoisy neighbou?r"),
    T.ALL_GUESTS: (
        rf"\b(?:all|every|each)(?: of)?(?: (?:the|our|my|other|running))* (?:vms?|guests?|virtual machines?)\b.{{0,30}}\b(?:{HANGS}|{_SLOW})",
        (
            rf"\b(?:all|every)(?: of)?(?: (?:the|our|my|other|running|\d+))* (?:vms?|guests?|virtual machines?)\b.{{0,90}}"
            rf"\b(?:stop(?:s|ped)?|{HANGS}|{_SLOW})\b.{{0,20}}\b(?:at once|(?:same|one) (?:time|moment)|together|simultaneously)\b"
        ),
        (rf"\b(?:several|many|multiple|most) (?:vms|guests|virtual machines)\b.{{0,40}}\b(?:{HANGS}|{_SLOW})\b.{{0,30}}"
        r"\b(?:at once|same time|together)\b")),
    T.CGROUP_FROZEN: (r"\bcgroups?\b.{0,30}\b(?:frozen|freez\w+|froze)\b", r"\b(?:froze|frozen|freez\w+)\b.{0,40}\bcgroups?\b",
        r"\bcgroup\.freeze\b", r"\bfreezer\.state\b", r"(?<!after a )(?<!after )(?<!after the )\bsigstop\b(?!.{0,60}\b(?:continu|resum|sigcont))",
        r"\bkill -(?:stop|19)\b"),
    T.MSR_LEFT_OUT: (r"\b(?:rd|wr)msrs? (?:error|message|warning|line)s?\b",
        r"\b(?:unhandled|ignored|unimplemented|disabled)\b.{0,12}\b(?:rd|wr)?msrs?\b", r"\bkvm_[sg]et_msr_common\b",
        r"\bunchecked msr access\b"),
    T.CPU_QUOTA: (r"\b(?:vcpu|emulator|global|iothread)_quota\b", r"\bcpulimit\b",
        r"\bcpus?\b.{0,60}\bthrottl\w+", r"\bthrottl\w+\b.{0,30}\bcpus?\b", r"\bnr_throttled\b", r"\bcpu\.max\b",
        r"\bcfs[ _](?:quota|period|bandwidth)\w*", r"\bcpu (?:quota|limits?|shares|cap(?:s|ped|ping)?)\b", r"\bcpus?\b.{0,20}\bcapped\b"),
    T.HOST_KERNEL: (
        (
            r"\b(?:host|hypervisor|node|server|proxmox|pve)s?\b.{0,40}\bkernels?\b.{0,12}\b\d+\.\d+\S* (?:to|->|=>) \S{0,16}\d+\.\d+"
            r"|(?<!qemu )(?<!libvirt )"
            r"\b(?:boot(?:s|ed|ing)?|revert\w*|return\w*|roll\w*|going|went|falling|back)\b(?: \w+){0,3} (?:to |into |with |on )?(?:the )?"
            r"(?:kernel )?[2-6]\.\d{1,2}\.\d[\w.~-]*(?: kernel)?\b"
        ),r"(?<!guest )(?<!guest's )\b(?:older|newer|new|previous|earlier|current|recent) (?:host )?kernels?\b",
        r"\bhost(?:'s)? kernel\b(?! (?:dmesg|logs?|messages?|says|said|modules?))(?!:? (?:is |was )?(?:linux )?v?\d[\w.+~-]*+(?:[,;.)]|$))",
        r"(?<!guest )(?<!guest's )\bkernel \d[\w.]*\b.{0,20}\b(?:fine|works?|ok|good|bad|broke\w*)\b",
        r"\bkernel (?:regression|update|upgrade)\b(?! (?:of|in|inside) (?:the |a |its )?(?:guest|vm))",
        r"\bpin(?:s|n\w+)?\b.{0,40}(?<!guest )\bkernels?\b",
        r"(?<!guest )\b(?:old|older|previous|newer|new|stock|distribution) \d[\w.-]*(?: \w+)? kernels?\b",
        r"\bhosts?\b.{0,15}\b(?:runs?|uses?|boots?|is on) (?:linux|kernel) \d",
        r"\b(?:host|hypervisor|node)s? (?:runs?|boots?|is on|on|with|under) (?:2\.6|[3-6]\.\d{1,2})(?:\.\d[\w.-]*)?\b",
        (
            r"\b(?:up|down)-?grad\w+\b.{0,60}(?<!guest )\bkernels? ?(?:\d|to\b|$)"
            r"|\b(?:up|down)-?grad\w+\b.{0,30}(?<!guest )\bkernels? from\b"
            r"|\b(?:up|down)-?graded?\b.{0,15}(?<!guest )\bkernels?\b"
            r"|\b(?:switch|revert|roll|chang|mov|boot|go|went)\w*\b.{0,20}\b(?:to|into|from)\b(?! the kernel\b).{0,25}(?<!guest )\bkernels?\b"
        ),
        r"\b(?:since|until|up to) (?:\w+ ){0,3}kernel \d",
        r"\b(?:linux|kvm|tip|mm)[-/](?:next|queue|unstable)\b.{0,50}\b(?:regress\w+|breaks?|broke|fails?|hangs?|triggers?)\b",
        r"\bkernels?\b.{0,40}\b(?:regress\w+|bisect\w*)\b"),
    T.QEMU_VERSION: (r"\b(?:qemu|pve|libvirt) v?\d[\w.]*\b.{0,30}\b(?:fine|works?|ok|good|bad)\b",
        r"\b(?:since|older|newer|previous|with) qemu\b", r"\bmachine type\b", r"\bregression\b", r"\bbisect\w*\b(?!.{1,140}kvm's change)"),
    T.NESTED: (
        (
            r"\b(?:proxmox|pve|kvm|qemu|libvirt|harvester|openstack|ovirt)\b.{0,12}\b(?:inside|within|in|on top of|under) (?:an? )?"
            r"(?:esxi?|vmware|vsphere|hyper-v|virtualbox|proxmox|parallels)\b"
        ),
        r"\bnested\b(?! (?:btrfs|zfs|lvm|raid|jobs?|snapshots?|director\w+|datasets?|subvol\w*|loops?|transactions?|containers?|docker)\b)",
        r"\bwsl ?2\b(?!.{0,12}\b(?:in(?:side)? (?:it|the (?:guest|vm))|enabled)\b)",
        r"\b(?:second|third|2nd|3rd)[- ]level (?:guest|vm|hypervisor|virtual machine)s?\b", r"\bhost vm\b",
        r"\bvm (?:with)?in (?:a |another )?vm\b", r"\b(?:inner|l2|l1|outer) (?:guest|hypervisor|vm)\b",
        (
            r"(?<!with )(?<!than )(?<!unlike )(?<!than on )(?<!than in )(?<!than under )(?<!unlike on )(?<!like on )(?<!as on )\bvmware\b"
            r"(?![- ](?:like|compat\w*|mouse|svga|vga|tools|backdoor|port|style|disks?|images?|settings?))"
        ),
        r"(?<!with )(?<!than )(?<!unlike )\bvirtualbox\b",
        r"\bhosts?\b.{0,20}\b(?:themselves|itself)\b.{0,10}\b(?:vms?|guests?|virtual)\b",
        r"\b(?:gcp|google cloud|aws|digital ?ocean|hetzner)\b.{0,12}\b(?:instances?|vms?|droplets?)\b",
        r"\b(?:ec2|azure|gce) (?:instance|vm)\b", r"\bown hypervisor\b", r"\bguest of (?:vmware|hyper-v|virtualbox|xen)"),
    T.EMULATED: (r"\b(?:no|without|missing|lacks?|no access to|not allowed to (?:use|open)) /dev/kvm\b",
        (
            r"\b(?:arm|aarch64|arm64|riscv\w*|ppc\w*|s390x?|sparc\w*|mips\w*|m68k)\b.{0,30}\b(?:vm|guest|image|machine)s?\b.{0,30}"
            r"\bon (?:my |an? |the )?(?:x86\S*|amd64|intel|amd|pc)\b"
        ),
        (
            r"\b(?:x86\S*|amd64|intel|windows)\b.{0,30}\b(?:vm|guest|image)s?\b.{0,30}"
            r"\bon (?:my |an? |the )?(?:arm\w*|aarch64|apple silicon|m[1-4]|raspberry)\b"
        ),
        r"\bkvm support: disabled\b", r"\bkvm acceleration can ?not be used\b", r"\bcould not access kvm kernel module\b",
        r"\bfailed to initialize kvm\b", r"/dev/kvm\b.{0,12}\b(?:not|no|missing|denied)\b",
        r"(?<!kvm and )(?<!kvm or )\btcg\b(?! (?:and|or|as well as) kvm\b)",
        r"(?<!\w)-no-kvm\b", r"\bwithout kvm\b", r"\bno kvm\b", r"\bsoftware emulation\b",
        r"\bkvm (?:is )?(?:off|disabled|not available)\b", r"\baccel=tcg\b", r"\bno hardware (?:virt\w*|acceleration)"),
}
# fmt: on
