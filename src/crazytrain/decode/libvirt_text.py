"""LIBVIRT_TEXT: what ``virsh domstats``, ``dominfo``, ``domstate --reason``, ``domblkerror`` and ``domjobinfo`` print, as pasted."""

import re
from collections.abc import Iterable, Iterator, Sequence

import msgspec
from msgspec.structs import replace

from crazytrain.decode.domstats import decode_domstats
from crazytrain.model.bundle import Part, pack
from crazytrain.model.evidence import Evidence, Outcome
from crazytrain.model.facts.qemu import QemuConfig, QemuState
from crazytrain.model.facts.services import Balloon

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
_DISK_ERROR = re.compile(r"\S{1,200}: (?:no space|unspecified error)$|No errors found$")
_JOB = re.compile(_JOBS)
_INFO = re.compile(f"({_INFOS})" + r": +(\S.{0,200}?)$")
WHOLE = re.compile(
    (
        rf"{_GROUPS}\.[\w.-]{{1,120}}=|Domain: '|{_STATES} \({_REASONS}\)$|\S{{1,200}}: (?:no space|unspecified error)$|"
        r"Job type: +\S|OS Type: +\w|(?:Max|Used) memory: +\d+ KiB|CPU\(s\): +\d+$|CPU time: +[\d.]+s"
    ).encode()
)
BESIDE = re.compile(f"{_INFOS}: |{_JOBS}|virsh # |No errors found".encode())


class _Sorted(msgspec.Struct):
    """Lines by the command that prints such."""

    domstats: list[str] = []
    domstate: list[str] = []
    domblkerror: list[str] = []
    domjobinfo: list[str] = []
    info: dict[str, str] = {}


def decode_libvirt_text(evidence: Evidence) -> Iterable[object]:
    """Yield ``QemuState``, ``KvmStatReading``, ``BlockReading``, ``Balloon``, ``Migration`` as ``decode_domstats`` does, each as far
    as it was told, and a ``QemuConfig`` of ``dominfo``.

    Of several print-outs the last one of each command counts: when each was made is not told. Source: libvirt,
    docs/manpages/virsh.rst, tools/virsh-domain-monitor.c. ::

        paused (I/O error)
    """
    found = _sorted(evidence.data.decode("utf-8", "replace").split("\n")[:200_000])
    parts = [
        Part(name, "\n".join(lines).encode())
        for name, lines in (
            ("domstats", found.domstats),
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


def _placed(fact: object, evidence: Evidence) -> object:
    """With a reference to the text instead of the bundle that was made of it."""
    if isinstance(fact, msgspec.Struct) and hasattr(fact, "refs"):
        return replace(fact, refs=(evidence.ref(),))
    return replace(fact, ref=evidence.ref()) if isinstance(fact, msgspec.Struct) and hasattr(fact, "ref") else fact


def _sorted(lines: Sequence[str]) -> _Sorted:
    found = _Sorted()
    for raw in lines:
        line = raw.strip()[:2000]
        if line.startswith("Domain: '"):
            found.domstats = [line]
        elif _STATS.match(line):
            found.domstats.append(line)
        elif _REASON.match(line):
            found.domstate.append(line)
        elif _DISK_ERROR.match(line):
            found.domblkerror.append(line)
        elif _JOB.match(line):
            found.domjobinfo.append(line)
        elif said := _INFO.match(line):
            found.info[said[1]] = said[2]
    return found


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
    if info.get("Name") and (most or vcpus.isdigit()):
        number = int(vcpus) if vcpus.isdigit() and len(vcpus) < 6 else None
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


def _kib(text: str) -> int | None:
    amount, _, unit = text.partition(" ")
    return int(amount) << 10 if unit == "KiB" and amount.isdigit() and len(amount) < 16 else None
