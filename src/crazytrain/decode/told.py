"""What people say in their own words: prose is searched for observations in the field's terms.

Prose is lines of words. A sentence is cut into clauses, and each clause is searched for what it speaks of (`told_words`) and how: that a
thing is there, is not there, that all is well without it, that it makes no difference, or that the teller only suspects it. Nothing else is
understood, and nothing is measured: it is what somebody noticed.

>>> from crazytrain.model.evidence import Evidence, Kind
>>> text = b"The guest hangs when USB tablet is used. Without the tablet all is fine."
>>> [(t.topic.name, t.stance.name) for t in decode_told(Evidence(id="mail", kind=Kind.TOLD, source="mail", data=text))]
[('GUEST_HUNG', 'SEEN'), ('USB_TABLET', 'SEEN'), ('USB_TABLET', 'CURED')]
"""

import bisect
import itertools
import re
from collections.abc import Iterable, Iterator

import msgspec

from crazytrain.decode.told_chinese import in_field_words
from crazytrain.decode.told_cpu import ASIDE, cpu_told
from crazytrain.decode.told_kernel_versions import KernelVersions
from crazytrain.decode.told_lines import MARGIN, changes_aside, in_words
from crazytrain.decode.told_words import DENIABLE, THINGS, WORDS, as_usual
from crazytrain.model.evidence import Evidence, Kind
from crazytrain.model.facts.told import Prose, Stance, Told, Topic

LIMIT_BYTES = 64 * 1024
MOST_STATEMENTS = 400
_LONGEST_CLAUSE = 400
_SHOWN = 160
_LEAST_WORDS = 3
_LIST_FROM = 3
_LEAST_WORDS_AMONG = 9
_HEADING_WORDS = 5

_MACHINE = re.compile(
    r"^\s*(?:kern\.timecounter\.choice|available_clocksource"
    r"|[A-Z][a-z]{2} [ \d]\d [\d:.]{8,15} (?:\S{1,64} )?kernel: |\d{4}-\d\d-\d\dT[\d:.]{8,20}\S{0,6} \S{1,40} "
    r"|\w[\w ()]{0,24}?(?:\t| {2,})\s*:|INFO: task \S|<|\[ *\d+\.\d+|#\d+ |\(?gdb\)|0x[0-9a-f]{6}|[{}]|-[a-z]+ (?!.*(?:[a-z]+ ){6})|[$%] "
    r"|[a-z]\w*_\w+(?:\(\))?\s*$)"  # a function alone: call chains of profiles stand so
)
_OPTION = re.compile(r"(?:^|(?<=\s))(?:-[\w-]+|[^\s=]{1,60}=\S*|/\S*|\S*,\S*,\S*)")
_WORD = re.compile(r"[A-Za-z][A-Za-z'-]+")
_END = re.compile(
    r"(?<=[a-z)%\d\"'][.!?])\s+|[;:]\s+|,? (?:but|whereas|however|yet|although|though) "
    r"|, (?=(?:with|without|only|older|newer|i|we|maybe|perhaps) )|\n|(?-i:(?<=[a-z]) (?=(?:After|Then|When|But|However|Since) [a-z]))",
    re.IGNORECASE,
)

