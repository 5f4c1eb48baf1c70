"""Marks of time in pasted text: ``date``, prompts with a clock, ``watch`` and ``top`` heads, ``/proc/uptime``, ``sleep``.

    root@pve:~# date; cat /proc/interrupts
    Mon Nov 23 16:00:14 UTC 2026
    Every 2.0s: virsh domstats web01          pve: Mon Nov 23 16:00:16 2026
    [16:00:24] root@pve:~# sleep 10

Weekdays and months may be of any language: where the month is not known, only the time of day counts. Sources: date(1), watch(1),
proc_uptime(5), strftime(3).
"""

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Sequence

from crazytrain.model.evidence import Evidence, Kind
from crazytrain.model.facts.moments import Mark, MarkKind, Moments

MOMENT_KINDS = (
    Kind.TEXT,
    Kind.TOLD,
    Kind.QEMU_TEXT,
    Kind.QMP_TEXT,
    Kind.LIBVIRT_TEXT,
    Kind.PRINTED_FILES,
    Kind.INTERRUPTS,
    Kind.KVM_STAT,
    Kind.TOP_THREADS,
    Kind.CLOCKSOURCE,
    Kind.COMMAND_LINE,
)
_MOST_LINES = 200_000
_MOST_MARKS = 5000
_LONGEST = 300
_SECOND_NS = 10**9
_TIME = r"(?P<h>[01]?\d|2[0-3]):(?P<m>[0-5]\d):(?P<s>[0-5]\d|60)(?:[.,](?P<f>\d{1,9}))?"
_CLOCK = re.compile(rf"(?<![\d:.-]){_TIME}(?![\d:])(?: ?(?P<half>[AP]M)\b)?")
_ISO = re.compile(rf"(?<!\d)(?P<y>(?:19|20)\d\d)-(?P<mo>[01]\d)-(?P<d>[0-3]\d)[T ]{_TIME}")
_EPOCH = re.compile(r"(?P<s>1[0-9]{9})(?:\.(?P<f>\d{1,9}))?$")
_YEAR = re.compile(r"(?<![\d:])((?:19|20)\d\d)(?![\d:])")
_DAY = re.compile(r"(?<![\w:.,+-])([0-3]?\d)\.?(?![\w:])")
# A line that is a date and nothing else: words of a weekday, a month and a zone, numbers, and what people frame it with.
_ONLY_DATE = re.compile(rf"[#=*\-+>< \t\[(]*(?:[^\W\d_]{{2,12}}[.,]? ){{0,2}}[^:\n]{{0,40}}?{_TIME}[^:\n]{{0,40}}$")
_WATCH = re.compile(r"(?:Every|Alle|Toutes les) (?P<every>\d{1,6}(?:[.,]\d{1,3})?) ?s(?:ec|ek|econds?)?\b.{0,3}: ?")
_TOP = re.compile(rf"(?:top - )?{_TIME} up +\S")
_PROMPT = re.compile(r"(?P<head>[^\n]{0,160}?)(?<=[\w\])~ ])\s?[#$%>](?: |$)")
_UPTIME = re.compile(r"(?P<s>\d{1,9})\.(?P<f>\d\d) \d{1,12}\.\d\d$")
_TIMER_LIST = re.compile(r"now at (?P<ns>\d{1,20}) nsecs?$")
_SLEEP = re.compile(r"\bsleep (?P<n>\d{1,5}(?:\.\d{1,3})?)(?P<unit>[sm]?)\b")
_FILL = r"(?:and|about|then|again|approx\.?|roughly|ca\.?|~|some|taken|now|the|same|once|more|output|a|second|snapshot)[ ,]{0,2}"
_UNIT = r"(s|sec|secs|seconds?|min|minutes?)"
# A line that says nothing else: in a sentence the time may be that of anything.
_LATER = re.compile(
    rf"[#=*(> -]{{0,8}}(?:{_FILL}){{0,6}}(?:(?P<n>\d{{1,4}}) ?{_UNIT} (?:later|apart|after that)|(?:after|later:?) (?P<n2>\d{{1,4}}) ?{_UNIT})"
    rf"(?:,? (?:again|once more))?[\s.:,)=*-]{{0,8}}$",
    re.IGNORECASE,
)
# QMP's events, and lines of libvirt's logs and of virsh's events.
_EVENT = re.compile(r'"timestamp": ?\{"seconds": ?(?P<s>\d{1,11}), ?"microseconds": ?(?P<us>\d{1,6})\}')
_LIBVIRT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}[+-]\d{4}: ")
_LOOPS = re.compile(r"\b(?:while|for|until|do|seq)\b")
_WORD = re.compile(r"[^\W\d_]+\.?")
_MOST_WORDS = 6
_FRAMES = ("at", "date", "time", "first", "second", "third", "snapshot", "sample", "uhr", "um", "h")
_WEEKDAYS = ("lun", "mar", "mer", "jeu", "ven", "sam", "dim")
_MONTHS = (
    "jan", "feb", "mar mär mrz", "apr avr", "may mai", "jun juin", "jul juil", "aug aoû", "sep", "oct okt", "nov", "dec dez déc",
)  # fmt: skip


def decode_moments(evidence: Evidence) -> Iterable[object]:
    """Yield one ``Moments`` where a line tells of time."""
    lines = evidence.data.decode("utf-8", "replace").split("\n")[:_MOST_LINES]
    marks = tuple(_marks(lines, evidence))[:_MOST_MARKS]
    if marks:
        yield Moments(text=evidence.source, marks=marks)


def _marks(lines: Sequence[str], evidence: Evidence) -> Iterator[Mark]:
    for number, raw in enumerate(lines, start=evidence.first_line):
        line = raw.strip()
        if 4 < len(line) <= _LONGEST and any(letter.isdigit() for letter in line):
            yield from _of_line(line, number)


