"""QMP_TEXT: QMP as people paste it: what was asked, what was answered and events, on one line each or on many."""

import re
from collections.abc import Iterable, Iterator
from enum import Enum

import msgspec
from msgspec.structs import replace

from crazytrain.decode.libvirt_events import decode_libvirt_events
from crazytrain.decode.qemu_text import decode_qemu_text
from crazytrain.decode.qmp import decode_qmp
from crazytrain.decode.qmp_block import decode_qmp_block
from crazytrain.decode.qmp_devices import decode_qmp_devices
from crazytrain.decode.qmp_said import state_by_events
from crazytrain.decode.qmp_services import decode_qmp_services
from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.qemu import QemuState

_MOST_LINES = 100_000
_TOKEN = re.compile(rb'"(?:[^"\\\n]|\\.)*+"?|[{}\[\]]')
_LONGEST = 8 << 20
_MOST_OBJECTS = 10_000
# A line of JSON as QMP has it: an object or list that begins, a pair, a bracket; with virsh's or qmp-shell's prompt before it.
WHOLE = re.compile(
    rb"(?:[<>]-? ?|\(QEMU\) )?\{ ?\"(?:return|execute|QMP|timestamp|event|error|exec-oob|arguments|id)\":"
    rb"|[^\n{]{0,240}?(?:Line \[|\b(?:event|reply|msg|buf)=)\{ ?\"(?:return|execute|QMP|timestamp|event|error)\":"  # libvirtd's log
    rb"|\"(?:return|execute|event|timestamp)\": ?[\[{\"]|(?:[0-9-]{10} [0-9:.+]{8,20}: )?event [A-Z][A-Z_]{3,40} (?:at|for domain)"
)
BESIDE = re.compile(
    rb"[\[{}\]],?$|[}\]]{1,4},?$|\{ ?\"[\w-]{1,60}\":|\"[\w./:-]{1,120}\": ?\S|\"[^\"]{0,200}\",?$|-?\d{1,20},?$|(?:true|false|null),?$|\(QEMU\)"
)


class _Has(Enum):
    """What an answer must hold to be the one of a command."""

    STATUS = ("query-status", ("status", "running"))
    KVM = ("query-kvm", ("enabled", "present"))
    VERSION = ("query-version", ("qemu", "package"))
    BALLOON = ("query-balloon", ("actual",))
    MIGRATE = ("query-migrate", ("status", "ram"))
    MIGRATE_FAILED = ("query-migrate", ("status", "error-desc"))
    SPICE = ("query-spice", ("enabled", "channels"))


class _InList(Enum):
    """The same for lists: what the first object holds."""

    CPUS = ("query-cpus-fast", ("thread-id", "cpu-index"))
    BLOCKSTATS = ("query-blockstats", ("stats",))
    BLOCK = ("query-block", ("removable", "locked"))
    JOBS = ("query-block-jobs", ("device", "offset", "len"))
    NEW_JOBS = ("query-jobs", ("id", "current-progress"))
    CHARDEV = ("query-chardev", ("label", "filename"))
    IOTHREADS = ("query-iothreads", ("thread-id", "poll-max-ns"))
    VNC = ("query-vnc-servers", ("clients", "auth"))


class _Object(msgspec.Struct, frozen=True):
    """One value of JSON, and the line at which it begins (from 0)."""

    raw: bytes
    line: int


class _Whole(msgspec.Struct, rename={"said": "return", "arguments": "arguments"}):
    """One object of QMP, whichever it is."""

    execute: str = ""
    arguments: msgspec.Raw = msgspec.field(default_factory=lambda: msgspec.Raw(b"{}"))
    said: msgspec.Raw = msgspec.field(default_factory=lambda: msgspec.Raw(b""))
    event: str = ""
    error: msgspec.Raw = msgspec.field(default_factory=lambda: msgspec.Raw(b""))


class _Line(msgspec.Struct, rename={"said": "return"}):
    execute: str
    arguments: msgspec.Raw
    said: msgspec.Raw
    mono_ns: int = 0


