"""The field's words for threads of QEMU that do not come back from the host's kernel, and for a console that the guest leaves alone.

All is in lower case, and gaps are bounded.
"""

from crazytrain.model.facts.told import Topic

T = Topic

_QEMU = r"\b(?:qemu|kvm)(?:'s)?\b(?! (?:guests?|vms?|virtual|instances?)\b)"
_NOT_OURS = r"(?!\b(?:no|not|never|inside|in (?:the|a|its) guest|(?:in|of) (?:the|its|a) vm|guest's)\b)"
_D = r"\b(?:(?:in|into|to) (?:the )?(?:process )?(?:state d\b(?!-)|[\"'`]?d[\"'`]?[- ]states?\b)|uninterruptible\b|disk sleep\b|d state\b)"
QEMU_IN_D = rf"{_QEMU}(?:{_NOT_OURS}.){{0,60}}{_D}"

_TEXT_ONLY = r"-?-?(?:nographic|curses|display none)\b"
_LEFT_OUT = r"(?:is |are |was )?(?:left out|omitted|removed|dropped|taken away|not (?:given|used|set))"
_GOES_ON = r"\b(?:boots?|booting|starts?|continues?|goes on|comes up|works?|fine|runs?)\b"
_SCREEN = r"\b(?:vnc|spice|vga|graphical (?:console|window|screen)|the (?:gtk |sdl )?window)\b"

_PAST = r"(?:overflow\w*|wraps?(?: around)?|negative|all ones|u?int64_max|0x[f]{8,16})"

OF_WAITS: dict[Topic, tuple[str, ...]] = {
    T.ALARM_FLOOR: (
        rf"\b(?:timer|deadline|next (?:tick|event|expiry)|compare (?:value|register)|cval)\b.{{0,80}}\b{_PAST}\b",
        rf"\b{_PAST}\b.{{0,40}}\b(?:timer|deadline|expiry|compare (?:value|register)|cval)\b",
    ),
    T.QEMU_IN_D: (QEMU_IN_D,),
    T.SILENT_CONSOLE: (
        rf"(?<!\w){_TEXT_ONLY}.{{0,20}}\b{_LEFT_OUT}\b.{{0,60}}{_GOES_ON}",
        rf"\b(?:without|omitting|removing|dropping|leaving out)\b.{{0,20}}(?<!\w){_TEXT_ONLY}.{{0,60}}{_GOES_ON}",
        rf"{_GOES_ON}.{{0,40}}\b(?:without|when i (?:omit|remove|drop|leave out))\b.{{0,20}}(?<!\w){_TEXT_ONLY}",
        rf"{_SCREEN}.{{0,40}}\b(?:shows?|has|displays?)\b.{{0,30}}\b(?:login|prompt|desktop)\b.{{0,60}}\bserial\b.{{0,60}}\b(?:nothing|silent|empty|blank|stops?)\b",
        rf"\bserial\b.{{0,60}}\b(?:nothing|silent|empty|blank|stops?)\b.{{0,60}}{_SCREEN}.{{0,60}}\b(?:login|prompt|desktop)\b",
        r"\b(?:no|missing|without|lacks?|forgot)\b.{0,20}\bconsole=tty\w+",
    ),
}
