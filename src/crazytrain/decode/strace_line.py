r"""The grammar of one line of strace: thread, time, call, arguments, result, time in the call.

Seen in the wild, all of them read here::

    read(17, 0x7fffe6b5b1b0, 128) = -1 EAGAIN (Resource temporarily unavailable)
    [pid  4711] 13:33:01.000012 ppoll([{fd=7, events=POLLIN}], 1, NULL, NULL, 8 <unfinished ...>
    4711  1331296381.000012 <... ppoll resumed>) = 1 ([{fd=7, revents=POLLIN}]) <0.000031>
    [pid  4711] --- SIGALRM {si_signo=SIGALRM, si_code=SI_TIMER, si_timerid=0, si_overrun=0} ---

Sources: strace(1); strace's src/strace.c (printleader) and src/syscall.c (print_syscall_resume).
"""

import re

import msgspec

# [pid 4711], [pid 4711<comm>] or a column of pids (-o FILE); then -t/-tt/-ttt or -r; then -n and -i.
# Single characters are repeated possessively, so that a line is read once; groups are not: that is broken in Python 3.11
# before .5 (gh-106052: a group that fails after its first characters keeps them).
_THREAD = rb"(?:(?:\[pid[ ]++)?(?P<tid>\d++)(?:<[^>\n]*+>)?\]?+[ ]++)?"
_TIME = (
    rb"(?:(?:(?P<h>\d\d):(?P<m>\d\d):(?P<s>\d\d(?:[.,]\d++)?)|(?P<n>\d++[.,]\d++))[ ]++)?"
    rb"(?:\([ ]*+\+[ ]*+\d++[.,]\d++\)[ ]++)?"
)
_PLACE = rb"(?:\[[ ]*+[0-9a-f?]++\][ ]++){0,2}"
_NAMED_PREFIX = rb"[ \t]*+" + _THREAD + _TIME + _PLACE
_UNNAMED = re.sub(rb"\?P<[a-z]+>", rb"?:", _NAMED_PREFIX)
_TID_ONLY = re.sub(rb"\?P<[hmsn]>", rb"?:", _NAMED_PREFIX)
_NAME = rb"[a-z_]\w*+"
_HEAD = rb"(" + _NAME + rb"\(\d*+|<\.\.\. " + _NAME + rb" r)"
_RETURNED = rb"(?:[^\n]*\)[ ]*+=[ ]*+([-?0-9][^\n]*+))?"
_REST = rb"[^\n]*+\n?+|[^\n]*+\n?+"

# One match a line, whatever the line: (thread, head, nothing, what it returned), each empty where the line has none. The head
# is `read(17` or `<... read r`; what it returned goes up to the line's end.
CAREFUL_LINE = re.compile(_TID_ONLY + _HEAD + rb"()" + _RETURNED + _REST)
_OUTCOME = re.compile(rb"[-?0-9](?:1?+ [A-Z]\w++)?")
# Without control characters: those are taken away from a line before it is read with care.
_CLOSED_END = re.compile(
    rb"(?=(" + _OUTCOME.pattern + rb"))(?:-?\d|\?|0x)[^\x00-\x08\x0a-\x1f\x7f(]*+"
    rb"(?:\([^\x00-\x08\x0a-\x1f\x7f)]*+\)[^\x00-\x08\x0a-\x1f\x7f()]*+)?$"
)

# What stands before anything that strace says of a thread; for lines that carry a time.
STAMP = re.compile(rb"^" + _NAMED_PREFIX + rb"(?=[a-z_<+-])", re.MULTILINE)

_ENDED = re.compile(
    _TID_ONLY
    + rb"(?P<name>"
    + _NAME
    + rb")\((?P<args>[^\n]*)\)[ ]*+=[ ]*+(?P<result>-?\d++|0x[0-9a-f]++|\?)"
    + rb"(?: (?P<errno>E[A-Z0-9_]++))?(?P<tail>[^\n]*+)"
)
_BEGUN = re.compile(_TID_ONLY + rb"(?P<name>" + _NAME + rb")\((?P<args>[^\n]*+)")
_CUT = re.compile(rb"[ ]*<(?:unfinished|detached) \.\.\.")
_RESUMED = re.compile(rb"<\.\.\. " + _NAME + rb" resumed>[ ]*")
_TOOK = re.compile(rb"<(\d{1,9})[.,](\d{1,9})>\s*$")
_TOOK_AT_END = re.compile(rb"<(\d{1,9})[.,](\d{1,9})>$")
_LONGEST_TOOK = 24
_FD = re.compile(rb"\d{1,9}(?=[,)<]|$)")