def decode_qmp_text(evidence: Evidence) -> Iterable[object]:
    """Yield what the decoders of live QMP yield of the same answers and events.

    An answer belongs to the command before it; where that was not pasted, its content tells which it was. Answers that tell
    nothing of QEMU's state (``{"return": {}}``) yield nothing. Source: QEMU, docs/interop/qmp-spec.rst. ::

        {"execute": "query-status"}
        {"return": {"status": "paused", "singlestep": false, "running": false}}
    """
    rows: dict[int, bytes] = {}
    for one, whole, asked in _conversation(evidence.data):
        said = bytes(whole.said)
        if whole.event:
            rows[one.line] = one.raw.replace(b"\n", b" ")
        elif said.startswith(b'"'):
            yield from _for_people(said, one.line, evidence)
        elif said:
            rows[one.line] = _answer(whole, asked)
    yield from decode_libvirt_events(evidence)
    if not rows:
        return
    text = b"\n".join(rows.get(number, b"") for number in range(max(rows) + 1))
    live = replace(evidence, data=text)
    told = [fact for fact in decode_qmp(live) if isinstance(fact, QemuState) and fact.status]
    yield from () if told else state_by_events(live)
    for decode in (decode_qmp, decode_qmp_block, decode_qmp_services, decode_qmp_devices):
        yield from (fact for fact in decode(live) if not (isinstance(fact, QemuState) and _says_nothing(fact)))


def _conversation(data: bytes) -> Iterator[tuple[_Object, _Whole, _Whole]]:
    """Answers and events, each with the command before it."""
    asked = _Whole()
    for one in _objects(data):
        whole = _parsed(one.raw)
        if whole is None:
            continue
        if whole.execute and not bytes(whole.said) and not bytes(whole.error):
            asked = whole
            continue
        yield one, whole, asked
        asked = asked if whole.event else _Whole()


def _for_people(said: bytes, line: int, evidence: Evidence) -> Iterable[object]:
    """The answer to a command for people: text."""
    try:
        text = msgspec.json.decode(said, type=str).replace("\r", "").encode("utf-8", "replace")
    except UnicodeError:
        return ()
    return decode_qemu_text(replace(evidence, data=text, first_line=evidence.first_line + line))


def _says_nothing(state: QemuState) -> bool:
    return not (state.status or state.version or state.vcpu_tids or state.io_errors) and state.kvm is None


def _parsed(raw: bytes) -> _Whole | None:
    try:
        return msgspec.json.decode(raw, type=_Whole)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None


def _answer(whole: _Whole, asked: _Whole) -> bytes:
    execute = whole.execute or asked.execute or _command_of(bytes(whole.said))
    arguments = asked.arguments if asked.execute and not whole.execute else whole.arguments
    flat = msgspec.Raw(bytes(whole.said).replace(b"\n", b" "))
    return msgspec.json.encode(_Line(execute, msgspec.Raw(bytes(arguments).replace(b"\n", b" ")), flat))


def _command_of(said: bytes) -> str:
    """Which command an answer is to, by what it holds; empty where that does not tell."""
    try:
        value = msgspec.json.decode(said, type=dict[str, msgspec.Raw] | list[dict[str, msgspec.Raw]])
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return ""
    kinds, held = (_InList, value[0] if value else {}) if isinstance(value, list) else (_Has, value)
    return next((kind.value[0] for kind in kinds if all(key in held for key in kind.value[1])), "")


def _objects(data: bytes) -> Iterator[_Object]:
    """The values of JSON in a text, whatever stands between them; each has balanced brackets."""
    held: list[bytes] = []
    begin = depth = count = size = 0
    for number, line in enumerate(data.split(b"\n")[:_MOST_LINES]):
        at = 0 if depth else _start(line, 0)
        while 0 <= at < len(line):
            begin, held, size = (begin, held, size) if depth else (number, [], 0)
            end, depth = _balance(line, at, depth)
            held.append(line[at:end])
            size += end - at
            if size > _LONGEST or count > _MOST_OBJECTS:
                return
            if depth:
                break
            yield _Object(b"\n".join(held), begin)
            count += 1
            at = line.find(b"{", end)


def _start(line: bytes, at: int) -> int:
    """Where an object of QMP begins in a line, -1 where none does."""
    start = line.find(b"{", at)
    if start < 0 or not (WHOLE.match(line, start) or line[start : start + 8].strip() == b"{"):
        return -1
    return start


def _balance(line: bytes, at: int, depth: int) -> tuple[int, int]:
    """Where the value ends in a line, and how deep it is there. Strings of JSON end on their line."""
    for found in _TOKEN.finditer(line, at):
        if found[0] in (b"{", b"["):
            depth += 1
        elif found[0] in (b"}", b"]"):
            depth -= 1
            if depth <= 0:
                return found.end(), 0
    return len(line), depth
