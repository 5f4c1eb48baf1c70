"""LOG_TEXT: a guest's console as pasted, in which its kernel begins again and again."""

import re
from collections.abc import Iterable

from crazytrain.decode.console_restarts import RestartReader
from crazytrain.model.evidence import Evidence

_MOST_LINES = 100_000
_OF_HOST = re.compile(r"\bkernel: |systemd\[1\]: ")  # a syslog spans many boots, each of them somebody's will


def decode_restarts_text(evidence: Evidence) -> Iterable[object]:
    """Yield a ``ConsoleRestarts`` where stamps begin anew or a kernel says that it restarts the machine."""
    lines = evidence.data.decode("utf-8", "replace").split("\n")[:_MOST_LINES]
    if any(_OF_HOST.search(line[:200]) for line in lines):
        return
    reader = RestartReader(evidence)
    for number, line in enumerate(lines, start=1):
        reader.line(number, line[:1000])
    if found := reader.restarts():
        yield found
