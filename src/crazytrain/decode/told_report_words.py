"""The field's words for what can be observed, as trackers of bugs have it: kernels of guests, programs in them, shared folders.

Further ways to say what the other parts name; a topic may stand in several parts. All is in lower case, and gaps are bounded.
"""

from crazytrain.decode.told_guest_words import HANGS
from crazytrain.model.facts.told import Topic

T = Topic

_SHARE = (
    r"(?:9p(?:fs)?|9p2000\S*|virtio-?9p|virtio-?fs\w*|shared (?:folder|director(?:y|ies)|file ?systems?)|host share"
    r"|nfs (?:share|mount)|cifs|smb mount)"
)
_GUESTS_KERNEL = r"(?:guest(?:'s?)?(?: os(?:'s)?)? kernels?|kernels? (?:in|inside|of) (?:the |a |its |this )?(?:guest|vm|virtual machine)s?)"
_CHANGED = r"(?:updat|upgrad|downgrad|chang|install|boot|revert|pinn|roll\w* back|mov|switch)\w*"
_MUCH = r"(?:high|excessive|huge|heavy|constant|much|full|100 ?%|a lot of|lots of|all (?:the|its)|insane\w*)"
_RISES = (
    r"(?:sky-?rocket\w*|spik\w+|jump\w*|ris\w+|rose|explod\w+|soar\w*"
    r"|(?:is|are|stays?|goes|goes up|was|were) (?:very |too )?(?:high|\w* ?at 100 ?%))"
)
_DAEMONS = r"(?:mds_stores|mdworker\w*|photoanalysisd|cloudd|bird|wmiprvse(?:\.exe)?|wmi provider host|windowserver|kernel_task)"

