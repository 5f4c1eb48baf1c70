"""How lines of a debugger's backtrace look: those that tell one, and those that stand with them."""

import re

# A frame has an address, or a function with its arguments (or nothing) in brackets: "#1 problem (see below)" is neither.
WHOLE = re.compile(
    rb"#\d{1,4}\s+(?:0x[0-9a-f]{6,16}\b|<signal handler called>|[\w.:~<>$@?-]{1,200} ?\((?:\)|[\w$]{1,80}=|<|$))"
    rb"|\[?(?:Switching to thread|Thread) \d{1,6}\b[^\n(]{0,60}\((?:Thread 0x[0-9a-f]{1,16} )?\(?(?:LWP|process) \d"
    rb"|\*? *\d{1,6} +Thread (?:0x[0-9a-f]{1,16} \((?:LWP|process) \d|\d{1,6} \(CPU#\d)"
    rb"|TID \d{1,9}:$|PID \d{1,9} - process$|Stack trace of thread \d{1,9}:$"
)
# Behind a prompt, too; what gdb says while it starts and ends; that a program was looked at.
BESIDE = re.compile(
    rb"\(gdb\)|Id +Target Id +Frame|\[(?:New|Switching|Current|Inferior|Thread) |\[Thread debugging|Using host lib"
    rb"|Reading symbols|warning: |Attaching to"
    rb"|Missing separate|Detaching|No locals\.|Continuing\.|__PRETTY_FUNCTION__|Thread \d+ \"|Python Exception|Backtrace stopped"
    rb"|Dwarf Error|\d+\t(?:in )?\S|Quit anyway|A debugging session|\(More stack frames follow\.\.\.\)|--Type <RET>"
)
_NOT_ON = re.compile(rb"\(gdb\)|\(qemu\)|[\w.@~/:-]{0,80}[$#] |```|--+ |\S+ \S+ \S+ \S+ wrote:")
# Arguments and places of a broken frame; local variables of `bt full`.
_ON = re.compile(
    rb"(?:at|from|in) |\([\w$]{1,80}=|[\w$:]+=|<optimized|out>|<[\w.:+@ ]+>|[\w$]{1,80} = |\"|-?\d+[,)]|0x[0-9a-f]+[,) ]|entry=|/\S+:\d+$"
    rb"|\{|\}|[\w./+-]+:\d+\)?$|\S+ <\S+>|members of "
)
_AWAITS = (b",", b"(", b" at", b" from", b"=<optimized", b"=", b" in", b"{")


def goes_on(before: bytes, line: bytes) -> bool:
    """Whether a line goes on with the frame before it."""
    if not line.strip() or _NOT_ON.match(line) or not before.strip():
        return False
    return before.endswith(_AWAITS) or bool(_ON.match(line))
