"""The field's words for what can be observed, of QEMU's own side: its monitor, its loops, what it does with devices and disks.

Further ways to say what the other parts name; a topic may stand in several parts. All is in lower case, and gaps are bounded.
"""

from crazytrain.decode.told_guest_words import HANGS, SILENT
from crazytrain.model.facts.told import Topic

T = Topic

_COMMANDS = (
    r"(?:dominfo|domstat(?:s|e)?|dommemstat|domblk\w+|domjob\w+|virsh(?: \w+)?|info (?:status|block|cpus|migrate)|query-\w+"
    r"|qm (?:status|stop|monitor)|destroy|console(?! (?:shows?|says?|prints?|displays?|logs?|output))|managedsave)"
)
_WAITS = r"(?:(?:also |too |just |then |all )?(?:waits?|hangs?|blocks?|times? out|timed out|stalls?|never (?:returns?|comes? back)))"
_CALLS = (
    r"(?:p(?:read|write)(?:64|v)?|f(?:data)?sync|fallocate|f?truncate|lseek|open(?:at)?|close|io_submit|f?stat(?:fs)?|unlink|connect|munmap|madvise|flush"
    r"|blkdiscard|copy_file_range|getaddrinfo|flock)"
)
_LOOP = r"(?:main|emulator|qemu|i/?o|event|monitor)(?:'s)?(?: main)? (?:thread|loop)"
_GONE = (
    r"(?:dies|died|dead|gone|exit(?:s|ed)|clos\w+|disconnect\w*|crash\w*|kill\w*|drop\w*|goes away|went away|lost|broken?(?: off)?"
    r"|breaks(?: off)?|torn down|abort\w*|vanish\w*|segfault\w*|switched off|powered off|put to sleep|asleep|unplugged|reboot\w*)"
)
_GADGETS = (
    r"(?:yubikeys?|smart ?cards?|tokens?|tuners?|webcams?|cameras?|game ?pads?|joysticks?|headsets?|phones?|arduinos?|ftdi|hasp|licen[cs]e keys?"
    r"|dongles?|scanners?|printers?|modems?|sticks?|ups|card readers?|readers?|hard (?:disks?|drives?)|disks?|drives?|serial adapters?)"
)
_LOAD = r"(?:system )?load(?: average)?"

