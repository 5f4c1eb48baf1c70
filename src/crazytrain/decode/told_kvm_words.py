"""The field's words for what can be observed, third part: more ways to say what the first two parts name.

What old systems do without HLT, hosts that are virtual themselves, processors of two hosts, how seldom or often a guest leaves guest mode.
"""

from crazytrain.decode.told_host_words import CHIPS
from crazytrain.model.facts.told import Topic

T = Topic
_MODELS = r"\b(?:(?:gold|silver|platinum|bronze) \d{4}\w?|e[357]-\d{4}\w*|i[3579]-\d{4,5}\w*|ryzen (?:\d )?\d{4}\w*|epyc \d{4}\w*|x[35]\d{3})\b"
_IN_TOP = r"(?:wa|wait|i/?o[- ]?wait)"

# fmt: off
OF_KVM: dict[Topic, tuple[str, ...]] = {
    T.IO_EXITS: (
        r"\bpio_(?:read|write)\b", r"\b(?:in|out)[bwl]? instructions?\b", r"\bport[- ]?i/?o\b", r"\bpio\b",
    ),
    T.MMIO_EXITS: (
        (
            r"\bregisters? of (?:an? |the |its )?(?:\w+ )?(?:nvme|ahci|hda|e1000\w*|igb\w*|[xeuo]hci|sata|network card|nic|hpet|framebuffer)\b"
            r".{0,60}\b(?:polls?|exits?|loop|again|end|per second|0x[ef]\w{7})\b"
        ),
        r"\bpolls?\b.{0,40}\b0x[ef][0-9a-f]{7}\b",
        r"\bkvm_exit_mmio\b", r"\bdabt(?:_low)?\b", r"\b(?:as|by|via|through) mmio\b", r"\bmmio[-_]exits?\b",
        r"\b(?:npf|ept)\b.{0,50}\bemulated (?:\w+ )?(?:card|controller|device|nic|disk|adapter)",
        r"\bmmio\b.{0,30}\b(?:storm|without end|dominat\w+|again and again|per second|trapp\w+|traps?)\b",
    ),
    T.OTHER_PORT: (r"(?<!\+)\b0x0?(?:3[b-d][0-9a-f]|20[0-9a-f]|6[04]|92|80|5658|cf[8-f]|51[0-4])\b", r"\b(?:one|single|same) (?:i/?o )?port\b",
        r"\bata_sff_\w+", r"\binb?\(0x[0-9a-f]{2,4}\)"),
    T.MSR_EXITS: (
        (
            r"\b(?:reads?|writes?|access\w*|poll\w*)\b.{0,40}\bmsrs?\b.{0,20}"
            r"\b(?:without end|in a loop|again and again|all the time|endless\w*|constantly|per second|for ever|millions?|thousands?)\b"
        ),
        r"\bkvm_msr\b", r"\b(?:msr_)?ia32_\w{3,}", r"\bhv_x64_msr\w*", r"\bmsr_(?:amd|k7|k8|kvm|core|pkg)\w+"),
    T.FAULT_EXITS: (r"\bpf_(?:taken|fixed|guest)\b", r"\b(?:exits?|faults?)\b.{0,10}\b(?:for|at|on) the same (?:page|address)\b",
        r"\bsame (?:gpa|gfn|guest (?:physical )?(?:address|page|frame))\b",
        r"\bnested (?:page )?faults?\b.{0,30}\b(?:again and again|same|one address|without end|loop\w*)\b"),
    T.IRQ_STORM: (
        r"\b\d{2,3} ?% (?:of (?:a |one |the )?(?:cpu|core) )?(?:in )?(?:hi|hard ?irqs?|irqs?|interrupts)\b",
        r"\b[\d,]{4,} (?:\w+ )?(?:interrupts|irqs)\b.{0,15}(?:/s\b|\bper second\b|\ba second\b)(?!.{0,30}\b(?:timer|loc|tick)\w*\b)",
        (
            r"\b(?:irqs?|interrupts?|sci|gsi)\b(?! ?(?:0|8)\b).{0,20}\b(?:fires?|raised|comes?|arrives?|asserted)\b.{0,15}"
            r"\b(?:without end|endless\w*|for ever|forever|all the time|again and again|continu\w+|constantly)\b"
        ),
        (
            r"\b(?:irqs?|interrupts?|gsi)\b.{0,40}\b(?:re-?)?(?:inserted|injected|delivered|triggered|posted)\b.{0,20}"
            r"\b(?:without end|endless\w*|for ever|forever|again and again|repeatedly|over and over|in a loop)\b"
        ),
        r"\b(?:irq|interrupt) handlers?\b.{0,20}\b(?:for ever|forever|again and again|without end|endless\w*|in a loop|all the time)\b",
        (
            r"\b(?:raises?|fires?|asserts?|injects?) (?:\w+ )?(?:irq|interrupts?|gsi)s? ?\d*\b.{0,10}"
            r"\b(?:endless\w*|without end|for ever|forever|again and again)\b"
        ),
        r"\b(?:interrupt|irq) (?:rate|count)\b.{0,50}\b\d{2,3},?\d{3}(?:,\d{3})*\b",
        r"\b(?:hardware|device) interrupts?\b.{0,25}(?:\b\d{2,3} ?%|\bfull\b|\ball the\b)|\b\d{2,3} ?%.{0,8}\b(?:hardware interrupts|dpcs?)\b",
        r"\bline\b.{0,45}\b(?:stays?|remains?|is stuck|left)\b.{0,10}\b(?:asserted|high|active|raised)\b",
        r"\bhandler\b.{0,15}\b(?:runs|is called|is entered)\b.{0,12}\b(?:all the time|for ever|forever|without end|endless\w*|again and again)\b",
        r"\bnever (?:de-?asserts?|lowers?|clears?|acknowledges|acks)\b",
        r"\b(?:all|most) (?:of (?:the|its) )?(?:time|cpu) (?:is )?(?:\w+ )?in (?:hard ?irqs?|interrupts)\b",
    ),
    T.ENTRY_FAILED: (
        (
            r"\b(?:kvm|processor|cpu|hardware) (?:refuses?|refused|cannot|could not|fails?|failed|is unable) to (?:enter|run) "
            r"(?:the |this |its )?(?:guest|vm)\b"
        ),
        r"\b(?:refuses?|refused|fails?|failed) to enter\b",
r"\bvm-?(?:resume|launch|run|enter)\b.{0,20}\b(?:fail\w*|errors?|return\w*)\b", r"\bkvm_exit_fail_entry\b",
        r"\bvmexit_invalid\b"),
    T.LOCK_HOLDER: (r"\bkvm_vcpu_on_spin\b", r"\b(?:kvm_vcpu_)?yield_to\b", r"\bple_(?:gap|window)\w*", r"\bdirected yields?\b"),
    T.TRIPLE_FAULT: (r"\bexit[- ]reason\b.{0,4}\b(?:0x)?0?2\b(?! ?\d)",),
    T.NEEDS_RESET: (
        r"\bresetting the virtual machine is required\b", r"\b(?:status|state|vm|guest|domain)\b.{0,20}\binternal[- ]error\b(?!:)",
    ),
    T.OTHER_FIRMWARE: (
        (
            r"\b(?:sea)?bios\b.{0,50}\b(?:not|n't|hangs?|stuck|fails?|never|freezes?)\b.{0,50}\b(?:u?efi|ovmf)\b.{0,20}"
            r"\b(?:works?|do|does|fine|ok|boots?|starts?|runs?)\b(?! not)"
        ),
        (
            r"\b(?:u?efi|ovmf)\b.{0,50}\b(?:not|n't|hangs?|stuck|fails?|never|freezes?)\b.{0,50}\b(?:sea)?bios\b.{0,20}"
            r"\b(?:works?|do|does|fine|ok|boots?|starts?|runs?)\b(?! not)"
        ),
        r"\b(?:(?:sea)?bios|u?efi|ovmf) instead of (?:(?:sea)?bios|u?efi|ovmf)\b.{0,30}\b(?:works?|helps?|fine|ok|boots?|workaround)\b",
        r"\b(?:it )?happens (?:on|with|for) (?:ovmf|u?efi|(?:sea)?bios) (?:vms?|guests?) only\b",
    ),
    T.FIRMWARE_FAULT: (
        r"\bsynchronous exception\b", r"\b(?:x64|ia32|aarch64) exception type\b", r"!{3,4} can't find image information\b",
        r"\bassert(?:_efi_error)? ?\[?\(?[\w.]{2,30}(?:dxe|pei|core|smm|bds)\w*\b",
        r"\bassert(?:s|ed|ion)?\b.{0,30}\b(?:ovmf|edk2?|firmware|uefi|dxe|pei)\b",
    ),
    T.FIRMWARE: (r"\b(?:in|at|during) (?:the )?(?:pei|dxe|bds)(?: phase)?\b",),
    T.NO_SCREEN: (
        r"\b(?:last|only) (?:thing|line|output|message|sign)\b.{0,40}\b(?:firmware|uefi|bios|seabios|ovmf|edk2|tianocore|boot ?loader)\b",
        r"\b(?:past|beyond) the (?:first|boot|start|splash) (?:screen|logo|picture)\b",
        r"\b(?:stays?|stands?|stops?|stopped|stuck|hangs?|hung|sits?|remains?|waits?)\b.{0,8}\b(?:at|on|with)\b.{0,4}\bbooting from\b",
        r"\b(?:bios|firmware|seabios|ovmf|uefi)\b(?: \w+)? (?:loops?|spins?|runs round|goes round|repeats)\b",
        r"\b(?:black|blank|empty) (?:\w+ )?(?:screen|display|console|picture|window)\b",
        r"\bbefore anything is (?:drawn|shown|printed|displayed)\b",
        r"\b(?:stays?|stuck|sits?|remains?|hangs?|hung) in (?:the )?(?:seabios|bios|ovmf|uefi|firmware)\b(?! (?:shell|menu|set-?up))",
        r"\bnever (?:shows?|prints?|draws?) (?:anything|a (?:logo|screen|picture)|the (?:logo|screen))\b",
    ),
    T.SPLIT_LOCK: (
        r"\batomics?(?: \w+)?\b.{0,15}\bacross cache[- ]?lines?\b",
        r"\block\w*\b.{0,15}\b(?:across|cross\w*|span\w*)\b.{0,12}\bcache[- ]?lines?\b",
        r"\b(?:mis|un)-?aligned (?:atomics?|locks?|locked)\b",
        (  # the host lets a vCPU sleep 10 ms for each, within the exit
            r"\b(?:exception(?:_nmi)?|#ac|alignment check)\b.{0,80}(?<![\d.,])1\d(?:[.,]\d+)? ?"
            r"(?:ms|milliseconds|k ?(?:us|µs|microseconds))\b"
        ),
        r"\bexception_nmi\b.{0,60}(?<![\d.,])1\d[ ,.]?\d{3} ?(?:us|µs|microseconds)\b",
    ),
    T.MEMORY_SHOWN: (
        (
            r"\b(?:virt-manager|proxmox|cockpit|ovirt|openstack|horizon|summary|dashboard|graph|virsh|domstats|dommemstat|monitoring|host)\b.{0,60}"
            r"\b(?:(?:9\d|100) ?% (?:of (?:its |the )?)?(?:memory|ram)|(?:memory|ram) (?:use |usage )?(?:at |of |is |as )*(?:9\d|100) ?%)"
        ),
    ),
    T.NO_BOOT: (
        r"\bin (?:the |its )?boot manager\b", r"\bpress(?:ed|es)? (?:a|any|the) key (?:to (?:boot|start)|in time)\b", r"\bgrub\b.{0,20}\brescue\b",
        (
            r"\b(?:does not|doesn't|cannot|can't|could not|couldn't) find (?:the |a |an |any )?"
            r"(?:boot ?sector|boot ?loader|operating system|boot (?:device|disk)|bootable \w+)\b"
        ),
        r"\b(?:pxe|dhcp|tftp|network boot)\b.{0,20}\bloops?\b|\bno (?:boot ?)?file ?name\b|\bpxe-e\d\w\b",
        r"\bbios (?:\w+ ){0,2}with an? .{0,12}\b(?:uefi|gpt)\b", r"\b(?:gpt|uefi)[-/a-z]*[- ]only\b", r"\bgrub> ",
        r"\bdracut\b.{0,20}\bshell\b"),
    T.PAUSE_EXITS: (r"\bexits?\b.{0,25}\bpause\b", r"\bpause[- ]filter\w*\b"),
    T.IRQ_LINE: (
        r"\bintx\b", r"\bshar(?:e[sd]?|ing) (?:\w+ )?(?:an? |the |its |one )?(?:irq|interrupt|line|gsi)s?\b",
        r"\bshared (?:irq|interrupt|line|gsi)s?\b",
        r"\blevel[- ](?:triggered|sensitive)\b", r"\bpci=nomsi\b",
        r"\bno msi\b|\bmsi (?:is |was )?(?:off|disabled|not (?:used|available|supported))\b",
        r"\bvfio_device_set_irqs\b", r"\b(?:un)?mask\w*\b.{0,30}\b(?:irqs?|interrupts?|intx)\b", r"\beoi[- ](?:storm|broadcast|exits?)\b",
    ),
    T.GUEST_PAUSED: (r"\bpause (?:this|the|a|an|my|your|one) (?:vm|guest|domain|virtual machine)\b",),
    T.PAUSED_BY: (
        r"\bnever (?:been )?(?:resumed|continued|un-?paused|woken)\b", r"\buntil (?:an? )?(?:virsh|qm|manual) resume\b",
        r"\b(?:gdb|debugger|gdbstub)\b.{0,40}\b(?:stopped|halted|paused) (?:the|this) (?:guest|vm)\b",
        r"\b(?:scripts?|jobs?|tools?|managers?|hooks?|cron\w*|software|programs?)\b (?:\w+ ){0,3}(?:paus|suspend)(?:es|ed|ing|e|s)?\b",
        r"\b(?:virsh )?(?:dump|save|managedsave|snapshot\S*|migrat\w+|backup)\b.{0,40}\b(?:interrupt\w*|abort\w*|cancel\w*|killed|broken off)\b",
        r"\b(?:interrupt\w*|abort\w*|cancel\w*|killed|failed) (?:virsh )?(?:dump|save|managedsave|snapshot|migrat\w+|backup)\b",
        (
            r"\b(?:virsh resume|`?cont`?|resuming|system_wakeup)\b(?!.{0,60}\b(?:paus\w+|stops?|stopped|fail\w*)\b).{0,30}"
            r"\b(?:brings?|brought|runs|goes on|continues|at once|helps|works|back|starts)\b"
        ),
        (
            r"\bsnapshots?\b.{0,50}\b(?:vms?|guests?|domains?|machines?|instances?) (?:is|are|gets?|stays?) (?:paused|suspended)\b"
            r"(?!.{0,60}\b(?:for ever|forever|never|not resume\w*|stays?)\b)"
        ),
        r"\b(?:paused|suspended) (?:during|while|for the (?:time|duration) of) (?:the |an? )?(?:\w+ )?(?:snapshot|backup)\b",
        r"(?:^|\s)-S\b.{0,30}\b(?:option|switch|flag|command line|still)\b", r"\bwaits? for (?:a |the )?(?:`?cont`?|gdb|debugger)\b",
    ),
    T.EMULATION: (
        r"\b(?:x86 )?emulator of kvm\b", r"\btrip(?:s|ped)? over an? (?:\w+ )?instruction\b",
        r"\b(?:stops?|stopped|paused|ends?|dies|died|crash\w*)\b.{0,25}\binternal[- ]error\b", r"\binternal error of kvm\b",
        r"\bkvm'?s? (?:instruction )?emulator\b",
        r"\b(?:cannot|can't|could not|unable to|fails? to|failed to|does not|doesn't|not) (?:be )?(?:emulat|decod)\w*\b",
        r"\binstructions?\b.{0,40}\b(?:not (?:be )?|un)(?:emulat|support|implement|decod|known)\w*\b",
        r"\bemulate_instruction\b|\bx86_emulate\w*\b",
    ),
    T.EMULATED: (
        r"\bkvm (?:kernel )?modules?\b.{0,12}\b(?:not|never)(?: be)? loaded\b",
        r"\bfell back to (?:type )?(?:qemu|tcg|(?:software )?emulation)\b", r"\bqemu emulates\b",
        (
            r"\b(?:apple|m[1-4]|arm\w*|aarch64|raspberry\w*)\b.{0,25}\b(?:runs?|with|boots?|emulates?)\b.{0,15}"
            r"\b(?:x86\S*|amd64|intel|windows (?:xp|7|10))\b"
        ),
        (
            r"\b(?:without|no|lacks?|missing) (?:vt-?x|amd-v|svm|vmx|hardware virtuali[sz]ation|virtuali[sz]ation (?:extensions?|support))\b"
            r"(?! (?:flag |feature )?(?:for|in|inside) (?:the |that |its |a )?guests?\b)"
        ),
        r"\bmttcg\b", r"\bno -?-?accel\b", r"\buse_?emulation\b(?!\W{1,3}(?:false|off|no)\b)", r"\bvirt_type\W{0,3}qemu\b",
        (
            r"\bqemu-system-(?:aarch64|arm|riscv\w*|ppc\w*|mips\w*|s390x|sparc\w*|m68k|alpha|sh4|xtensa|loongarch64)\b.{0,60}"
            r"\bon (?:an? |my |the )?(?:\w+ )?(?:xeon|core|epyc|ryzen|x86\S*|amd64|intel|amd|pc|laptop|desktop)\b"
        ),
        r"\b(?:foreign|another|other|different|cross)[- ](?:cpu )?architectures?\b", r"\bcross[- ]arch\w*\b",
        r"\bqemu (?:user )?emulat(?:es|ion|ing) (?:arm|aarch64|riscv|ppc|mips|s390)",
        (
            r"\b(?:vt-x|amd-v|svm|vmx|virtuali[sz]ation)\b.{0,25}\b(?:off|disabled|not enabled|switched off|missing|locked)\b.{0,25}"
            r"\b(?:bios|uefi|firmware|setup)\b"
        ),
        r"(?<!nested )\b(?:vt-x|amd-v|svm|vmx|virtuali[sz]ation) (?:is |was )?(?:off|disabled|not enabled|switched off)\b",
        r"\b(?:user|account|he|i) (?:\w+ )?not in (?:the )?(?:group )?kvm\b",
        r"\bkvm_(?:intel|amd) (?:module )?(?:is |was )?(?:not|never|un)\W?loaded\b",
        r"\bqemu-system-\w+ without (?:-enable-kvm|accel\S*|any accel\w*)",
        r"\b(?:without|no|lacks?|forgot|missing) (?:the )?(?:-?-?enable-kvm|accel=kvm|-accel kvm|hardware accel\w*|acceleration)\b",
        r"<domain type=.?qemu", r"\btype=.?qemu\b",
        r"\baccelerator\b.{0,12}\b(?:off|disabled|none|tcg|not (?:used|available))\b", r"\baccel(?:erator)?\W{1,4}(?:none|tcg)\b",
        r"\b(?:disabl|switch|turn)\w* (?:off )?(?:the |any |hardware )?accel\w*",
    ),
    T.GUEST_IDLE: (
        r"\b(?:guest|own|inside|itself)\b.{0,25}\b(?:says?|shows?|reports?|sees|claims?|at|counts?)\b.{0,15}(?<![\d.])[0-5](?:\.\d+)? ?%",
        r"\bsits? (?:idly |quietly )?(?:at|on|in) (?:the|its|an?) (?:\w+ )?(?:prompt|desktop|login|shell|menu|console|command line)\b"),
    T.NO_HALT: (r"\bxv6\b|\b(?:teaching|toy|hobby|tutorial) (?:kernels?|os(?:es)?|operating systems?)\b(?!.{0,30}\b(?:h[au]ng|stuck))",
        r"\bos/2\b", r"\b(?:windows|win) ?(?:3\.\d+x?|9[58x]|me)\b", r"\bnetware\b", r"\bminix\b", r"\bxenix\b", r"\bcp/m\b",
        r"\b(?:ms-?|free|dr-?|pc-?)dos\b", r"\bdos (?:prompt|box|guests?|vms?)\b"),
    T.CPU_LITTLE: (
        r"\bqemu\b.{0,10}\bat (?:about |some )?[0-5](?:\.\d+)? ?%",
        r"\bcpu (?:use |usage |load |time )?(?:is |of |at )?(?:only |just |about )?[0-5](?:\.\d+)? ?%",
        r"(?<![\d.])[0-5](?:\.\d+)? ?% (?:of (?:a |one )?)?(?:cpu|core)\b",
    ),
    T.MODE_SWITCH: (
        (
            r"\b(?:resets?|reboots?|restarts?|dies|ends|shuts (?:itself )?down|disappears|triple)\b.{0,50}"
            r"\b(?:enabl\w+|switch\w*|sets?|setting|loads?|enter\w*|turns? on|jumps?)\b.{0,30}"
            r"\b(?:paging|protected mode|long mode|idt|gdt|cr[034]|pml4|5-level|la57|interrupts|page tables?)\b"
        ),
        (
            r"\b(?:enabl\w+|switch\w*|setting|loads|loading|enter\w*|turning on|jump\w*)\b.{0,25}"
            r"\b(?:paging|protected mode|long mode|idt|gdt|cr[034]|pml4|5-level|la57|page tables?)\b.{0,30}"
            r"\b(?:resets?|reboots?|restarts?|dies|ends|shuts (?:itself )?down|disappears)\b"
        ),
    ),
    T.IDLE_POLL: (
        r"\b(?:polling|(?<!wfi )(?<!hlt )idle) loops?\b",
        r"\b(?:dosidle|vmidle|amnhlt|fdapm|cpuidle\.exe|waterfall pro)\b", r"\brain(?: 2\.0)? (?:in|inside) (?:the )?guest\b",
        r"(?:\b|_)mwait(?:\b|_)", r"\bcpu-pm=on\b", r"\bcpu-pm\b", r"\bprocessor\.max_cstate\b", r"\bidle=(?:halt|nomwait|mwait)\b",
    ),
    T.FEW_EXITS: (
        r"\b(?:next to no|hardly any|almost no|nearly no|no|few|a few|only a few|some|a few hundred|some hundred|few hundred) (?:vm ?-?)?exits?\b",
        r"\bexits?\b.{0,20}\b(?:are |is )?(?:(?:an?|only|just) (?:\w+ )?(?:hundred|dozen)s?|few|rare|seldom|low|\d{1,3})\b(?: (?:per|a) second|/s)?",
        r"\b(?:hardly|rarely|seldom|never|almost never)(?: ever)? (?:leaves?|exits?)(?: guest mode)?\b",
        r"\b(?:stays|remains|runs) in guest mode\b",
    ),
    T.IOWAIT: (
        rf"\b\d{{1,3}}(?:\.\d+)? ?% (?:of )?(?:cpu )?{_IN_TOP}\b", rf"\b{_IN_TOP} (?:of|at|is|is at|shows?|near|around) (?:\w+ )?\d",
        r"\bi/?o[- ]?wait\b", r"\bpsi io\b|\bio pressure\b",
    ),
    T.NOTHING_WRONG: (
        (
            r"\b(?:asks?|asked|asking|wants? to know|wonders?|wondering|question) (?:is )?(?:if|whether)\b.{0,30}"
            r"\b(?:normal|ok(?:ay)?|too (?:much|high|many)|expected|right|a problem|healthy|harmful|dangerous|to worry|an error)\b"
        ),
        (
            r"\b(?:guests?|vms?|it|everything|all) (?:\w+ )?(?:answers?|responds?|reacts?|works?|runs?) "
            r"(?:quickly|promptly|well|normally|as (?:usual|always|before))\b"
        ),
        r"\b(?:takes?|took|mistak\w+|mistook) (?:these|this|those|that|them|it) (?:\w+ )?(?:for|as)\b",
        r"(?<!not )\bas (?:expected|it should|intended|designed)\b(?!,? (?:the|its) .{0,60}\b(?:(?:is|are|does|do) not|isn't|doesn't)\b)",
        r"\b(?:these|those|they|such) (?:\w+ ){0,2}are (?:\w+ )?normal\b",
        r"\b(?:only|just|merely) (?:asks?|wants? to know|wonders?)\b",
        r"\b(?:guest|vm|it|everything|all) (?:\w+ )?(?:is|are|was) (?:\w+ )?in order\b",
        r"\bfears? (?:an? |the )?(?:\w+ )?(?:defects?|problems?|faults?|damage|bugs?|leaks?)\b",
        (
            r"\b(?:thinks?|believes?|fears?|assumes?) (?:that )?(?:it|this|they|the \w+) (?:\w+ )?"
            r"(?:hangs?|hung|(?:is|are) (?:stuck|broken|hung|dead|wrong|defect\w*|bad))\b"
        ),
        r"\b(?:host and guest|guest and host|both|all of them) (?:are|work|run)\b.{0,12}\b(?:fine|well|healthy|ok)\b", r"\bnothing stands out\b",
        r"\bno (?:guests?|vms?|one|users?) (?:has|have|had|shows?|sees?|suffers?|is affected)\b.{0,20}(?:\b(?:problems?|trouble|issues?)\b|$)",
        r"\bnobody complains?\b",
        r"\bno (?:complaints?|ill effects?|user notices|visible effects?)\b",
    ),
    T.NESTED: (
        r"\bvms? inside (?:of )?(?:a |an |other |another )?vms?\b", r"\b(?:innermost|inner|nested) (?:guests?|vms?|machines?)\b",
        (
            r"\b(?:labs?|clusters?|set-?ups?|nodes?|hypervisors?|compute hosts?|cloud)\b.{0,12}\b(?:of|on|in|made of|inside|under)\b.{0,12}"
            r"\b(?:vms|virtual machines|esxi|vmware|vsphere|hyper-v|virtualbox)\b"
        ),
        r"\b(?:\w+-)?vm labs?\b", r"\bon (?:\w+ )?(?:an? )?(?:esxi|vsphere|vmware|hyper-v|virtualbox) (?:host|cluster|server|machine)s?\b",
        (
            r"\b(?:itself|themselves) (?:an? |is an? |are )?(?:\w+ )?(?:guests?|vms?|virtual(?:i[sz]ed| machines?| servers?)?|instances?|droplets?"
            r"|domains?)\b"
        ),
        (  # a rented machine is a guest of somebody's; a guest within it is what is nested
            r"(?=.*\b(?:kvm|qemu|libvirt|proxmox|guests?|nested|(?<!-)hypervisor|host|inside|minikube|multipass|lxd|incus|vagrant|firecracker|kata)\b)"
            r".*\b(?:rented|leased|hosted|hired|public cloud|cloud)\b.{0,15}\b(?:virtual (?:private )?(?:server|machine)|vps|vms?|instances?)\b"
        ),
        r"\b(?:vms?|virtual machines|instances) themselves\b",
        r"\b(?:two|three|four|[234]) levels (?:deep|down|of (?:vms?|virtuali[sz]ation|nesting|kvm|guests))\b",
        r"\b(?:guests?|vms?|kvm|qemu|proxmox)\b.{0,30}\b(?:on|in|inside) (?:an? |my |the )?vps\b", r"\bkvm-in-kvm\b",
        (
            r"\b(?:in|on|under|inside) (?:a |an )?(?:virtual machine|vm) (?:of|on|in|under) (?:\w+ )?"
            r"(?:hyper-v|esxi?|vmware|vsphere|proxmox|azure|gcp|aws|kvm|virtualbox|xen)\b"
        ),
        r"\b(?:l0|l1|l2)\b.{0,30}\b(?:guests?|hosts?|hypervisors?|kernel|vms?)\b", r"\bnested (?:page tables?|ept|npt|vmx|svm|paging)\b",
        (
            r"\b(?:kvm|qemu|libvirt|proxmox) (?:\w+ )?(?:in|inside|within|under|on) (?:a |an )?"
            r"(?:hyper-v|vmware|esxi|virtualbox|azure|ec2|gce|xen|parallels)\b"
        ),
    ),
    T.CPU_DIFFERS: (
        rf"(?=.*\bmigrat|.*\bmov(?:e|ed|ing)\b|.*\brestor){_MODELS}.{{0,25}}(?:\b(?:and|to|onto|vs|versus)\b|->|,).{{0,15}}{_MODELS}",
        r"\b(?:in|not )compatible with (?:the )?host(?:'s)? (?:cpu|processor)\b", r"\brequired features?\b",
        rf"{CHIPS}.{{0,80}}\bmigrat\w*.{{0,50}}{CHIPS}", rf"\bmigrat\w*.{{0,60}}{CHIPS}.{{0,40}}\b(?:to|onto|and|->)\b.{{0,30}}{CHIPS}",
        r"\bhost-passthrough\b.{0,60}\bmigrat\w+|\bmigrat\w+\b.{0,60}\bhost-passthrough\b",
        r"\b(?:cpu|processor)s? (?:\w+ ){0,3}(?:differs?|changed|replaced|swapped|upgraded|exchanged)\b",
        (
            r"\bhosts? (?:\w+ ){0,2}(?:with(?:out)?|that (?:lacks?|has|have|knows?|supports?))\b.{0,20}"
            r"\b(?:avx\S*|amx|pku|tsx|hle|rtm|mpx|xsaves?|la57|5-level)\b"
        ),
        r"\bkvm_set_(?:xsave|xcrs|msrs?|sregs|cpuid)\w*",
        r"\bfeatures? (?:is |are |was |were )?(?:missing|absent|lacking|not (?:there|available|supported))\b",
        (
            r"\b(?:avx\S*|amx|pku|pkru|tsx|mpx|xsaves?|xcr0|la57)\b.{0,40}"
            r"\b(?:missing|absent|not (?:there|available|supported)|disabled|unavailable|gone|differs?)\b"
        ),
    ),
}
# fmt: on