# fmt: off
OF_REPORTS: dict[Topic, tuple[str, ...]] = {
    T.GUEST_KERNEL: (
        rf"\b{_CHANGED}\b.{{0,40}}\b{_GUESTS_KERNEL}\b",
        rf"\b(?:older|new(?:er)?|recent|latest|another|other|previous|earlier|different|mainline|generic|stock|patched|unpatched)\b.{{0,12}}\b{_GUESTS_KERNEL}\b",
        rf"\b{_GUESTS_KERNEL}\b.{{0,20}}\b(?:older|newer|before|since|from|up to|and later|and up|\d\S* (?:works?|hangs?|boots?|is fine|fails?))\b",
        rf"\b(?:since|with|under|only on|only with)\b.{{0,20}}\b(?:v?[2-7]\.\d\S*) {_GUESTS_KERNEL}\b",
        rf"\b{_CHANGED}\b.{{0,25}}\bin(?:side)? (?:the|its|my) (?:guest|vm)\b.{{0,25}}\bkernel\b",
        r"\b(?:guest|vm|image|instance)s?\b.{0,40}\bboot\w*\b(?! (?:to|into) ).{0,30}\bkernels?\b(?!.{0,25}\b(?:host|node|hypervisor))",
        r"\bkernels?\b.{0,12}\b(?:of|in|on|from) (?:the |its |this |that )?(?:\w+ )?(?:image|template|appliance|iso)\b",
        r"\bboot(?:s|ing)? hangs? (?:with|on|since|from) (?:\w+ )?kernels?\b",
        r"\bwith (?:the |its )?(?:normal|stock|default|generic|regular|usual) kernel (?:it|the guest|the vm|this|the image)\b",
        r"\bafter (?:an? |the )?(?:up|down)grade of (?:the|its|my) (?:guest|vm|os|guest os|operating system)\b",
        r"\b(?:linux-)?(?:image-)?(?:generic|cloud|virtual|kvm|aws|azure) kernel\b|\blinux-(?:image-)?(?:generic|virtual|kvm|cloud)\b",
    ),
    T.HOST_KERNEL: (r"\b(?:since|until|with|under|only with|up to)\b.{0,20}\bkernels? (?:of|on) the (?:hosts?|nodes?|hypervisors?)\b",),
    T.ENTROPY: (
        r"\b(?:entropy|rdrand|rdseed|crng|getrandom|wait_for_random_bytes|haveged|urandom warning)\b|/dev/random\b",
        r"\b(?:no|without(?: an?| any)?|lacks? (?:an?|of)|missing|adding (?:an?|the)|added (?:an?|the)) (?:virtio-?)?(?:hw)?_?rng\b",
        r"\b(?:no|without|lacks?|waits? for|waiting for) (?:\w+ )?random (?:numbers?|sources?|bytes|data)\b|\brandom pool\b",
    ),
    T.TIMER_RATE: (
        r"\b(?:timer|clock|tick)s?(?: interrupts?| irqs?| ticks?)?\b.{0,20}\b(?:far |much |way )?too (?:often|fast|frequent\w*|early)\b",
        r"\btime ?slices?\b.{0,20}\b(?:far |much |way |very )?(?:too )?(?:short|small)\b",
        r"\b(?:context[- ]switch\w*|schedul\w*|preempt\w*)\b.{0,30}\b(?:incessantly|all the time|constantly|without end|on every tick)\b",
    ),
    T.GUEST_DRIVER: (
        (
            rf"\b{HANGS} (?:during|at|in|while|when) (?:the |its |it )?(?:\S+ ){{0,3}}?"
            r"(?:driver|module|initiali[sz]\w+|prob(?:e|ing)|init|firmware load\w*)\b(?!.{0,12}\b(?:uefi|bios|seabios|ovmf|firmware)\b)"
        ),
    ),
    T.GUEST_PROGRAM_BUSY: (
        (
            rf"\b{_MUCH} cpu(?: usage| load| use| time)?\b.{{0,60}}\b(?:because of|due to|caused by|comes from|from|by) (?:the |a |its )?"
            r"(?:[\w.`'-]{2,40} )?(?:process|service|daemon|program|application)\b"
        ),
        (
            r"\b(?:inside|in it|in the (?:guest|vm)|within)\b,?.{0,30}\b(?:the |a )?(?:process|service|daemon|program) (?!of\b)[\w.`'-]{2,40} "
            r"(?:uses?|takes?|eats?|burns?|consumes?|causes?|hogs?)\b"
        ),
        (
            r"\bcpu (?:usage|load|use|time) of (?:the )?[\w .()-]{2,60}\b(?:service|provider|process|daemon|host|program|\w+\.exe)\b"
            rf".{{0,25}}\b{_RISES}"
        ),
        rf"\b{_DAEMONS}\b.{{0,60}}\b(?:cpu|\d{{2,4}} ?%|uses?|busy|takes?|high)\b",
        rf"\bcpu\b.{{0,40}}\b{_DAEMONS}\b",
    ),
    T.GUEST_SWAP: (
        r"\b(?:memory|ram)\b.{0,40}\b(?:at|around|about|over|above|near\w*|reach\w*|hover\w*|stands?)\b.{0,20}\b(?:9[5-9]|100) ?%",
        r"\b(?:9[5-9]|100) ?%.{0,12}\b(?:memory|ram)\b(?! (?:test|speed))",
        r"\b(?:runs?|ran|running|goes|went|is|gets?) (?:completely )?out of (?:memory|ram)\b.{0,30}\b(?:guest|vm|inside|in it)\b",
        r"\b(?:guest|vm)\b.{0,30}\b(?:runs?|ran|running|goes|went|is|gets?) (?:completely )?out of (?:memory|ram)\b",
    ),
    T.HUNG_TASK: (
        (
            rf"\b(?:threads?|tasks?|processes|nfsd\S*|workers?|kthreadd?)\b.{{0,20}}\b{HANGS}\b.{{0,40}}"
            r"\b(?:mutex(?:es)?|semaphores?|rw-?sems?|journal|transaction groups?|page locks?|inode locks?)\b"
        ),
        rf"\b(?:read\w*|open\w*|access\w*|writ\w+|list\w*|ls|cat|processes|commands?)\b.{{0,60}}\b{_SHARE}\b.{{0,50}}\b{HANGS}",
        rf"\b{_SHARE}\b.{{0,60}}\b(?:mount|files?|access\w*|reads?|requests?)?\b.{{0,30}}\b{HANGS}",
        rf"\b{HANGS}\b.{{0,40}}\b(?:on|in|at|when|while) (?:\w+ ){{0,4}}{_SHARE}\b",
        r"\b(?:process|command|program|login|shell|ls|cat|sync|df|mount|umount)\b.{0,40}\b(?:cannot|can't|could not) be (?:killed|interrupted)\b",
    ),
    T.SMP_START: (
        r"\b(?:v?cpus?|processors?|cores?)\b.{0,20}\b(?:is|are|was|were|get|gets)? ?(?:being )?hot-?(?:plug|add)\w*",
        r"\bhot-?(?:plug|add)\w*(?: of)?(?: (?:a|an|another|more|one|some|two|the))? ?(?:v?cpus?|processors?|cores)\b",
    ),
    T.GUEST_HUNG: (
        r"\bnever (?:fully )?comes? (?:fully )?up\b",
        r"\b(?:guest|vm|machine|instance|boot)s? (?:just |simply )?stops? (?:at|in|during|after|here|there)\b",
        r"\b(?:does|do|did) not return\b|\bnever returns\b",
    ),
}
# fmt: on
