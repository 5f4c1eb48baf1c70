"""A case for others to read.

Secrets masked, names and addresses replaced by placeholders, what may hold anything left out.
"""

from collections.abc import Callable, Iterator

import msgspec

from crazytrain.model import bundle
from crazytrain.model.case import Case
from crazytrain.model.evidence import Evidence, Kind, Outcome
from crazytrain.model.guest import Guest
from crazytrain.store.aliases import Aliases
from crazytrain.store.inside_redaction import without_stacks
from crazytrain.store.loader import SavedReport
from crazytrain.store.masks import MASK, is_secret_key, mask_payloads, mask_secrets
from crazytrain.store.texts import all_texts, each_text

_NOTE = "packed for others to read: secrets are masked, names and addresses are placeholders"
# Whatever a guest prints, or wrote to its own log; whatever somebody pasted; leases of other guests, with their names.
_LEFT_OUT = frozenset({Kind.CONSOLE, Kind.INSIDE_LOG, Kind.LOG_TEXT, Kind.NETWORKS, Kind.PS, Kind.TEXT, Kind.TOLD})
_BUNDLES = frozenset(
    {
        Kind.IDENTITY,
        Kind.TASKS,
        Kind.DESCRIPTORS,
        Kind.DOMSTATS,
        Kind.HOST,
        Kind.HOST_PARAMS,
        Kind.CGROUP,
        Kind.MEMORY,
        Kind.STORAGE,
        Kind.KERNEL_LOG,
        Kind.WAITS,
        Kind.CLOCK_SETUP,
        Kind.CLOCK_AGENT,
    }
)
_JSON = frozenset(
    {
        Kind.BPF,
        Kind.QMP,
        Kind.QMP_DEVICES,
        Kind.KVM_STATS,
        Kind.VCPU_SAMPLES,
        Kind.PVCLOCK,
        Kind.STACKS,
        Kind.LAB,
        Kind.SPENT,
        Kind.INSIDE,
        Kind.INSIDE_PROFILE,
    }
)
_HARMLESS = frozenset({"", "on", "off", "yes", "no", "true", "false"})


def redacted(case: Case, report: SavedReport | None) -> tuple[Case, SavedReport | None]:
    """The case and its report for others to read. Line numbers stay, so references still hold."""
    editor = _Editor(_aliases(case, report))
    return editor.case(case), editor.report(report) if report else None


def _aliases(case: Case, report: SavedReport | None) -> Aliases:
    """Names are looked for in what was seen, not in the report: its own references are no secret."""
    cases = [one for one in (case, case.baseline) if one is not None]
    guests = [one.guest for one in cases if one.guest is not None]
    corpus = [text.encode("utf-8", "backslashreplace") for text in all_texts(case)]
    corpus += ["\0".join(guest.command_line).encode("utf-8", "backslashreplace") for guest in guests]
    corpus += [evidence.data for one in cases for evidence in one.evidence]
    elsewhere = [report.json, report.text.encode("utf-8", "backslashreplace")] if report else []
    return Aliases(corpus, [guest.name for guest in guests], _hosts(cases, guests), elsewhere)


def _hosts(cases: list[Case], guests: list[Guest]) -> Iterator[str]:
    yield from (guest.host for guest in guests)
    for case in cases:
        for evidence in case.evidence:
            if evidence.kind is Kind.HOST:
                named = (
                    part for part in bundle.unpack(evidence.data) if part.name.endswith(("/hostname", "/nodename"))
                )
                yield from (part.text.strip() for part in named)


class _Editor:
    def __init__(self, aliases: Aliases) -> None:
        self.aliases = aliases

    def data(self, data: bytes) -> bytes:
        return self.aliases.apply(mask_secrets(data))

    def text(self, text: str) -> str:
        return self.data(text.encode("utf-8", "backslashreplace")).decode("utf-8", "backslashreplace")

    def case(self, case: Case, note: str = _NOTE) -> Case:
        bare = msgspec.structs.replace(case, guest=None, evidence=(), baseline=None)
        return msgspec.structs.replace(
            each_text(bare, self.text),
            guest=self.guest(case.guest) if case.guest else None,
            evidence=tuple(self.evidence(one) for one in case.evidence),
            baseline=self.case(case.baseline, "") if case.baseline else None,
            note="; ".join(filter(None, (self.text(case.note), note))),
        )

    def guest(self, guest: Guest) -> Guest:
        """A guest; its arguments are masked as one command line, for a secret's key may be an argument of its own."""
        line = self.text("\0".join(guest.command_line))
        words = tuple(line.split("\0")) if guest.command_line else ()
        named = msgspec.structs.replace(guest, name=self.aliases.guest(guest.name), command_line=())
        return msgspec.structs.replace(each_text(named, self.text), command_line=words)

    def evidence(self, evidence: Evidence) -> Evidence:
        outside = each_text(_without_data(evidence), self.text)
        if evidence.kind not in _LEFT_OUT or not evidence.data:
            return msgspec.structs.replace(outside, data=self.by_kind(evidence.kind, evidence.data))
        detail = f"left out ({len(evidence.data)} bytes): it may hold anything; the case was packed for others to read"
        return msgspec.structs.replace(outside, outcome=Outcome.TRUNCATED, detail=detail)

    def by_kind(self, kind: Kind, data: bytes) -> bytes:
        if kind in _BUNDLES:
            parts = tuple(bundle.unpack(data))
            return bundle.pack(self.part(part) for part in parts) if parts else self.data(data)
        if kind in (Kind.INSIDE, Kind.INSIDE_PROFILE):
            data = without_stacks(kind, data)
        if kind in _JSON:
            return b"\n".join(self.json_line(line) for line in data.split(b"\n"))
        return self.data(mask_payloads(data) if kind is Kind.STRACE else data)

    def part(self, part: bundle.Part) -> bundle.Part:
        return msgspec.structs.replace(part, name=self.text(part.name), data=self.data(part.data))

    def json_line(self, line: bytes) -> bytes:
        try:
            return msgspec.json.encode(_json_texts(msgspec.json.decode(line), self.text))
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            return self.data(line)

    def report(self, report: SavedReport) -> SavedReport:
        return SavedReport(self.json_line(report.json), self.text(report.text))


def _json_texts(value: object, change: Callable[[str], str]) -> object:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_json_texts(item, change) for item in value]
    if not isinstance(value, dict):
        return value
    secret = str(value.get("qom-type", "")).startswith("secret")
    return {change(key): _json_value(key, item, secret, change) for key, item in value.items()}


def _json_value(key: str, value: object, in_secret: bool, change: Callable[[str], str]) -> object:
    hidden = is_secret_key(key) or (in_secret and key == "data")
    if hidden and isinstance(value, str) and value not in _HARMLESS:
        return MASK.decode()
    return _json_texts(value, change)


def _without_data(evidence: Evidence) -> Evidence:
    return msgspec.structs.replace(evidence, data=b"")