_GUESS = re.compile(
    r"\b(?:i|we) (?:suspect|think|guess|believe|assume|wonder|feel)\b|\b(?:maybe|perhaps|probably|presumably"
    r"|possibly|supposedly|suspected)\b|\b(?:might|could|may) (?:be|have)\b|\b(?:is|are|was) suspected\b"
    r"|\bmy (?:guess|theory|suspicion)\b|\bnot sure\b|\bseems? to be (?:caused|due)"
)
_BLAMES = re.compile(
    r"\b(?:takes?|took|mistakes?|mistook) (?:it|this|that|these|them) for\b|"
    r"\b(?:he|she|they|user|owner|admin\w*|operator|somebody|someone|reporter|customer) (?:\w+ )?suspects?\b|"
    r"\b(?:thinks?|believes?|fears?|assumes?|supposes?) (?:that )?(?:it|this|they|the \w+)\b|"
    r"\b(?:takes?|took|mistakes?|mistook|blam(?:es?|ed))\b.{1,40}\b(?:for|as) (?:the |an? )?(?:reason|cause|culprit|sign|symptom|problem|error)\b"
)
_ASKS = re.compile(  # not: what somebody shows because all is well
    r"(?!(?:is|are) (?:it|this|that|these|they) (?:normal|expected|ok|fine|usual))"
    r"(?:is|are|was|does|do|did|could|can|may|might|would|should|has|have)\b.{0,300}\?$"
)
_WELL = re.compile(
    r"\b(?:(?<!otherwise )fine|restores|back to normal|(?:falls?|fell|drops?|dropped|goes down|comes down"
    r"|went down|came down) to|brings? (?:it|that|this|the load) (?:down )?to|lowers|lowered|reduces|reduced"
    r"|ok|okay|(?<!at )(?<!heavy )(?<!-bound )works?|worked|gone|(?:it|guest|vm) (?:boots|starts|comes up|runs)(?=\.?$)"
    r"|(?:boots?|booted|booting|starts?|started) (?:very |quite |really )?(?:fast|quickly)"
    r"|(?:necessary|needed|required) to (?:achieve|get|reach|have)"
    r"|to something (?:reasonable|sane|acceptable)|(?:go|goes|went) away|disappear\w*|vanish\w*|helps|helped|avoids?|avoided"
    r"|workarounds? (?:it|this|for)|prevents?|prevented"
    r"|runs? for (?:days|weeks|months)|stable|(?:re)?solves|(?:re)?solved|fixes"
    r"|fixed|cures?|cured|rarer|normal(?:ly)?|(?:boots?|starts?|answers?|works?|opens?|finishes|responds?|runs?|comes? (?:up|back)|goes on"
    r"|continues|there|calm|idle|normal|done|loads?|down|off|recovers?|it|that) at once"
    r"|behaves?(?! (?:the same|badly|oddly|strangely))|(?<!otherwise )unaffected|not (?:affected|concerned)|no such (?:effect|load|hang)|calm|quiet"
    r"|all is well|takes seconds|end(?:s|ed)? (?:it|that|this)|halves|halved"
    r"|(?<!can )(?<!could )no longer(?! (?:gets?|answers?|respond\w*|reacts?|works?|boots?|starts?|runs?|receives?|sees?|reachable|usable|possible"
    r"|able|accessible|available|accepts?|comes?|moves?|reads?|repl\w+|returns?|sends?|ticks?|advances?|any|makes?|can|connects?|finishes"
    r"|completes|schedul\w+)\b)|no longer (?:reproduc\w*|trigger|provoke)|no (?:problems?"
    r"|issues?|hangs?|freezes?)|does(?: not|n't) (?:happen|occur|show)|did(?: not|n't) (?:happen|occur)|(?:do"
    r"|does) not show)\b"
)
# What is missed when it is gone.
_LOST = re.compile(
    r"\b(?:entry|entries|disk|drive|card|device|bus|image|file|network|connection|screen|picture|output|guest|process|vm|client|server|kernel)s?"
    r"(?: (?:is|was|are|were|has|had|from|now|then|simply|just)){0,3} gone\b"
)
_NOT_WELL = re.compile(
    r"(?<![=-])\b(?:not|n't|no|never|neither|nor)\b.{0,10}\b(?:help(?:s|ed)?|fine|ok|works?|worked|solves?|solved"
    r"|fix(?:es|ed)?)\b|\b(?:does|do|did)(?: not|n't) help\b"
)
_NO_MATTER = re.compile(
    r"\b(?:no|any|little) (?:difference|effect|change|influence|improvement)\b|\b(?:brought|changed|did|achieved|yielded) nothing\b"
    r"|\b(?:in vain|to no avail|without (?:any )?(?:success|effect|change|result|luck|improvement)"
    r"|nothing (?:changed|help(?:s|ed)))\b|\b(?:does|did|do)(?: not|n't) (?:help"
    r"|matter|change)\b|\birrelevant\b|\bregardless\b|\bno matter\b|\bindependent(?:ly)? of\b"
    r"|\bsame (?:problem|result|behaviou?r)\b|\bruled out\b|\bstill (?:hangs?|happens?|occurs?|the same)\b"
)
_BEFORE_ABSENT = re.compile(
    r"(?:\bwithout(?! (?!using|having|enabling|adding|attaching)\w+ing\b)"
    r"|\bno|\bnot|\bnon|\breplac(?:e|ed|ing)|\bdisabl\w+|\bremov\w+|\bturn\w* off|\bswitch\w* off|\binstead of"
    r"|\black\w*|\bmissing|\bstopping|\bkilling|\buninstalling|-no|\bdrop\w*|\bclos(?:e|ing)|\bunplug\w*|\bdetach\w*"
    r"|\bunload\w*|\bminimi[sz]\w+)[ -](?:(?!(?:when|if|while|because|once)\b)\S+ ){0,3}\S*$"
)
_AFTER_ABSENT = re.compile(
    r"^\S{0,20}(?: \w+){0,4}? (?:off|disabled|absent|removed|missing|stop|stopped|switched off|turned off)\b"
    r"|^\S{0,20} (?:is|are|was|were) not\b|^\S{0,20} set to (?:0|off|no|n|never|none|madvise)\b|^=(?:off|no|0|n|false|never|madvise)\b|^ none\b"
)
_WRITTEN_OFF = re.compile(r"\becho (?:0|n|never|off) ?>+ ?\S*$")
# "no hpet=off": what is said not to be switched off is there.
_NO_SUCH = re.compile(r"\b(?:no|not|without|lacks?|missing) \S{0,3}$")
_SET_OFF = re.compile(r"\S{0,3}=(?:off|no|0|n|false)\b")
_DENIED = re.compile(
    r"(?:\b(?:no|not|never|without|non|neither|nor|nothing|none|hardly)|n't)[ -]"
    r"(?:(?:an?|any|the|using|use|due|of|see|seen|more|longer|signs?|process(?:es)?|tasks?|threads?|stuck|in|is|was|gets?|being|has|been)[ -]){0,5}$"
)
_LITTLE = re.compile(  # a load that is small where something was changed
    r"\b(?:now|after|with|without|under|below|only|just|down|back|drops?|falls?|fell|brings?|brought|reduc\w+|goes|went|removed|off|disabled)\b"
    r".{0,60}(?<![\d.])\d(?:\.\d+)? ?(?:%|percent)|(?<![\d.])\d(?:\.\d+)? ?(?:%|percent)(?: \w+)? (?:with|without|once|under|below)\b"
    r"|\b(?:next to nothing|hardly any(?:thing)?|almost nothing|nearly nothing)\b.{0,12}\b(?:when|if|with|without|once|after)\b"
)
_NOW = re.compile(
    r"\b(?:now|afterwards?|since then|after (?:that|this)|(?:drop|fall|go|come)s? (?:back )?(?:down )?to|(?:dropped|fell|went)\b.{0,12}\bto)\b"
)
_IT_GONE = re.compile(
    r"\b(?:it|this|that|these|they)\b.{0,25}\b(?:off|disabled|removed|gone|out)\b|\b(?:without|removing|disabling) (?:it|them|this|that)\b"
)
_BLAMED = re.compile(
    r"^\S{0,20}(?: \w+){0,4} (?:causes?|makes?|leads? to|is to blame|is the culprit|consumes?|burns?|eats?)\b"
    r".{0,50}\b(?:cpu|load|cores?|wake-?ups?)\b"
)
_SPEAKS_OF_GUESTS = re.compile(
    rb"(?i)\b(?:\w*qemu\w*|\w*kvm\w*|\w*vms?|v?guests?|libvirt\w*|virsh|virt|virtio\S*|virtual\w*|hyper-?v\w*|proxmox|pve\w*|openstack|nova"
    rb"|vcpus?\d*|vmm|xen|bhyve|firecracker|cloud-hypervisor|incus|lxd|multipass|lima|colima|vagrant|utm|parallels|ovirt|esxi?"
    rb"|hypervisor|seabios|ovmf)\b"
)
_Said = tuple[Topic, Stance, float | None]
_OF_GUEST = re.compile(r"\b(?:guests?|vms?|domains?|vcpus?|virtual machines?)\b")
_NOT_OF_HOST = {Topic.HOST_STUCK: {Topic.GUEST_HUNG, Topic.PANIC}, Topic.HOST_CALM: {Topic.GUEST_IDLE}}
_NEVER_OF_GUEST = {
    Topic.OTHER_HOST: {Topic.WINDOWS},
    Topic.FS_FREEZE: {Topic.HOST_IO},  # a backup comes so far before it moves any data
    Topic.HOST_MEMORY: {Topic.GUEST_SWAP},
    Topic.KSM: {Topic.GUEST_PROGRAM},
}
_THERE = (Stance.SEEN, Stance.GUESS)
_LOOKS_BAD = {Topic.NOTHING_WRONG, Topic.HLT_EXITS, Topic.IOWAIT, Topic.MSR_LEFT_OUT, Topic.MEMORY_SHOWN}
_INSTEAD = THINGS | {Topic.EMULATED}
_HAD = THINGS | {Topic.FIRMWARE}  # what a guest has, where it stands among other things in parentheses
_GIVEN = {Topic.IDLE_POLL, Topic.RTC, Topic.RTC_CATCHUP, Topic.SPINLOCK, Topic.HYPERV, Topic.HV_STIMER}
_SINCE = {Stance.SEEN: Stance.GOOD_WITH, Stance.ABSENT: Stance.CURED}  # what a change was, where it is well since