_SIGNAL = re.compile(_UNNAMED + rb"--- (?P<signal>SIG\w++)(?:[^\n]*?si_code=(?P<code>\w++))?")
_ATTACHED = re.compile(rb"(?:\S*strace: )?Process (\d{1,9}) attached(?: with (\d{1,6}) threads)?")
_COMMAND = re.compile(rb"(?:[^\n(\"]*?[#$%>] ?|)(?:sudo |timeout \S++ ){0,2}(?:/\S*?/)?strace (?P<options>-[^\n]*+)")
_FOLLOWS = re.compile(rb"(?:^| )(?:-[a-zA-Z]*f|--follow-forks)")
_NOTE = re.compile(
    _UNNAMED
    + rb"(?:\+\+\+ |--- |> |(?:\^C)?(?:\S*strace: )?Process \d++ |\[ Process PID=|\S*strace: |\^C|\.\.\.|```|~~~)"
)

# For recognising pasted lines: one that is whole, one that has its end as well, one whose end is missing
# (`= 1 (in [7], left {0,`), one that may be broken, and calls that QEMU makes all the time (such a line is no C code).
_ENDS = rb"(?>[^\n]*\)[ ]*+=[ ]*+(?:-?\d|\?|0x))"  # the last one in the line, or none: hostile lines hold thousands
_OTHER_ENDS = rb"|<\.\.\. " + _NAME + rb" resumed>|\+\+\+ (?:exited with|killed by) |--- (?:stopped by )?SIG[^\n]*---"
_UNFINISHED = rb"[^\n]*<(?:unfinished|detached) \.\.\.>"
WHOLE_LINE = re.compile(
    _UNNAMED + rb"(?:" + _NAME + rb"\((?:" + _ENDS + rb"|" + _UNFINISHED + rb")" + _OTHER_ENDS + rb")"
)
_CLOSED = (
    _UNNAMED
    + rb"(?:(?:"
    + _NAME
    + rb"\(|<\.\.\. "
    + _NAME
    + rb" r)(?:"
    + _ENDS
    + rb"[^\n(]*+(?:\([^\n)]*+\)[^\n()]*+)?|"
    + _UNFINISHED
    + rb"))\n"
)
CLOSED_LINE = re.compile(_CLOSED)
NEXT_LINE_NOT_CLOSED = re.compile(rb"\n(?!" + _CLOSED + rb")")
OPEN_LINE = re.compile(_UNNAMED + rb"(?:" + _NAME + rb"\(|<\.\.\. )" + _ENDS + rb"[^\n(]*+\([^\n)]*+$")
BEGUN_LINE = re.compile(_UNNAMED + _NAME + rb"\((?![^\n]*\) *[;{]?\s*$)[^\n]")
KNOWN_CALL = re.compile(
    _UNNAMED
    + rb"(?:p?select6?|p?poll|epoll_p?wait2?|futex|ioctl|p?readv?(?:64)?|p?writev?(?:64)?|recvmsg|sendmsg|rt_sig\w+"
    rb"|timer_[gs]ettime|timerfd_[gs]ettime|io_uring_enter|restart_syscall|madvise|fdatasync|clock_nanosleep)\("
    rb"(?:\d|0x|\[|SIG|CLOCK_|<\.\.\.)"
)
NOTE_LINE = re.compile(_NOTE.pattern)
_PLAIN_NOTE = re.compile(
    rb"\s*$|"
    + _UNNAMED
    + rb"(?:--- (?:stopped by )?SIG[^\n]*---|\+\+\+ (?:exited with|killed by) [^\n]*|"
    + rb"(?:\S*strace: )?Process \d++ (?:attached|detached)[^\n]*)$"
)


class Call(msgspec.Struct, frozen=True):
    """One call as a line has it. ``args`` is what stands in the brackets, ``tail`` what follows the result.

    ``result`` is ``None`` where the line does not tell: a call that was cut off, or ``?``.
    """

    tid: int | None
    name: str
    args: bytes
    tail: bytes = b""
    result: int | None = None
    errno: str = ""

    @property
    def fd(self) -> int | None:
        """The first argument as a descriptor's number."""
        digits = _FD.match(self.args)
        return int(digits[0]) if digits else None

    @property
    def took_ns(self) -> int | None:
        """The time in the call (``strace -T``), in ns."""
        found = _TOOK.search(self.tail[-32:])
        return None if found is None else int(found[1]) * 10**9 + int(found[2].ljust(9, b"0"))


