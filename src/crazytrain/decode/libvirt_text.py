"""LIBVIRT_TEXT: what ``virsh domstats``, ``dominfo``, ``domstate --reason``, ``domblkerror`` and ``domjobinfo`` print, as pasted."""

import re
from collections.abc import Iterable, Iterator, Sequence

import msgspec
from msgspec.structs import replace

from crazytrain.decode.domstats import decode_domstats
from crazytrain.decode.libvirt_words import in_english, in_english_bytes
from crazytrain.model.bundle import Part, pack
from crazytrain.model.evidence import Evidence, Outcome
from crazytrain.model.facts.qemu import QemuConfig, QemuState
from crazytrain.model.facts.services import Balloon
from crazytrain.model.facts.told import Stance, Told, Topic

_GROUPS = "(?:state|cpu|vcpu|balloon|net|block|perf|iothread|memory|dirtyrate|vm)"
_STATES = "(?:running|paused|shut off|crashed|pmsuspended|in shutdown|idle|no state)"
# The reasons that virsh knows (tools/virsh-domain-monitor.c).
_REASONS = (
    "(?:unknown|booted|migrated|restored|from snapshot|unpaused|migration canceled|save canceled|event wakeup|crashed|post-copy|post-copy failed|"
    "user|migrating|saving|saved|dumping|dump|I/O error|watchdog|shutting down|creating snapshot|starting up|panicked|disk|api error|postcopy|"
    "shutdown|destroyed|failed|daemon)"
)
_JOBS = (
    "(?:Job type|Operation|Time elapsed|Data (?:processed|remaining|total)|Memory (?:processed|remaining|total|bandwidth)|Dirty rate|Page size|"
    "Iteration|Postcopy requests|Constant pages|Normal (?:pages|data)|Total downtime|Expected downtime|Setup time|File \\w+|Compression \\w+): "
)
_INFOS = "(?:Id|Name|UUID|OS Type|State|CPU\\(s\\)|CPU time|Max memory|Used memory|Persistent|Autostart|Managed save|Security \\w+|Messages)"
_STATS = re.compile(_GROUPS + r"\.[\w.-]{1,120}=")
_REASON = re.compile(_STATES + r" \(" + _REASONS + r"\)$")
_NUMBERED = re.compile(r"\bdomain status: \w{2,12}\((?P<state>\d{1,2})\):? ?\w{1,24}\((?P<reason>\d{1,2})\)")
# virDomainState and virDomainPausedReason (include/libvirt/libvirt-domain.h), in virsh's words.
_STATE_OF = {1: "running", 3: "paused", 4: "in shutdown", 5: "shut off", 6: "crashed", 7: "pmsuspended"}
_WHY_PAUSED = {
    1: "user", 2: "migrating", 3: "saving", 4: "dumping", 5: "I/O error", 6: "watchdog", 7: "from snapshot", 8: "shutting down",
    9: "creating snapshot", 10: "crashed", 11: "starting up", 12: "post-copy", 13: "post-copy failed", 14: "api error",
}  # fmt: skip
_DISK_ERROR = re.compile(r"\S{1,200}: (?:no space|unspecified error)$|No errors found$")
_JOB = re.compile(_JOBS)
_INFO = re.compile(f"({_INFOS})" + r": +(\S.{0,200}?)$")
# ``virsh list``: its heading, and a domain of it.
_LISTED = re.compile(r"(?:\d{1,7}|-) +(\S{1,200}) +(running|paused|shut off|crashed|pmsuspended|in shutdown|idle)$")
WHOLE = re.compile(
    (
        rf"{_GROUPS}\.[\w.-]{{1,120}}=|Domain: '|{_STATES} \({_REASONS}\)$|\S{{1,200}}: (?:no space|unspecified error)$|"
        r"[^\n]{0,200}?\bdomain status: [A-Z]\w{1,12}\(\d{1,2}\):? ?\w{1,24}\(\d{1,2}\)|"
        r"[#* ]{0,4}Id +Name +State *\r?$|Job type: +\S|OS Type: +\w|(?:Max|Used) memory: +\d+ KiB|CPU\(s\): +\d+$|CPU time: +[\d.]+s|"
        r"VCPU: +\d{1,5}\s*$|CPU Affinity: +[y-]+\s*$|VCPU:? +CPU Affinity\s*$|"
        r"\S{1,60} (?:rd_req|rd_bytes|wr_req|wr_bytes|flush_operations|(?:rd|wr|flush)_total_times|errs) \d{1,19}$|"
        r"(?:swap_in|swap_out|major_fault|minor_fault|last_update|disk_caches|hugetlb_\w{1,12}) \d{1,19}$"
    ).encode()
)
BESIDE = re.compile(
    (
        f"{_INFOS}: |{_JOBS}| *{_LISTED.pattern[:-1]} *\\r?$|-{{8,}} *$|virsh # |No errors found|"
        r"(?:actual|unused|available|usable|rss) \d{1,19}$|CPU: +(?:\d{1,5}|y|N/A)\s*$|\d{1,5} {2,}[\d,^-]{1,200}\s*$"
    ).encode()
)


def whole(line: bytes) -> object:
    """A line of virsh's that is of this kind by itself, in whatever language."""
    return WHOLE.match(in_english_bytes(line))


def beside(line: bytes) -> object:
    """A line that belongs to such a region, in whatever language."""
    return BESIDE.match(in_english_bytes(line))


class _Printed(msgspec.Struct):
    """One print-out of ``domstats`` about one domain, and the line at which it begins."""

    domain: str
    line: int
    lines: list[str] = []
    keys: set[str] = set()