class _Clause(msgspec.Struct, frozen=True):
    """Part of a sentence, in lower case, with the line that it begins in."""

    text: str
    line: int


def decode_told(evidence: Evidence) -> Iterator[Told]:
    """Read observations out of prose: ``Told`` facts, at most ``MOST_STATEMENTS``; none where the text is no prose.

    Only the first 64 KiB are read. Shares become ratios (100 % is 1.0).
    """
    return _read(evidence, _LEAST_WORDS)


def decode_told_among(evidence: Evidence) -> Iterator[Told]:
    """The same for text of machines, where a sentence may begin like one of their lines: only long lines of words count."""
    return _read(evidence, _LEAST_WORDS_AMONG)


def _read(evidence: Evidence, least_words: int) -> Iterator[Told]:
    text = in_field_words(evidence.data[:LIMIT_BYTES].decode("utf-8", "replace"))
    things: tuple[Topic, ...] = ()
    changed: tuple[_Said, ...] = ()
    kernels = KernelVersions()
    said = 0
    for clause in _clauses(text, least_words):
        found = (*_of_clause(clause.text, things), *_since_then(clause.text, changed))
        found = (*found, (Topic.HOST_KERNEL, Stance.GOOD_WITH, None)) if kernels.well_with(clause.text) else found
        found = kernels.whose(found, clause.text)
        things = tuple(topic for topic, stance, _ in found if topic in THINGS and stance in _THERE) or things
        changed = tuple(one for one in found if one[0] in THINGS and one[1] in _SINCE)
        for topic, stance, value in found:
            if said >= MOST_STATEMENTS:
                return
            said += 1
            yield Told(
                topic=topic, stance=stance, value=value, words=clause.text[:_SHOWN], ref=evidence.ref(clause.line)
            )


