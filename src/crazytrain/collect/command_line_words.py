"""A command's words: what runs inside of what, which words are options, which commands a shell's text holds."""

import re
import shlex
from collections.abc import Iterator, Sequence

_SHELLS = frozenset(("sh", "bash", "dash", "zsh", "ksh", "mksh", "ash", "busybox", "su", "runuser", "eval", "watch"))
# Programs that run another one: theirs are the words up to it.
_WRAPPERS = frozenset(
    """
    sudo doas env nice ionice chrt taskset timeout time setsid nohup stdbuf nsenter unshare chroot systemd-run flock xargs
    setpriv strace ltrace unbuffer chronic exec command builtin then do else if while until ! {
    """.split()  # noqa: SIM905 - thirty quotes would hide the words
)
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=.*", re.DOTALL)
_BETWEEN = re.compile(r"[;&|()\n]+")
_COMMAND_OPTION = re.compile(r"-[a-z]*c")


def base_name(word: str) -> str:
    """The program's name without its folder."""
    return word.rpartition("/")[2]


def is_shell(program: str) -> bool:
    """Whether a program takes commands as text (``-c``, or its arguments)."""
    return program in _SHELLS


def unwrapped(argv: Sequence[str], known: frozenset[str]) -> tuple[str, Sequence[str]]:
    """Give the program that is run and its words; ``sudo``, ``env``, ``timeout`` and the like are looked through.

    Their own options are not told apart from the program: the first word that is a known program (or a shell, or
    ``virt-*``) is taken; where there is none, all words are the arguments of the wrapper.
    """
    words = list(argv)
    while words and _ASSIGNMENT.fullmatch(words[0]):
        words.pop(0)
    if not words:
        return "", ()
    program = base_name(words[0])
    if program not in _WRAPPERS:
        return program, words[1:]
    for position, word in enumerate(words[1:], start=1):
        name = base_name(word)
        if name in known or is_shell(name) or name.startswith("virt-"):
            return name, words[position + 1 :]
    return program, words[1:]


def with_values(words: Sequence[str]) -> Iterator[str]:
    """Give each word, and after ``--option=value`` the value as a word of its own."""
    for word in words:
        yield word
        if word.startswith("-") and "=" in word:
            yield word.partition("=")[2]


def after_options(words: Sequence[str], with_value: frozenset[str]) -> tuple[list[str], list[str]]:
    """Split into leading options (with the values of those that take one) and the rest."""
    position = 0
    while position < len(words) and words[position].startswith("-") and words[position] != "--":
        position += 2 if words[position] in with_value else 1
    rest = list(words[position:])
    return list(words[:position]), rest[1:] if rest[:1] == ["--"] else rest


def shell_commands(words: Sequence[str]) -> Iterator[list[str]]:
    """Give the commands, as words, in the text behind a shell's ``-c`` (or in the words themselves, for ``eval``, ``watch``)."""
    options = [position for position, word in enumerate(words[:-1]) if _COMMAND_OPTION.fullmatch(word)]
    text = words[options[0] + 1] if options else " ".join(words)
    yield from _split(text)


def _split(text: str) -> Iterator[list[str]]:
    try:
        lexer = shlex.shlex(text.replace("\\\n", " ").replace("\n", ";"), posix=True, punctuation_chars=";&|()")
        lexer.whitespace_split = True
        lexer.commenters = ""
        words = list(lexer)
    except ValueError:  # a quote is not closed: the words are all there is
        words = _BETWEEN.sub(" ; ", text).replace('"', " ").replace("'", " ").split()
    command: list[str] = []
    for word in words:
        if _BETWEEN.fullmatch(word):
            yield command
            command = []
        else:
            command.append(word)
    yield command