class _Sorted(msgspec.Struct):
    """Lines by the command that prints such."""

    domstats: list[_Printed] = []
    domstate: list[str] = []
    domblkerror: list[str] = []
    domjobinfo: list[str] = []
    info: dict[str, str] = {}
    listed: dict[str, str] = {}


def decode_libvirt_text(evidence: Evidence) -> Iterable[object]:
    """Yield ``QemuState``, ``KvmStatReading``, ``BlockReading``, ``Balloon``, ``Migration`` as ``decode_domstats`` does, each as far
    as it was told, and a ``QemuConfig`` of ``dominfo``.

    Of several print-outs the last one of each command counts; of ``domstats`` each one of the domain that is there last gives its
    counters. Source: libvirt, docs/manpages/virsh.rst, tools/virsh-domain-monitor.c. ::

        paused (I/O error)
    """
    found = _sorted(evidence.data.decode("utf-8", "replace").split("\n")[:200_000])
    for printed in found.domstats:
        if printed.domain == found.domstats[-1].domain:
            yield from _printed(printed, evidence)
    parts = [
        Part(name, "\n".join(lines).encode())
        for name, lines in (
            ("domstate", found.domstate[-1:]),
            ("domblkerror", found.domblkerror),
            ("domjobinfo", found.domjobinfo),
        )
        if lines
    ]
    if parts:
        for fact in decode_domstats(replace(evidence, data=pack(parts), first_line=1)):
            yield _placed(fact, evidence)
    yield from _info(found.info, evidence, told=bool(found.domstate))
    if not found.domstate and "State" not in found.info:
        yield from _list(found.listed, evidence)


def _printed(printed: _Printed, evidence: Evidence) -> Iterator[object]:
    data = pack([Part("domstats", "\n".join(printed.lines).encode())])
    for fact in decode_domstats(replace(evidence, data=data, first_line=1)):
        yield _placed(fact, evidence, printed.line)


def _placed(fact: object, evidence: Evidence, line: int | None = None) -> object:
    """With a reference to the text instead of the bundle that was made of it."""
    ref = evidence.ref(line)
    if isinstance(fact, msgspec.Struct) and hasattr(fact, "refs"):
        return replace(fact, refs=(ref,))
    return replace(fact, ref=ref) if isinstance(fact, msgspec.Struct) and hasattr(fact, "ref") else fact


def _sorted(lines: Sequence[str]) -> _Sorted:
    found = _Sorted()
    for number, raw in enumerate(lines, start=1):
        line = _numbered(in_english(raw.strip()[:2000]))
        if line.startswith("Domain: '") or _STATS.match(line):
            _put(line, number, found.domstats)
        elif _REASON.match(line):
            found.domstate.append(line)
        elif _DISK_ERROR.match(line):
            found.domblkerror.append(line)
        elif _JOB.match(line):
            found.domjobinfo.append(line)
        elif said := _INFO.match(line):
            found.info[said[1]] = said[2]
        elif said := _LISTED.match(line):
            found.listed[said[1]] = said[2]
    return found


def _numbered(line: str) -> str:
    """KubeVirt's launcher writes libvirt's state and reason with their numbers: as ``domstate --reason`` has them; else the line."""
    found = _NUMBERED.search(line)
    if found is None:
        return line
    state = _STATE_OF.get(int(found["state"]), "")
    reason = _WHY_PAUSED.get(int(found["reason"]), "unknown") if state == "paused" else "unknown"
    return f"{state} ({reason})" if state else line


def _put(line: str, number: int, printed: list[_Printed]) -> None:
    """Put a line of ``domstats`` to the print-out it belongs to: a heading, or a key that is there already, begins another one."""
    key, equal, _ = line.partition("=")
    if not equal:
        printed.append(_Printed(line, number))
    elif not printed or key in printed[-1].keys:
        printed.append(_Printed(printed[-1].domain if printed else "", number))
    printed[-1].lines.append(line)
    printed[-1].keys.add(key)


def _info(info: dict[str, str], evidence: Evidence, *, told: bool) -> Iterator[object]:
    """``dominfo``: its state is libvirt's, without a reason."""
    state = info.get("State", "")
    if state and not told:
        words = {"running": "running", "paused": "paused", "crashed": "internal-error", "pmsuspended": "suspended"}
        yield QemuState(
            monitor=Outcome.OK,
            told_by="libvirt",
            mono_ns=evidence.mono_ns,
            status=words.get(state, ""),
            status_reason=state,
            refs=(evidence.ref(),),
        )
    most, used = _kib(info.get("Max memory", "")), _kib(info.get("Used memory", ""))
    vcpus = info.get("CPU(s)", "")
    if info.get("Name") and (most or vcpus.isdecimal()):
        number = int(vcpus) if vcpus.isdecimal() and len(vcpus) < 6 else None
        yield QemuConfig(
            binary="",
            name=info["Name"],
            uuid=info.get("UUID", ""),
            vcpus=number,
            memory_bytes=most,
            refs=(evidence.ref(),),
        )
    if used and most and used < most:
        yield Balloon(mono_ns=evidence.mono_ns, actual_bytes=used, refs=(evidence.ref(),))


def _list(listed: dict[str, str], evidence: Evidence) -> Iterator[object]:
    """Of ``virsh list``: whose list shows paused guests asks for them; it does not say why one is, so it is as good as told."""
    paused = [name for name, state in listed.items() if state == "paused"]
    if len(paused) > sum(state == "running" for state in listed.values()):
        yield Told(topic=Topic.GUEST_PAUSED, stance=Stance.SEEN, words=f"{paused[0]} paused", ref=evidence.ref())


def _kib(text: str) -> int | None:
    amount, _, unit = text.partition(" ")
    return int(amount) << 10 if unit == "KiB" and amount.isdecimal() and len(amount) < 16 else None