def decode_prose(evidence: Evidence) -> Iterator[Prose]:
    """Count what was searched for observations: the more there is, the more is found by chance."""
    return _extent(evidence, _LEAST_WORDS)


def decode_prose_among(evidence: Evidence) -> Iterator[Prose]:
    """The same for text of machines."""
    return _extent(evidence, _LEAST_WORDS_AMONG)


def _extent(evidence: Evidence, least_words: int) -> Iterator[Prose]:
    data = evidence.data[:LIMIT_BYTES]
    text = in_field_words(data.decode("utf-8", "replace"))
    clauses = sum(1 for _ in _clauses(text, least_words))
    yield Prose(clauses=clauses, of_guests=_SPEAKS_OF_GUESTS.search(text.encode()) is not None)


def as_told(evidence: Evidence) -> Evidence:
    """Text that nothing else recognised, as prose where something is observed in it."""
    if evidence.kind is not Kind.TEXT or next(decode_told(evidence), None) is None:
        return evidence
    return msgspec.structs.replace(evidence, kind=Kind.TOLD)


def _clauses(text: str, least_words: int) -> Iterator[_Clause]:
    """The clauses of all stretches of prose."""
    first = 1
    lines: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        bare = in_words(MARGIN.sub("", line, count=1).strip())
        if _is_prose(bare, 1 if lines and least_words == _LEAST_WORDS else least_words, going_on=bool(lines)):
            first = first if lines else number
            lines.append(bare)
            continue
        yield from _cut(lines, first)
        lines = []
    yield from _cut(lines, first)


def _is_prose(line: str, least_words: int, *, going_on: bool) -> bool:
    """Whether a line is of words: most of its letters stand in words, and there are some of them."""
    if not line or _MACHINE.match(line):
        return False
    words = _WORD.findall(line[:2000])
    if line.endswith(":") and len(words) <= _HEADING_WORDS and not going_on:
        return False
    letters = sum(map(len, words)) + len(words)
    if len(_OPTION.findall(line[:2000])) > 0.3 * len(line[:2000].split()):
        return False
    return len(words) >= least_words and letters >= 0.6 * min(len(line), 2000)


def _cut(lines: list[str], first: int) -> Iterator[_Clause]:
    """Clauses of one stretch; a sentence may go over several lines."""
    if not lines:
        return
    text = changes_aside(" ".join(lines))
    starts = tuple(itertools.accumulate((len(line) + 1 for line in lines), initial=0))
    at = 0
    for part in (*_END.finditer(text), None):
        end = part.start() if part else len(text)
        number = first + bisect.bisect_right(starts, at) - 1
        for begin in range(at, end, _LONGEST_CLAUSE):
            yield _Clause(text[begin : min(end, begin + _LONGEST_CLAUSE)].lower().strip(), number)
        at = part.end() if part else end


