"""Lines of programs that say something in words among what is for machines: logs in JSON, daemons of a storage."""

import re

_SAID = re.compile(r'"(?:msg|message|reason|error|err)":"((?:[^"\\]|\\.){3,2000})"')
# Ceph's object storage daemons, and those of others that are built like it: how they say it.
_SLOW = re.compile(r"\b[Ss]low (?:ops?|requests?)\b(?: from client| \d[\d.]* seconds old)?")
_OSD = re.compile(r"\bosd[. ]\d|\w-osd\[\d+\]|\[OSD \d+\]")


def in_words(line: str) -> str:
    """What a line of a log in JSON says: container engines and their like write so; and what a daemon of a storage says of requests
    that take too long. Another line is as it is.
    """
    if (slow := _SLOW.search(line[:2000])) and _OSD.search(line[:2000]):
        return f"The storage has {slow[0]}"
    if not line.startswith('{"'):
        return line
    return "; ".join(found[1].replace('\\"', '"') for found in _SAID.finditer(line[:4000]))