def _of_line(line: str, number: int) -> Iterator[Mark]:
    watch = _WATCH.match(line)
    counted = _counted(line)
    if watch:
        yield from _of_watch(line, number, watch)
    elif counted:
        kind, ns, says = counted
        yield Mark(kind=kind, line=number, ns=ns, says=says)
    else:
        yield from _of_words(line, number)
    yield from _steps(line, number)


def _counted(line: str) -> tuple[MarkKind, int, str] | None:
    """A clock that counts seconds or less from some beginning."""
    event, epoch = _EVENT.search(line), _EPOCH.match(line)
    up, timers = _UPTIME.match(line), _TIMER_LIST.match(line)
    if event:
        return MarkKind.EVENT, _ns(event["s"], event["us"].rjust(6, "0")), "events before and behind them"
    if epoch:
        return MarkKind.WALL, _ns(epoch["s"], epoch["f"]), "date +%s"
    if up or timers:
        ns = _ns(up["s"], up["f"]) if up else int(timers["ns"]) if timers else 0
        return MarkKind.UPTIME, ns, "/proc/uptime" if up else "the clock of /proc/timer_list"
    return None


def _of_words(line: str, number: int) -> Iterator[Mark]:
    """A day and a time, or the time alone."""
    prompt = _PROMPT.match(line)
    if _LIBVIRT.match(line):
        yield from _wall(line[:23], number, "stamps before and behind them", MarkKind.EVENT)
    elif _TOP.match(line):
        yield from _wall(line[:40], number, "the head of top or uptime")
    elif prompt and _CLOCK.search(prompt["head"]):
        yield from _wall(prompt["head"], number, "the prompts' clock", MarkKind.PROMPT)
    elif _is_date(line):
        yield from _wall(line, number, "the date printed beside them")


def _is_date(line: str) -> bool:
    if len(line) <= 40 and _ISO.match(line):
        return True
    words = _WORD.findall(_CLOCK.sub(" ", line))
    return (
        len(line) <= 100
        and not any(sign in line[1:] for sign in "[?|%@")
        and len(words) <= _MOST_WORDS
        and all(map(_is_of_date, words))
        and _ONLY_DATE.match(line) is not None
    )


def _is_of_date(word: str) -> bool:
    """Whether a word may stand in a date: a name or an abbreviation. A sentence with a time in it has words that are neither."""
    return (
        not word[0].islower()
        or word.endswith(".")
        or word in _FRAMES
        or bool(_month(word))
        or word.startswith(_WEEKDAYS)
    )


def _of_watch(line: str, number: int, watch: re.Match[str]) -> Iterator[Mark]:
    dated = tuple(_wall(line[watch.end() :][-60:], number, "the head of watch"))
    yield from dated
    if not dated:
        ns = round(float(watch["every"].replace(",", ".")) * _SECOND_NS)
        yield Mark(kind=MarkKind.STEP, line=number, ns=ns, says="the interval of watch")


def _steps(line: str, number: int) -> Iterator[Mark]:
    sleep, later = _SLEEP.search(line), _LATER.match(line)
    if sleep:
        seconds = float(sleep["n"]) * (60 if sleep["unit"] == "m" else 1)
        kind = MarkKind.LOOP if _LOOPS.search(line) or ";" in line.strip("; ") or "&&" in line else MarkKind.STEP
        yield from _step(kind, number, seconds, "sleep")
    elif later:
        minutes = (later[2] or later[4])[0] in "mM"
        yield from _step(MarkKind.STEP, number, int(later["n"] or later["n2"]) * (60 if minutes else 1), "what is told")


def _step(kind: MarkKind, number: int, seconds: float, says: str) -> Iterator[Mark]:
    if seconds > 0:
        yield Mark(kind=kind, line=number, ns=round(seconds * _SECOND_NS), says=says)


def _wall(text: str, number: int, says: str, kind: MarkKind = MarkKind.WALL) -> Iterator[Mark]:
    iso, clock = _ISO.search(text), _CLOCK.search(text)
    found = iso or clock
    if found is None:
        return
    hour = int(found["h"])
    if clock and clock["half"]:
        hour = hour % 12 + (12 if clock["half"] == "PM" else 0)
    of_day = (hour * 3600 + int(found["m"]) * 60) * _SECOND_NS + _ns(found["s"], found["f"])
    day = _day(iso, text[: found.start()] + " " + text[found.end() :])
    yield Mark(kind=kind, line=number, ns=of_day + (day or 0) * 86_400 * _SECOND_NS, says=says, dated=day is not None)


def _ns(seconds: str, fraction: str | None) -> int:
    return int(seconds) * _SECOND_NS + int((fraction or "0").ljust(9, "0")[:9])


def _day(iso: re.Match[str] | None, rest: str) -> int | None:
    """The day as a number; ``None`` where the year, the month or the day is not told."""
    try:
        if iso:
            return dt.date(int(iso["y"]), int(iso["mo"]), int(iso["d"])).toordinal()
        year, month = _YEAR.search(rest), _month(rest)
        days = _DAY.findall(_YEAR.sub(" ", rest))
        return dt.date(int(year[1]), month, int(days[0])).toordinal() if year and month and days else None
    except ValueError:
        return None


def _month(text: str) -> int:
    """The month by the beginning of its name in English, German or French; 0 where none is told."""
    words = [word.lower() for word in re.findall(r"[^\W\d_]{3,12}", text)]
    found = [
        number
        for word in words
        for number, names in enumerate(_MONTHS, start=1)
        if any(word.startswith(name) for name in names.split())
    ]
    return found[-1] if found else 0  # a French Tuesday (mar.) stands before the month