def _since_then(clause: str, changed: tuple[_Said, ...]) -> Iterator[_Said]:
    """That all is well now, said right after what was put in or taken away, and without naming it again."""
    if (
        changed
        and (_NOW.search(clause) or len(clause.split()) <= 3)  # "peaks gone"
        and _is_well(clause)
        and not any(w.search(clause) for t, w in WORDS if t in THINGS)
    ):
        yield from ((topic, _SINCE[stance], None) for topic, stance, _ in changed)


def _is_well(clause: str) -> bool:
    return bool(_WELL.search(_LOST.sub("", clause)) or _LITTLE.search(clause)) and not _NOT_WELL.search(clause)


def _of_clause(clause: str, things: tuple[Topic, ...]) -> Iterator[_Said]:
    """What a clause speaks of, and how; ``things`` are what "it" may be."""
    guess = _GUESS.search(clause) is not None or _ASKS.match(clause) is not None
    well = _is_well(clause)
    even = _NO_MATTER.search(clause) is not None
    hits = _hits(clause)
    named = _apart(found.span() for topic, found in hits if topic in THINGS)
    for topic, found in hits:
        blamed = topic not in _LOOKS_BAD and _BLAMES.search(clause) is not None
        stance = _stance(topic, clause, found, guess=guess or blamed, well=well, even=even)
        listed = topic in THINGS and (named >= _LIST_FROM or _is_list(clause))
        listed = listed or (topic in _HAD and _is_aside(clause, found))
        listed = stance is Stance.SEEN and (listed or (topic in _GIVEN and _is_option(clause, found)))
        yield topic, Stance.LISTED if listed else stance, None
    if well and not named and _IT_GONE.search(clause):
        yield from ((topic, Stance.CURED, None) for topic in things)
    yield from cpu_told(clause, guess=guess, even=even, well=well)


def _apart(spans: Iterable[tuple[int, int]]) -> int:
    """How many words name things: what overlaps is one thing that is spoken of in two ways."""
    number, end = 0, -1
    for begin, until in sorted(spans):
        number += begin >= end
        end = max(end, until)
    return number


def _hits(clause: str) -> list[tuple[Topic, re.Match[str]]]:
    """Topics that a clause names, and where; what is said of the host alone is not so of the guest."""
    hits = [(topic, found) for topic, words in WORDS if (found := words.search(clause))]
    tables = (_NEVER_OF_GUEST,) if _OF_GUEST.search(clause) else (_NEVER_OF_GUEST, _NOT_OF_HOST)
    of_host = {topic for said, _ in hits for table in tables for topic in table.get(said, ())}
    return [hit for hit in hits if hit[0] not in of_host | as_usual(clause)]


def _is_option(clause: str, found: re.Match[str]) -> bool:
    """Whether a hit stands in an option: what a machine was given is not what somebody noticed."""
    return any(o.start() <= found.start() and found.end() <= o.end() for o in _OPTION.finditer(clause))


def _is_aside(clause: str, found: re.Match[str]) -> bool:
    """Whether a hit stands in parentheses among other things: what a guest has, and not what was noticed of it."""
    return any(o.start() <= found.start() and found.end() <= o.end() for o in ASIDE.finditer(clause))


def _is_list(clause: str) -> bool:
    """Whether a clause enumerates: names between commas, and next to no other words."""
    parts = clause.split(",")
    return len(parts) > _LIST_FROM and len(clause.split()) <= 2 * len(parts)


def _stance(topic: Topic, clause: str, found: re.Match[str], *, guess: bool, well: bool, even: bool) -> Stance:
    before, after_all = clause[max(found.start() - 40, 0) : found.start()], clause[found.end() :]
    after = after_all[:48]
    absent = topic in THINGS and bool(
        _BEFORE_ABSENT.search(before) or _WRITTEN_OFF.search(before) or _AFTER_ABSENT.search(after)
    )
    absent = absent and not (_NO_SUCH.search(before) and _SET_OFF.match(after))
    if topic in DENIABLE and _DENIED.search(before):
        return Stance.ABSENT
    if guess:
        return Stance.GUESS
    if even and topic in THINGS:
        return Stance.NO_MATTER
    if topic in THINGS and _BLAMED.search(after_all):
        return Stance.CURED
    if absent:
        return Stance.CURED if well else Stance.ABSENT
    if well and topic in _INSTEAD:
        return Stance.GOOD_WITH
    return Stance.SEEN
