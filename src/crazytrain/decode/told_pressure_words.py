"""The field's words for what can be observed, more of them: a host that has too little of something, and storage under its guests."""

from crazytrain.decode.told_guest_words import HANGS
from crazytrain.model.facts.told import Topic

T = Topic
_GUESTS = r"(?:vms?|guests?|virtual machines?|domains?|instances?)"
_SLOW = r"(?:slow\w*|sluggish\w*|crawl\w*|lag(?:s|gy|ging)?|stutter\w*|starv\w+|suffer\w*)"
_DISKS = r"(?:disks?|drives?|hdds?|ssds?|nvmes?|raids?|arrays?|luns?|volumes?|pools?|vdevs?|zpools?|storage)"
_NUMBER = r"(?:\d{1,3}|two|three|four|five|six|seven|eight|nine|ten|twelve|sixteen|twenty)"
_KERNEL = r"(?<!guest )(?<!guest's )kernels? (?:v|version )?[2-6]\.\d{1,2}"
# fmt: off
OF_PRESSURE: dict[Topic, tuple[str, ...]] = {
    T.OVERCOMMIT: (
        r"\bsame cpu ?sets?\b",
        rf"\b{_NUMBER} (?:\w+ )?{_GUESTS} (?:with|of|having) {_NUMBER} v?(?:cpus|cores) (?:each|per)\b",
        rf"\b\d+ (?:cores?|cpus|threads)\b.{{0,20}}\b{_NUMBER} (?:\w+ )?{_GUESTS} (?:with|of|having) {_NUMBER} v?cpus\b",
        rf"\b\d+ (?:\w+ )?{_GUESTS}\b.{{0,40}}\b\d+ v?cpus\b.{{0,40}}\b(?:on|over|for|in)\b.{{0,25}}\b\d+.{{0,6}}\b(?:cores?|cpus|threads)\b",
        rf"\b\d+ (?:physical |host )?(?:cores|cpus|threads)\b.{{0,30}}\b\d+ (?:\w+ )?{_GUESTS}\b.{{0,25}}\b\d+ v?cpus\b",
        r"\bpinned to (?:one|the same|a single)\b",
        (  # one vCPU that has a core is not crowded; several that are told the same one are
            r"(?<!one )(?<!single )\b(?:v?cpus|vms|guests|threads|both|all|two|three|four)\b.{0,30}"
            r"\bpinned to (?:host |physical )?(?:core|cpu) \d+\b(?! ?(?:-|to|,|and) ?\d)"
        ),
        r"\bshar\w+ (?:its|a|the|one) (?:physical |host )?(?:core|cpu)\b", r"\b(?:iso|no)?hz_full\b.{0,30}\bpinn\w+",
        r"\b\d(?:\.\d)? ?: ?1\b.{0,12}\bv?cpus?\b|\bv?cpus?\b.{0,25}\bratio\b.{0,12}\d ?: ?1\b"),
    T.HOST_LOAD: (
        r"\bwhen(?:ever)? (?:one|another|any) (?:of (?:them|the \w+)|other guest|guest|vm)\b.{0,40}\b(?:build|compil|load|busy|runs?|works?)\w*",
        r"\b(?:while|when(?:ever)?) (?:the |my )?(?:host|hypervisor)\b.{0,15}\b(?:encod|compil|build|transcod|render|is busy|works|backs? up)\w*",
        r"\brunnable\b.{0,60}\b(?:not (?:run|get|scheduled)|do(?:es)? not (?:run|get)|wait\w*|without)\b", r"\brun[-_ ]?delay\b", r"\brunq\w*\b",
        r"\bschedstat\b", r"\b(?:starv\w+|short) (?:of|for) (?:host )?cpus?(?: time)?\b", r"\bcpu[- ]starv\w+",
        r"\bwait\w* (?:for|to get) (?:a |an? idle )?(?:physical |host |real )?(?:cpu|core)s?\b(?! ?#?\d)",
        r"\bload (?:average )?(?:of|on) the (?:host|hypervisor|node)\b.{0,10}\b(?:is|was|at|of|rises to|goes to|exceeds)\b.{0,12}\b\d{2,4}\b",
        r"\bload(?: average)?\b.{0,20}\b\d{2,4}\b.{0,8}\bon (?:only )?\d{1,3} (?:cores|cpus|threads)\b",
        r"\b(?:sched_fifo|sched_rr|real-?time|rt|chrt)\b.{0,40}\b(?:same|its|vcpu'?s?|that) (?:core|cpu)\b",
        r"\bcpu pressure\b", r"\bpsi\b.{0,10}\bcpu\b"),
    T.STEAL: (r"\b\d{1,2}(?:\.\d)? ?%? st\b", r"\b\d{1,3} (?:to|-|and) \d{1,3} ?%? st\b", r"\bst (?:column|value|of|at)\b.{0,12}\d"),
    T.HOST_MEMORY: (
        r"\bswappiness\b", r"\b(?:host|hypervisor) has cached\b",
        r"\bzfs_arc_\w+", r"\b(?:ram|memory|gi?b)\b.{0,70}\b(?:taken|used|eaten|held|filled) (?:up )?by (?:the |its )?(?:zfs )?arc\b",
        r"\b(?:zfs )?arc\b.{0,40}\b(?:memory|ram|\d+ ?gi?b?|of the \d+|limit\w*|shr[ia]nk\w*|max\w*)\b", r"\bdirect reclaim\b",
        r"\bmemory\b.{0,12}\bover-?commit\w*", r"\bover-?commit\w* (?:of )?(?:memory|ram)\b",
        r"\b(?:qemu|kvm)(?:'s)?\b.{0,30}\b(?:swap\w*|major faults?|resident size (?:shrinks|drops|falls))", r"\bvmswap\b",
        r"\bmajor faults?\b.{0,20}\b(?:qemu|host|rise|grow|high)\w*",
        r"\bdirty pages? (?:fill|flood|of the host)\b",
        r"\bhost(?:'s)? (?:memory|ram)\b.{0,25}\b(?:full|exhausted|short|tight|used up|over-?committed|pressure)\b",
        r"\b(?:remote|wrong|other) numa node\b", r"\bremote memory\b",
        (
            r"\b(?:try_to_(?:migrate|unmap|compact|free)\w*|compact_zone\w*|isolate_(?:free|migrate)pages\w*|migrate_(?:pages|misplaced)\w*|shrink_\w+"
            r"|change_prot_numa|task_numa_\w+|do_numa_page)\b"
        ),
        r"\bnuma(?:ctl|tune|stat)\b", r"\bmembind\b", r"\bmemory locality\b", r"\bnuma\b.{0,20}\b(?:remote|imbalance\w*|misplace\w*)\b",
        r"\bpage (?:frag\w+|allocation (?:failure|stall)\w*)\b", r"\bmemory (?:is )?fragment\w+"),
    T.STORAGE_SILENT: (
        r"\b(?:osd|mon|iscsi|nfs|storage)s? (?:connections?|sockets?|sessions?)\b.{0,30}\b(?:send-?q|retrans\w*|stuck|hang\w*|reset\w*)\b",
        r"\b(?:failing|dying|faulty|broken|defective) (?:\w+ ){1,2}(?:disks?|drives?|ssds?|hdds?|nvmes?|controllers?|raid)\b",
        r"\bstarv\w+ (?:of|for) (?:disk |storage )?i/?o\b", r"\bi/?o starv\w+",
        r"\b(?:await|latency|svctm)\b.{0,30}\b(?:\d{4,}(?:\.\d+)? ?ms|\d+ (?:s|sec|seconds|minutes))\b",
        r"\bno (?:further|more) (?:storage |disk |block )?i/?o\b",
        r"\b(?:stops?|ceases?) (?:doing|to do|making|serving) (?:any |all )?(?:storage |disk |block )?i/?o\b",
        r"\b(?:stay|stays|remain|remains|stuck|kept) in[- ]flight\b",
        r"\bin[- ]flight\b.{0,25}\b(?:for (?:minutes|ever|seconds)|never|not complete\w*)",
        rf"\b{_DISKS}\b.{{0,40}}\b(?:stops?|pauses?) for (?:\w+ )?(?:seconds|minutes|\d)",
        rf"\b{_DISKS}\b.{{0,20}}\b(?:[89]\d|100) ?% (?:util\w*|busy)\b",
        rf"\b(?:during|while|when)\b.{{0,12}}\b{_DISKS}\b.{{0,12}}\b(?:rebuild\w*|resync\w*|scrub\w*|resilver\w*)",
        r"\b(?:rebuild\w*|resync\w*|resilver\w*|scrub\w*)\b.{0,40}\b" + rf"{_GUESTS}\b.{{0,20}}\b(?:{HANGS}|{_SLOW})",
        r"\b(?:nfs|iscsi|ceph|gluster)\b.{0,20}\b(?:whose|where the) (?:server|target|node)\b.{0,20}\b(?:reboot|restart|down|gone|die)\w*"),
    T.IO_BLOCKS: (
        (
            r"\b(?:stands?|stops?|hangs?|freezes?|blocked|stuck)\b.{0,20}\buntil (?:it|the (?:\w+ )?(?:command|copy|commit|job|call|snapshot))"
            r" (?:is done|ends?|returns?|has ended|finishes|completes?)\b"
        ),
        r"\b(?:first|main) thread\b.{0,80}\b(?:p?read|p?write|open|f(?:data)?sync|lseek|fallocate|close|unlink|stat)\(\)",
        r"\bqcow2_(?:check|grow|alloc|free|cache|refcount|flush)\w*",
        r"\b(?:p?write(?:64|v)?|p?read(?:64|v)?|f(?:data)?sync|io_submit|fallocate)\b.{0,12}\b(?:[5-9]\d|100)(?:\.\d+)? ?%"),
    T.BALLOON: (r"\bdriver[- ]locked\b", r"\bdynamic memory\b", r"\bauto-?balloon\w*"),
    T.ALL_GUESTS: (
        rf"\b(?:other|running|remaining) {_GUESTS}\b.{{0,20}}\b(?:{HANGS}|{_SLOW})",
        rf"\b(?:all|every|each) {_GUESTS}\b.{{0,60}}\b(?:stands? still|stood still|stops?|stopped|{HANGS})\b",
        rf"\ball (?:of them )?(?:are|were|get|become|went) (?:\w+ )?(?:{HANGS}|{_SLOW})",
        rf"\b(?:some|several|many|two|three|four|five|\d+) {_GUESTS}\b.{{0,60}}\bat the same (?:time|moment)\b"),
    T.IO_ERROR: (r"\b(?:resum\w+|cont|unpaus\w+)\b.{0,50}\bpaus\w+ again\b", r"\bpaus\w+ again\b.{0,20}\b(?:at once|immediately|after)\b"),
    T.GUEST_PAUSED: (r"\bsuspended by (?:itself|themselves)\b",),
    T.NO_SPACE: (
        r"\b(?:volume|disk|storage|pool|share|datastore|file ?system|partition)s?\b.{0,20}\b(?:filled up|fills up|r[au]ns? full|overflow\w*)\b",
        r"\bnot (?:been )?extended\b", r"\bextend(?:ing|ed)? (?:it|by hand|the (?:lv|volume|disk|pool|image))\b",
        r"\bwatermark\b.{0,20}\b(?:lines?|reached|vdsm|drive)",
        r"(?:^|\s|')/[\w./-]{2,60}'? (?:\w+ )?(?:is )?(?:at )?100 ?%", r"\b(?:mount|datastore|export|dataset)\b.{0,20}\b100 ?%",
        r"\b(?:quota|limit)\b.{0,15}\b(?:reached|exceeded|hit)\b.{0,30}\bpaus\w+", r"\b(?:nfs|disk|storage|project) quota\b"),
    T.MMU_LOCK: (r"\bkvm_(?:unmap|age|test_age|set_spte)_(?:hva|gfn)\w*", r"\bkvm_mmu_notifier_\w+"),
    T.KSM: (r"\bksm(?:tuned|tune)\b", r"\bpages_to_scan\b", r"\bmerge_across_nodes\b"),
    T.NBD: (r"\blibrbd\b", r"\bosds?\b", r"\bnvme-?(?:of|tcp|rdma)\b"),
    T.BLOCK_JOB: (r"\b(?:attach|detach)-(?:disk|device|interface)\b", r"\bblockdev[- ](?:add|del|reopen)\b"),
    T.HUGE_PAGES: (r"\btransparent_hugepages?\b", r"\bkcompactd\d+\b"),
    T.HOST_KERNEL: (
        r"\bsince an? (?:\w+ )?kernel (?:of|on) the host\b",
        (
            rf"\b(?:fine|ok|okay|works?|good|fast|slow|bad|hangs?|broken)\b.{{0,15}}"
            rf"\b(?:on|with|under|in|since|until|before) (?:the )?(?:host )?{_KERNEL}"
        ),
        rf"\b(?:only|all|any) (?:hosts?|nodes?|hypervisors?|machines?) (?:with|on|under|that run) (?:the )?{_KERNEL}",
        (
            r"\b(?:hosts?|hypervisors?|nodes?|servers?|machines?)\b.{0,40}\b(?:updat|upgrad|downgrad|chang|mov|switch|went)\w*\b.{0,12}"
            r"\b[2-6]\.\d{1,2}\.\d\S* (?:to|->) [2-6]\.\d{1,2}"
        ),
        r"(?:^|[,;(] )kernel [2-6]\.\d{1,2}\.\d\S* (?:of|on|from|in) (?:debian|ubuntu|proxmox|rhel|the host|centos|fedora|suse|sles)",
        (
            r"(?<!qemu )(?<!libvirt )(?<!guest )\b[2-6]\.\d{1,2}\.\d{1,3}-\d{1,4}[\w.-]* (?:is|was|are|works?|does|did|runs) "
            r"(?:not\b|n't\b|good|fine|ok|well|stable|bad)"
        ),
        r"\b[2-6]\.\d{1,2}\.\d{1,3}-\d{1,4}\S* ?(?:\u2192|->|=>|to) ?[2-6]\.\d{1,2}\.\d",
        r"\b(?:ga|hwe|lts|mainline|stock|vendor|distro) kernels? [2-6]\.\d",
        r"\b(?:since|until|up to|with|on) linux [2-6]\.\d{1,2}", r"\bfirst bad commit\b.{0,60}\bkvm: (?:x86|vmx|svm|mmu|arm64|s390|ppc)",
        rf"\bsince\b.{{0,40}}\b(?:hosts?|nodes?|hypervisors?|servers?)\b.{{0,40}}\b{_KERNEL}", r"\bmitigations=(?:off|auto)\b",
        r"\b(?:l1tf|vmentry_l1d_flush|spectre|meltdown|retpolines?|retbleed|srso|ibrs)\b",
        r"\b(?:patched|unpatched|fix(?:ed)?|older|newer) kernels? (?:on|of) the (?:hosts?|hypervisors?|nodes?)\b",
        r"\b(?:revert\w*|bisect\w*|patch\w*)\b.{0,40}\b(?:arch/x86|kvm's|kvm: x86|host'?s? kernel|sched(?:uler)?|linux/)\b",
        (
            r"\b(?:bisect\w*|revert\w*|first bad|fingers?|fingered|offending|culprit|guilty|blam\w+|introduced|broken?|regress\w*|caused|since)\b"
            r".{0,140}\bkvm's change\b"
        )),
}
# fmt: on