class Signal(msgspec.Struct, frozen=True):
    """A signal that was delivered to a thread, and why (``SI_TIMER``)."""

    name: str
    code: str


def parse_call(line: bytes) -> Call | None:
    """Read a line that begins with a call's name after its prefix, finished or cut; ``None`` for any other line."""
    found = _ENDED.match(line)
    if found:
        return Call(
            number_of(found["tid"]),
            found["name"].decode(),
            found["args"],
            found["tail"],
            _result(found["result"]),
            (found["errno"] or b"").decode(),
        )
    begun = _BEGUN.match(line)
    if not begun:
        return None
    args = _CUT.split(begun["args"], maxsplit=1)[0]
    return Call(number_of(begun["tid"]), begun["name"].decode(), args)


def _result(text: bytes) -> int | None:
    if text.startswith(b"0x"):
        return int(text, 16) if len(text) <= 18 else None
    return int(text) if text != b"?" and len(text) <= 20 else None


def number_of(text: bytes | None) -> int | None:
    """A thread's or descriptor's number; ``None`` where there is none or none that a kernel could give."""
    return int(text) if text and len(text) < 10 else None


def join_resumed(begun: bytes, resumed: bytes) -> bytes:
    """One line of the two into which strace broke a call that did not return at once."""
    begun = _CUT.split(begun, maxsplit=1)[0]
    return begun + (b" " if begun.endswith(b",") else b"") + _RESUMED.split(resumed, maxsplit=1)[-1]


def signal_in(line: bytes) -> Signal | None:
    """The signal that a line reports, or ``None``."""
    found = _SIGNAL.match(line)
    return Signal(found["signal"].decode(), (found["code"] or b"").decode()) if found else None


def attached_in(line: bytes) -> tuple[int, int] | None:
    """The process that strace says it attached to, and with how many threads (0: it says nothing of them)."""
    found = _ATTACHED.search(line[:256])
    return (int(found[1]), int(found[2] or 0)) if found else None


def command_in(line: bytes) -> bool | None:
    """Whether the strace command in this line follows threads (-f); ``None`` where the line holds no such command."""
    found = _COMMAND.match(line[:1024])
    return bool(_FOLLOWS.search(found["options"])) if found else None


def is_note(line: bytes) -> bool:
    """Whether strace wrote this line without reporting a call: exits, stops, what it attached to, a stack."""
    return _NOTE.match(line) is not None


def is_plain_note(line: bytes) -> bool:
    """Whether a line within a trace is beyond doubt a part of it though it reports no call: a signal, an exit, nothing."""
    return _PLAIN_NOTE.match(line) is not None


class End(msgspec.Struct, frozen=True):
    """What a call returned, short (its first character and an error's name: `8`, `0`, `?`, `-1 EAGAIN`; empty for nothing),
    the time in the call at the end of the line, and whether the line is whole beyond doubt.
    """

    outcome: bytes
    took_ns: int
    closed: bool


def end_of(returned: bytes) -> End:
    """Read what stands behind ``) = ``."""
    found = _CLOSED_END.match(returned)
    if found:
        return End(found[1], took_ns_of(returned), b"<unf" not in returned)
    found = _OUTCOME.match(returned)
    return End(found[0] if found else b"", took_ns_of(returned), closed=False)


def took_ns_of(returned: bytes) -> int:
    """The time in the call at the end of what it returned (``strace -T``), in ns; 0 where none stands there."""
    found = _TOOK_AT_END.search(returned, max(len(returned) - _LONGEST_TOOK, 0)) if returned.endswith(b">") else None
    return int(found[1]) * 10**9 + int(found[2].ljust(9, b"0")) if found else 0


def octets_of(text: bytes) -> bytes | None:
    r"""The bytes of a string as strace quotes it (``"\16\0A"``, ``"\x0e"``); ``None`` where nothing is quoted.

    A string that strace cut (``"..."...``) gives the bytes that were shown.
    """
    found = re.match(rb'"((?:[^"\\]++|\\.)*)"?', text, re.DOTALL)
    return _ESCAPE.sub(_unescaped, found[1]) if found else None


_ESCAPE = re.compile(rb"\\(?:([0-7]{1,3})|x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_LETTERS = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"v": b"\v", b"f": b"\f", b"a": b"\a", b"b": b"\b"}


def _unescaped(found: re.Match[bytes]) -> bytes:
    octal, hexadecimal, letter = found.groups()
    if octal:
        return bytes((int(octal, 8) & 255,))
    return bytes((int(hexadecimal, 16),)) if hexadecimal else _LETTERS.get(letter, letter)
