"""How lines of each kind look that people paste. Adding a kind is one entry in `SHAPES`; the first that fits wins."""

import re
from collections.abc import Callable

import msgspec

from crazytrain.decode.command_words import continues_command, starts_command
from crazytrain.decode.strace_line import BEGUN_LINE, KNOWN_CALL, NOTE_LINE, OPEN_LINE, WHOLE_LINE
from crazytrain.model.evidence import Kind

Test = Callable[[bytes], object]
_LONGEST_COMMAND = 1024
_LONGEST_LOOK = 16 * 1024
_NEVER = re.compile(rb"(?!)").match


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """How lines of one kind look.

    ``whole`` knows a line that is of this kind by itself, ``unended`` one of them whose end is missing. ``begun`` knows
    one that may have been broken by a terminal or a mailer: like to an unended one, the next lines are put to it until
    it is whole. ``alone`` says that it is of this kind even when it never becomes whole. ``beside`` knows lines that
    belong to a region when they stand in or next to it, ``command`` the shell's line above it. ``gap`` is how many
    lines of something else a region may hold, ``continues`` whether a line goes on with the one before it.
    """

    kind: Kind
    whole: Test
    unended: Test = _NEVER
    begun: Test = _NEVER
    alone: Test = _NEVER
    beside: Test = _NEVER
    command: Test = _NEVER
    continues: Callable[[bytes, bytes], bool] | None = None
    gap: int = 0


def _command(program: bytes) -> Test:
    """The shell's line that ran a program, with or without a prompt."""
    prompt = rb"(?:[^\n(\"]{0,120}?[#$%>~] ?)?(?:sudo |watch |timeout \S+ ){0,3}(?:/\S*?/)?"
    pattern = re.compile(prompt + program)
    return lambda line: pattern.match(line, 0, _LONGEST_COMMAND)


def _text(line: bytes) -> str:
    return line[:_LONGEST_LOOK].decode("utf-8", "backslashreplace")


_STATE = rb"[A-Z] +[\d.,]+ +[\d.,]+ +[\d:.,hdw]+ "
SHAPES = (
    Shape(
        kind=Kind.STRACE,
        whole=WHOLE_LINE.match,
        unended=OPEN_LINE.match,
        begun=lambda line: KNOWN_CALL.match(line) or BEGUN_LINE.match(line),
        alone=KNOWN_CALL.match,
        beside=NOTE_LINE.match,
        command=_command(rb"strace (?!-c)"),
        gap=5,
    ),
    Shape(
        kind=Kind.STRACE_SUMMARY,
        whole=re.compile(rb"(?:\d+[.,]\d+ +\d+[.,]\d+ +(?:\d+ +){1,3}[a-z_]\w*|% time +seconds )").match,
        beside=re.compile(rb"[- ]{20,}$|(?:\S*strace: )?Process \d+ (?:at|de)tached").match,
        command=_command(rb"strace "),
    ),
    Shape(
        kind=Kind.FD_LISTING,
        whole=re.compile(
            rb"(?:\d+ +\d+ +)?l[rwxsStT-]{9}\S? [^\n]*[ /]\d{1,9}@? -> \S"
            rb"|\d{1,9} -> (?:/|anon_inode:|socket:|pipe:)"
            rb"|\S+ +\d+ [^\n]*? \d+[rwu -]?[A-Za-z]? +(?:REG|DIR|CHR|BLK|FIFO|IPv4|IPv6|unix|sock|a_inode|0000) "
        ).match,
        unended=re.compile(
            rb"[^\n]* -> (?:an[a-z_]*|anon_inode:(?!kvm-v(?:m|cpu(?::\d+)?)$)[a-z-]*|anon_inode:\[[^\]\n]*"
            rb"|(?:socket|pipe):?\[?\d*)$"
        ).match,
        begun=re.compile(rb"l[rwxsStT-]{9}\S? +\d+ +\S+ +\S+ ").match,
        beside=re.compile(
            rb"\S{1,12}:? \d+$|\.\.\.$|\[\.\.\.\]$|COMMAND +PID |d[rwxsStT-]{9}\S? |ls: |/proc/\S*/fd/?:"
            rb"|\S+ +\d+ [^\n]*? (?:cwd|rtd|txt|mem|DEL|NOFD) "
        ).match,
        command=_command(rb"(?:ls|ll|find|lsof) "),
        gap=1,
    ),
    Shape(
        kind=Kind.TOP_THREADS,
        whole=re.compile(
            rb"top - \d|[* ]*PID +\S[^\n]*%CPU|[* ]*\d{1,9} +\S+ +(?:rt|-?\d+) +-?\d+ +[\d.,]+[a-zA-Z]? [^\n]*? "
            + _STATE
        ).match,
        beside=re.compile(
            rb"(?:Tasks|Threads|T\xc3\xa2ches|%?Cpu\(?s?\)?\d*|(?:[KMG]iB )?(?:Mem|Swap))[ :]|%Cpu|  scroll|\.\.\.$|top: "
        ).match,
        command=_command(rb"top\b"),
        gap=3,
    ),
    Shape(
        kind=Kind.COMMAND_LINE,
        whole=lambda line: (b"qemu" in line or b"kvm" in line) and starts_command(_text(line)),
        continues=lambda before, line: continues_command(_text(before), _text(line)),
        beside=re.compile(
            rb"[A-Z_]{2,}=\S* *\\$|\S+ \S+: starting up|[^\n]*\bPID\b[^\n]* (?:CMD|COMMAND|ARGS)$|[^\n]*grep "
        ).match,
        command=_command(rb"(?:ps|pgrep|cat|tr|virsh|qm) "),
    ),
)
TEXT = Shape(kind=Kind.TEXT, whole=_NEVER)