OF_QEMU: dict[Topic, tuple[str, ...]] = {
    T.MIGRATION_LASTS: (
        r"\b--?memspec\b",
        r"\blive_migration\b.{0,12}\bbusy\b",
        r"\bthread live_migration\b",
        r"\bram snapshots?\b",
        r"\b\d+ ?[mg]i?b/s (?:is |are )?dirtied\b",
        r"\bstill remaining\b",
        r"\bhours? (?:later|after)\b.{0,20}\bremaining\b",
    ),
    T.GUEST_HUNG: (
        r"\b(?:everything|guest|vm|it)\b.{0,20}\bstops for\b",
        rf"\b(?:everything|all|it|guest|vm|machine|time) (?:in (?:it|the guest) )?{HANGS}",
        r"\b(?:everything|guest|vm|machine) (?:in it )?stands? (?:for|until|while)\b",
        r"\bneither\b.{0,60}\b(?:works?|answers?|responds?|reacts?)\b",
        r"\breacts? to nothing\b",
        rf"\b(?:guest[- ]agent|guest-(?:ping|info)'?)\b.{{0,30}}\b(?:{SILENT}|got timeout)",
        r"\b(?:guest|vm|boot|machine|it|everything) (?:simply |just |suddenly )?halts\b",
        r"\bhalts half ?way\b",
        r"\bnothing (?:else )?in (?:the guest|it) (?:moves|works|runs|reacts|answers)\b",
    ),
    T.QEMU_HUNG: (
        r"\bvirt-manager\b.{0,30}\bhangs?\b",
        r"\b(?:vdsm|ovirt|nova|manager)\b.{0,40}\bnot responding\b",
        r"\bwaits? for .{0,40}without (?:an? |any )?(?:answer|reply|result)\b",
        r"\blibvirt\w* logs? (?:\w+ )?time-?outs?\b",
        rf"\b{_COMMANDS}\b.{{0,60}}\b{_WAITS}\b",
        r"\bkill -9\b.{0,20}\bonly\b",
        r"\bkill(?:able|ed) only\b.{0,12}-9\b",
        (
            r"\b(?:lock(?:s|ed)? up|locks|hangs?|hung|frozen?|freezes|froze|dead|stuck)\b.{0,6}"
            r"\b(?:including|even|and so (?:is|does)|with) (?:the |its )?(?:\w+ )?monitor\b"
        ),
        r"\bonly\b.{0,25}\b(?:kill -9|sigkill)\b",
        r"\bvnc\b.{0,30}\b(?:accepts no|refuses|no longer accepts|(?:does not|doesn't) (?:accept|connect|open|show))",
        (
            r"\b(?:console|display|screen|mouse|window|vnc|viewer)\b.{0,12}\b(?:and|,) (?:the |its )?(?:monitor|qmp)\b.{0,20}"
            rf"\b(?:{HANGS}|{SILENT})"
        ),
        r"\b(?:hangs?|waits?|blocks?|stuck) in (?:a |an |the |its )?(?:\w+ )?(?:libvirt|virsh|qmp|hmp|monitor) (?:calls?|commands?)\b",
        r"\b(?:not|never|no longer) (?:even )?(?:accepts?|takes?|execut\w+|process\w*)\b.{0,10}\b(?:qmp|hmp|monitor|commands?)\b",
        r"\bqmp\b.{0,20}\b(?:dead|deaf|gone)\b",
        r"\bsocket\b.{0,40}\bnever answers\b",
        r"\btime-?out\b.{0,12}\b(?:reading|waiting|from|on)\b.{0,12}\b(?:hmp|qmp|monitor)\b",
        r"\bqemu\b.{0,10}\bstops? (?:reacting|replying|answering|responding)\b",
        (
            r"\b(?:the|its|qemu) process (?:(?:stays|remains)(?! (?:alive|up|running|fine|in (?:the )?(?:state )?s))"
            r"|never ends|does not (?:end|exit|go))\b"
        ),
    ),
    T.CLIENT_GONE: (
        r"\bconsole(?: window| tab| page)\b.{0,20}\b(?:closed|killed|shut)\b",
        r"\bclosed? (?:its |the |a )?socket\b",
        r"\bfailed to read msg header\b",
        r"\bpoll(?:hup|nval)\b",
        r"\bhung[- ]up (?:descriptor|socket|connection)\b",
        rf"\b(?:\w*proxy|websockify)\b.{{0,20}}\b{_GONE}\b",
        r"\bnat\b.{0,20}\b(?:dropped|lost|expired|forgot)\b",
        r"\b(?:never|not) (?:closed|noticed|dropped)\b.{0,30}\b(?:socket|connection|client)\b",
        r"\b(?:socket|connection|client)\b.{0,30}\b(?:never|not) (?:closed|noticed|dropped)\b",
        rf"\b(?:client|viewer|session|connection|tool|debugger|laptop|terminal|socat|ssh)\b.{{0,30}}\b(?:{_GONE}|suspended)\b",
        r"\b(?:orphaned|stale|zombie|half[- ]open|abandoned|left[- ]over) (?:\w+ )?(?:client|connection|session|socat|viewer|socket)s?\b",
        r"\b(?:pull\w*|unplug\w*) the (?:network )?cable\b",
        r"\b(?:re-?connecting|a new (?:\w+ )?connection)\b",
    ),
    T.PEER_STUCK: (
        r"\bflow control\b",
        r"\bhung (?:telnet|client|reader|peer|terminal)\b",
        r"\bctrl-[sz]\b",
        r"\bxoff\b",
        r"\bout of paper\b",
        r"\bstopped reading\b",
        (
            r"\b(?:reader|peer|consumer|other (?:side|end)|terminal|listener|receiver)\b.{0,30}\b(?:stopp?(?:s|ed)?(?: reading)?|suspended"
            r"|blocks|blocked|hangs|sleeps|frozen|full|paused|shut down)\b"
        ),
    ),
    T.EAGAIN: (
        r"\bwrites?\b.{0,30}\b(?:refused|fails? again|over and over|retried|repeat\w*)\b",
        r"\breads? (?:of )?(?:zero|0|no) bytes?\b",
        r"\brepeats? (?:a|the|its|that) (?:\w+ )?(?:write|read)\b",
    ),
    T.CHARDEV: (
        r"(?<!\w)-serial\b",
        r"\bminicom\b",
        r"\bcom ?[12]\b",
        r"\bhvc0\b",
        r"\bconsole\.log\b",
        r"\bserialproxy\b",
        r"\b(?:multiplexed )?(?:on|onto|through) stdio\b",
        r"\b(?:named|shared) pipe\b",
        r"\bkernel debugging\b",
        r"(?<!\w)-parallel\b",
        r"/dev/(?:lp|parport)\d*\b",
        r"\bline printer\b",
        r"\bvirtcon(?:sole)?\b",
        r"\bconserver\b",
    ),
    T.THROTTLE: (r"\b(?:bps|iops)[-_]\w+", r"\bburst (?:limit|mode)\b", r"\bthrottle[- ]groups?\b"),
    T.DISPLAY: (r"-display\b",),
    T.IOTHREAD: (r"\bio-?threads?\d+\b", r"\bio threads?\b(?! spun)"),
    T.POLL_MAX: (
        r"\brun_poll_handlers\w*\b",
        r"\b(?:busy|spin\w*|polls)\b.{0,25}\baio_poll\b",
        r"\bpolling (?:limit|time|of (?:virt)?queues)\b",
        r"\bbusy-?poll\w*\b",
        r"\bpolls?\b.{0,20}\b(?:virt)?queues?\b",
    ),
    T.POLL_SPIN: (
        r"\b(?:p?poll|epoll_wait|select|io_uring_enter)\b.{0,12}\b(?:comes?|came) back (?:at once|immediately|right away)\b",
        r"\beventfd\b.{0,25}\b(?:nobody|never|not)\b.{0,10}\b(?:clear|read|drain)\w*",
        r"\bnothing (?:is )?(?:readable|ready)\b",
        r"\bready without\b",
    ),
    T.USB_TABLET: (r"\binput devices?\b.{0,12}\busb\b", r"\busb input\b"),
    T.USB: (r"\bframe timers?\b",),
    T.IO_BLOCKS: (
        r"\b(?:attach|insert|hot-?plug|chang)\w*\b.{0,25}\b(?:iso|cd|image|medium)\b",
        r"\bspun[- ]down\b",
        r"\bspin-?up\b",
        r"\bpreallocat\w*\b",
        rf"\b(?:ioctls?|{_CALLS})\b.{{0,70}}\b(?:takes?|took|needs?|lasts?|for)\b.{{0,20}}\d+ ?(?:s|secs?|seconds|minutes)\b",
        r"\bsavevm\b|\bsnapshot-save\b|\b(?:vm|internal|memory|ram) snapshots?\b",
        r"\bresiz\w+ (?:of )?(?:an? |the )?(?:\w+ )?(?:image|disk|file|volume)\b",
        r"\bsynchronous\w*\b",
    ),
    T.STORAGE_COPY: (r"\b(?:block|background) mirror\b", r"\bmirror at \d+ ?%"),
    T.NBD: (r"\bnfsv?\d(?:\.\d)?\b",),
    T.BLOCK_JOB: (r"\bblock-?resize\b", r"\bsnapshot merge\b", r"\bblockdev-del\b"),
    T.RECOVERS: (
        r"\b(?:not|no|nothing|never|neither|dead|stuck|frozen|hangs?|stands? still)\b.{0,60}\buntil (?:the|it|its|all|that)\b(?! time-?out)",
        r"\b(?:continues|goes on|works|runs|moves) (?:again )?as soon as\b",
        (
            r"\bafter (?:the|that|this|each) (?:snapshot|backup|copy|job|save|dump)\b.{0,30}"
            r"\b(?:goes on|continues|works|runs|answers|responds)\b"
        ),
        r"\b(?:goes on|continues|comes back|wakes up|recovers|returns) (?:by itself|on its own|alone)\b",
        (
            r"\b(?:frozen|fr[eo]+zes?|hung|hangs?|stuck|stops?|stalls?|blocks?|dead|unusable|crawling"
            r"|everything (?:in (?:it|the guest) )?stops|without (?:any )?reaction)\b.{0,12}"
            r"\bfor (?:about |some |up to |another )?(?:an?|one|two|three|five|ten|\d+(?: to \d+)?|several|a few) (?:s|secs?|seconds?|min|minutes?)\b"
        ),
    ),
    T.VHOST_FULL: (
        r"\bvhost(?:[- ]\w+)?(?: (?:thread|worker|kthread))?s?\b.{0,40}\b(?:100 ?%|full\b|pinned\b|loops\b|top process\b|busy\b)",
        r"\b(?:100 ?%|full|busy|spinning)\b.{0,30}\bvhost(?:-\d+|[- ]worker|[- ]thread)?\b",
    ),
    T.MAIN_IN_CALL: (
        rf"\b{_LOOP}\b.{{0,40}}\b(?:in|inside|within|in the middle of) (?:an? |the )?{_CALLS}\b",
        rf"(?<!\w){_CALLS}\(.{{0,30}}\).{{0,20}}\b(?:in|from|of|by) the {_LOOP}\b",
        rf"\b(?:the )?{_CALLS}(?:\(\))? (?:takes?|took|blocks?|needs?|lasts?|hangs?|sleeps?)\b",
    ),
    T.IO_ERROR: (r"\bevent (?:id )?(?:129|153|11)\b",),
    T.STORAGE_SILENT: (
        r"\b(?:all )?(?:disk )?i/?os?\b.{0,30}\bstop(?:s|ped)\b",
        (
            r"\b(?:last|latest|previous|older|earlier|stable|released?) (?:\w+ )?(?:version |release )?(?:of )?"
            r"(?:open)?(?:zfs|btrfs|ceph|drbd|gluster\w*)\b"
            r".{0,50}\b(?:works?|fine|normal\w*|no (?:issues?|problems?|hangs?)|well)\b"
        ),
        r"\bdisk (?:writes?|reads?|i/?o)\b.{0,20}\b(?:fell|falls?|dropp?(?:ed|s)?|went|goes)\b.{0,10}\bto (?:exactly )?(?:0|zero)\b",
        r"\bevent (?:id )?129\b",
        r"\bno paths? to (?:the )?(?:luns?|storage|disks?|san|array)\b",
        r"\b(?:raid )?controllers?\b.{0,20}\b(?:battery|learning cycle|resets?|timed? out)\b",
        r"\b(?:reads?|writes?|i/?o|requests?)\b.{0,20}\bneeds?\b.{0,12}\b(?:s|seconds|minutes)\b",
        r"\b(?:txg_sync|z_wr_iss|jbd2\S*|kworker\S*) in d\b",
        (
            rf"\b{_LOAD} (?:grows?|rises?|climbs?|goes|of|at|is)\b.{{0,20}}\d{{2,}}.{{0,25}}"
            r"\b(?:no|without|idle|little|zero|hardly any) cpu"
        ),
        r"\bdrbd\b.{0,40}\bwithout (?:its|the) peer\b",
        r"\bqueue_if_no_path\b",
        r"\bno_path_retry\b",
        r"\ball paths? of\b.{0,40}\b(?:down|failed|lost|faulty)\b",
        r"\bquorum\b.{0,20}\blost\b|\blost (?:its )?quorum\b",
        r"\beverything (?:that )?(?:the guest |it )?writes? (?:hangs|waits|blocks)\b",
        r"\bsleeps? in (?:fuse|nfs|rpc|ceph|rbd|blk|zil|txg|drbd|io_schedule)\w*",
    ),
    T.FD_HANDLERS: (
        r"\b(?:fd|aio|io) ?handlers?\b.{0,40}\b(?:deleted|never (?:removed|freed)|grow\w*|pile|entries)\b",
        r"\b(?:list|number) of (?:\w+ )?handlers?\b.{0,40}\b(?:grow\w*|deleted|thousands|longer)\b",
        r"\bever (?:longer|growing) list\b",
        r"\bfd ?mon\w*\b",
    ),
    T.STOPPED: (
        r"\bstate (?:of (?:the |its )?process )?(?:is )?t\b",
        r"\bunder gdb\b",
        r"\bgdb\b.{0,20}\b(?:is |was |still )?attached\b",
        r"\b(?:process|qemu) (?:is|was|stays) stopped\b",
    ),
    T.VHOST_USER: (
        r"\bvhost-user\w*\b",
        r"\bovs-dpdk\b",
        r"\bvirtiofsd\b",
        r"\bspdk\b",
        r"\bfailed to read msg header\b",
    ),
    T.FS_FREEZE: (
        r"\b(?:guest-)?fs-?freeze\w*",
        r"\b(?:freezes?|froze|freezing)\b.{0,15}\bfile ?-?systems?\b",
        r"\bfile ?-?systems?\b.{0,20}\b(?:frozen|thaw\w*)\b",
    ),
    T.HUNG_TASK: (
        r"\bguest(?:'s)? (?:process|program|task|application)(?:es|s)?\b.{0,60}\b(?:freez\w*|hangs?|hanging|hung|stuck|block(?:s|ed))\b",
        r"(?<!qemu )(?<!kvm )(?<!host )\b(?:processes|tasks|programs)(?: (?:in|inside) (?:the guest|it))?(?: that \w+)? (?:hang|freeze|get stuck)\b",
    ),
    T.POKED: (
        (
            r"\b(?:resolved?|cured?|ended|goes on|continues|wakes up|un-?(?:stuck|hangs?|freezes))\b.{0,20}\b(?:by|when|after|as soon as|if)\b"
            r".{0,15}\b(?:press\w*|hit\w*|typ\w*)\b.{0,12}\bkeys?\b"
        ),
    ),
    T.AGENT: (r"\bagent in(?:side)? (?:the|its|each) guest\b", r"\bvirtio channel\b", r"\bvport_(?:read|poll)\w*"),
    T.USERNET: (
        r"\b(?:default|built-?in) net\w*\b.{0,20}\bqemu\b",
        r"\bqemu'?s? (?:default|built-?in|own) net\w*\b",
        r"(?<!\w)-nic user\b",
        r"\bsmb= option\b",
    ),
    T.DRAIN: (
        r"\bin-?flight requests?\b",
        r"\bblk_\w*close\w*\b",
        r"\bwait(?:s|ing)? for requests\b",
        (
            r"\bp?poll\b(?!.{0,40}\btime-?out (?:of |= ?|is )?(?:0|zero)\b).{0,40}"
            r"\b(?:without (?:end|(?:a |any )?time-?out)|for ever|forever|endless\w*|infinite\w*|timeout (?:of )?-1)\b"
        ),
        r"\bdrained section\b",
        r"\bdrains?\b.{0,25}\b(?:never|not|waits|without end|for ever|hangs)\b",
    ),
    T.NO_SPACE: (
        (
            r"\b(?:pool|dataset|zfs|lv|thin\w*|datastore|storage|volume|disk)\b.{0,20}\b(?:hits?|reache[sd]|at|was|is) 100 ?%"
            r"(?! ?(?:util|busy|active|load|i/?o))"
        ),
        r"\b(?:0|no|zero) free (?:extents|blocks|space|bytes)\b",
        r"\bcannot (?:grow|be (?:grown|extended))\b",
        r"\b(?:space|pool|cow|quota|volume)\b.{0,20}\bexhausted\b",
        r"\bsnapshot invalid\b",
        r"\b(?:faster|quicker) than\b.{0,40}\bextend\w*",
        r"\b\d\d ?% (?:full|used)\b.{0,20}\bthin\b",
        r"(?<!\w)/(?:var|srv|data|mnt|home|vm)\S* (?:was |is |were )?(?:\w+ )?(?:100 ?%|full)\b",
    ),
    T.USB_HOST: (
        (
            rf"\b(?:usb[23]?(?:\.\d)? )?{_GADGETS}\b.{{0,40}}\b(?:pass(?:ed|es)?[- ]?(?:through|thru)?|handed (?:over|through)"
            r"|redirected|forwarded|given|assigned)\b.{0,40}\b(?:to|into|by)\b"
        ),
        r"\busb[23]?(?:\.\d)? (?:[\w-]+ ){1,3}pass(?:ed|es)\b",
        r"\bnot accepting address\b",
        r"\bdevice descriptor read\b",
        r"\bby vendor and product\b",
        r"\b(?:skyconnect|sonoff|aeotec|nortek|rtl-?sdr)\b",
    ),
    T.BALLOON: (
        r"\bmom (?:acts?|policy|daemon)\b",
        r"\bmemory overcommit manager\b",
        r"\bmax(?:imum)? (?:and|,) \d+ ?[gm]i?b? current\b",
        r"\bcurrent memory\b",
        r"\bpvestatd\b.{0,20}\b(?:shrinks?|inflates?|takes?)\b",
        r"\bresident (?:size|memory|set)\b.{0,40}\bgrows?\b.{0,20}\b(?:full|max\w*|whole)\b",
    ),
}
