"""Names on disk, made from names that are not to be trusted: a guest's, a pasted file's."""

import re
import secrets
import time

from crazytrain.model.evidence import Kind

JOURNAL = "journal.jsonl"
EVIDENCE = "evidence"
BASELINE = "baseline"
REPORT_JSON = "report.json"
REPORT_TEXT = "report.txt"
REPORTS = (REPORT_JSON, REPORT_TEXT)
PACKED_SUFFIX = ".crazytrain"
UNFINISHED = ".new-"  # what is being made; a leftover of a crash is passed over

CASE_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
_EVIDENCE_FILE = re.compile(r"evidence/[A-Za-z0-9_][A-Za-z0-9._~+-]{0,98}")
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_.-]+")
_GUEST_LENGTH = 40
_STEM_LENGTH = 80
_LATEST_S = 253_402_300_799  # end of the year 9999
_ENDINGS = {
    Kind.BPF: ".jsonl",
    Kind.QMP: ".jsonl",
    Kind.VCPU_SAMPLES: ".jsonl",
    Kind.PVCLOCK: ".json",
    Kind.INSIDE: ".json",
    Kind.INSIDE_PROFILE: ".json",
    Kind.INSIDE_LOG: ".json",
    Kind.LAB: ".json",
}


def plain(name: str, otherwise: str, length: int = _GUEST_LENGTH) -> str:
    """A hostile name as a harmless one: letters, digits, ``_.-``; not hidden, no option, not empty."""
    return _NOT_IN_NAMES.sub("_", name[: 4 * length]).lstrip("._-")[:length].rstrip("._-") or otherwise


def case_id(guest_name: str, wall_ns: int | None) -> str:
    """Name of a new case: guest, time in UTC, six random hexadecimal digits."""
    seconds = min(max(wall_ns // 10**9, 0), _LATEST_S) if wall_ns is not None else int(time.time())
    when = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(seconds))
    return f"{plain(guest_name, 'guest')}-{when}-{secrets.token_hex(3)}"


def evidence_file(evidence_id: str, kind: Kind, taken: set[str]) -> str:
    """A readable file name for an evidence, not yet in ``taken`` (which gets it)."""
    ending = _ENDINGS.get(kind, ".txt")
    stem = plain(evidence_id.removesuffix(ending), "evidence", _STEM_LENGTH)
    name, number = f"{EVIDENCE}/{stem}{ending}", 1
    while name.lower() in taken:
        number += 1
        name = f"{EVIDENCE}/{stem}~{number}{ending}"
    taken.add(name.lower())
    return name


def is_evidence_file(name: str) -> bool:
    """Whether a journal may name this file: below ``evidence/``, not hidden, no way out."""
    return _EVIDENCE_FILE.fullmatch(name) is not None
