"""Who takes how much of a CPU, as somebody tells it."""

import re
from collections.abc import Iterator

from crazytrain.decode.told_lines import SHARE
from crazytrain.model.facts.told import Stance, Topic

ASIDE = re.compile(r"\([^()]{0,200},[^()]{0,200}(?:\)|$)")  # a clause may end within it
_CPU = re.compile(r"\b(?:cpus?|cores?|load|processors?|threads?|qemu|kvm|vcpus?|process|host|top|smp)\b")
_NO_CPU = re.compile(
    r"\b(?:wa|i/?o[- ]?wait|id|done|complete\w*|progress|reaches|disk|memory|ram|migrat\w+|full|space|rarer|faster|slower|idle)\b"
)
_OF_DISK = re.compile(
    r"\b(?:p?write(?:64)?|p?read(?:64)?|f\w{0,4}sync|futex|ppoll|ioctl)\b.{0,12}\d ?%|% ?util\b"
    r"|\b(?:disks?|drives?|ssds?|nvmes?|storage|raid)\b.{0,12}\b\d{2,3} ?%"
)
_FULL = re.compile(
    r"\b(?:eats?|hogs?|occup\w+|saturat\w+)\b(?:(?!\d ?%).){0,12}\b(?:cpus?|cores?|processors?)\b|\bcpu[- ]hog\b"
    r"|\b(?:burn\w*|spin(?:s|ning)?|spun|pegg\w+|max(?:es|ed)? out|busy[- ]?loop\w*|loops? for ever"
    r"|endless loop|run(?:s|ning)? away|runaway)\b|\b(?:high|full|excessive|huge|constant|heavy) cpu\b"
    r"|\b(?:more than|(?:always |constantly )?takes?|eats?|needs?|keeps?|pins) (?:up )?(?:an?|one) (?:whole |full |host )*(?:cpu|core)\b"
    r"|\b(?:all|whole|full|entire|complete) (?:cores?|cpus?|processors?)\b|\b(?:core|cpu) (?:lost|gone|permanently|more than)\b"
    r"|\b(?:takes?|took|uses?|consumes?|occupies)\b.{0,12}\ball (?:of )?(?:\w+ )?(?:\w+ )?(?:v?cpus?|cores|processors)\b"
    r"|\bloops\b(?! (?:device|over))|\bpermanently (?:busy|on (?:the )?cpu|running)\b"
    r"|\bone (?:host )?(?:core|cpu) (?:more|lost|busy|(?:per|for each) .{1,30}gone)\b"
    r"|\bfull load\b|\bloop never (?:sleeps|rests)\b|\bcpu (?:usage|load|use)\b.{0,15}\b(?:high|full|max\w*|rose|rises"
    r"|jumps?)\b"
)
_SOME = re.compile(
    r"\bcpu (?:load|usage|use|time)\b|(?<![\d.])\d{1,2}(?:\.\d+)? ?% (?:host |of a |of one )?(?:cpu|load|core)\b"
    r"|\bwakeups?\b|\bhost load\b|\boverhead\b|\bload\b.{0,12}\b(?:rose|rises|high\w*)\b"
)
_VCPU = re.compile(
    r"\bvcpus?\b|\bcpu ?#?\d+/kvm\b|\bcpu \d+\b|\ball (?:v?cpus|cores)\b|\bsmp\b|\bcores at\b|\bvcpu threads?\b"
)
_MAIN = re.compile(
    r"\b(?:main (?:thread|loop)|qemu'?s? thread|i/?o ?thread|(?<!interrupt )(?<!irq )handler|event loop|iothread)\b"
)


def cpu_told(clause: str, *, guess: bool, even: bool, well: bool) -> Iterator[tuple[Topic, Stance, float | None]]:
    """Who takes how much of a CPU."""
    if even or well:
        return
    stance = Stance.GUESS if guess else Stance.SEEN
    shares = [float(m[1]) / 100 for m in SHARE.finditer(clause)]
    about_cpu = (_CPU.search(clause) is not None or not _NO_CPU.search(clause)) and not _OF_DISK.search(clause)
    share = max(shares, default=0.0) if about_cpu else 0.0
    if share >= 0.85 or _FULL.search(clause):
        yield Topic.CPU_FULL, stance, share or None
        if _VCPU.search(clause):
            yield Topic.VCPUS_FULL, stance, share or None
        if _MAIN.search(ASIDE.sub(" ", clause)):
            yield Topic.MAIN_FULL, stance, share or None
    elif share >= 0.1 or _SOME.search(clause):
        yield Topic.CPU_SOME, stance, share or None
