"""What is fuzzed: every decoder as it is registered, the way of pasted text, and what follows decoding."""

import importlib
import zlib
from collections.abc import Callable, Iterable, Iterator
from types import ModuleType

import msgspec

from crazytrain.decode import paste, recognise, splitter, strace_line, strace_quick, stream
from crazytrain.decode.registry import DECODERS, READ_IN_ANY_CASE, Decoder, decoders_of
from crazytrain.model import bundle
from crazytrain.model.errors import BadInput
from crazytrain.model.evidence import Evidence, Kind, Outcome
from tests.fuzzing.decoders.whole import FUZZED, follow, in_a_look, looks_of_the_lab

Feed = Callable[[bytes], Iterable[object]]
PASTED = tuple(kind for kind in Kind if kind is not Kind.IDENTITY)
_READABLE = (Outcome.OK, Outcome.OK, Outcome.OK, Outcome.TRUNCATED)
_FIRST_LINES = (1, 1, 1, 41)


class Target(msgspec.Struct, frozen=True):
    """One thing to fuzz. ``feed`` takes any bytes and gives facts; what it raises is a finding, but for what ``is_declared``.

    ``kinds`` are those of the evidence that seeds are taken from, ``modules`` those whose words are put in. The first ``prefix``
    bytes of an input choose something and are no text.
    """

    name: str
    about: str
    feed: Feed
    kinds: tuple[Kind, ...]
    modules: tuple[ModuleType, ...]
    prefix: int = 0


def is_declared(error: Exception) -> bool:
    """Whether it is a complaint that a decoder means to make: it says what evidence is none of its kind."""
    return isinstance(error, BadInput) or (type(error) is ValueError and str(error).startswith(f"{FUZZED}: no "))


def targets() -> tuple[Target, ...]:
    """All of them, those that read the freest text first."""
    return (*_of_pasted_text(), *sorted(_of_decoders(), key=lambda one: _freedom(one.kinds[0])), *_of_what_follows())


def _of_decoders() -> Iterator[Target]:
    for decode in dict.fromkeys(decode for _, decode in DECODERS):
        kinds = tuple(kind for kind, other in DECODERS if other is decode)
        module = importlib.import_module(decode.__module__)
        about = f"evidence of the kind {', '.join(kind.value for kind in kinds)}"
        yield Target(decode.__name__, about, _fed(kinds, decode), kinds, (module, bundle))


def _fed(kinds: tuple[Kind, ...], decode: Decoder) -> Feed:
    def feed(data: bytes) -> Iterable[object]:
        seen = _evidence(kinds[zlib.crc32(data, 1) % len(kinds)], data)
        return tuple(decode(seen)) if decode in decoders_of(seen) else ()

    return feed


def _evidence(kind: Kind, data: bytes) -> Evidence:
    """What is not in the bytes follows from their sum, so that an input is the same each time."""
    chosen = zlib.crc32(data)
    outcomes = tuple(Outcome) if kind in READ_IN_ANY_CASE and chosen % 8 == 0 else _READABLE
    first_line = _FIRST_LINES[chosen % len(_FIRST_LINES)]
    outcome = outcomes[(chosen >> 8) % len(outcomes)]
    return Evidence(id=FUZZED, kind=kind, source="fuzz", outcome=outcome, data=data, first_line=first_line)


def _of_pasted_text() -> Iterator[Target]:
    of_paste = (paste, splitter, recognise)
    yield Target("split", "pasted text into regions, each of them read", split_and_read, PASTED, of_paste)
    yield Target("clean", "pasted text before it is matched", clean, PASTED, (paste,))
    yield Target(
        "stream", "large text, block by block", streamed, (Kind.STRACE, *PASTED), (stream, strace_quick, strace_line)
    )


def split_and_read(data: bytes) -> tuple[object, ...]:
    """Facts of all regions."""
    return tuple(
        fact for part in recognise.split(FUZZED, data) for decode in decoders_of(part) for fact in decode(part)
    )


def clean(data: bytes) -> Iterable[object]:
    """Clean a text, line by line as well; what is clean stays as it is."""
    text = paste.cleaned(paste.decoded(FUZZED, data))
    lines = [paste.without_prompt(paste.without_margin(line)) for line in text.split(b"\n")]
    before = b""
    for line in lines:
        paste.glued(before, line, before)
        before = line
    assert len(text) <= 4 * len(data) + 16, "a cleaned text is no longer than it was"
    return ()


def streamed(data: bytes) -> Iterable[object]:
    """Whole lines in two blocks, as a file of any size is read; the second one counted elsewhere where that may be."""
    taken, counter = stream.Stream(FUZZED), stream.BlockCounter()
    middle = data.rfind(b"\n", 0, 1 + len(data) // 2) + 1
    taken.take(data[:middle])
    if taken.in_trace:
        taken.take_counted(counter.count(data[middle:], taken.region))
    else:
        taken.take(data[middle:])
    evidence, facts = taken.end()
    return (*facts, *(fact for part in evidence for decode in decoders_of(part) for fact in decode(part)))


def _of_what_follows() -> Iterator[Target]:
    of_paste = (paste, splitter, recognise)
    yield Target("explain", "pasted text to a report", explained, PASTED, of_paste)
    kinds = tuple({part.kind: None for look in looks_of_the_lab() for part in look.evidence})
    yield Target("why", "a look at a guest of the lab in which one evidence is another", in_a_look, kinds, (bundle,), 2)


def explained(data: bytes) -> Iterable[object]:
    """Text to a report, without the guards that keep a defect from stopping the rest."""
    parts = recognise.split(FUZZED, data)
    return follow(parts, (fact for part in parts for decode in decoders_of(part) for fact in decode(part)))


def _freedom(kind: Kind) -> int:
    """Kinds of what people paste before those of our own collectors."""
    return 0 if kind in _FREE else 1


_FREE = frozenset(
    {
        Kind.STRACE,
        Kind.STRACE_SUMMARY,
        Kind.FD_LISTING,
        Kind.TOP_THREADS,
        Kind.QEMU_TEXT,
        Kind.QMP_TEXT,
        Kind.LIBVIRT_XML,
        Kind.LIBVIRT_TEXT,
        Kind.BACKTRACE,
        Kind.KERNEL_STACK,
        Kind.COMMAND_LINE,
        Kind.CONSOLE,
        Kind.QEMU_LOG,
        Kind.PRINTED_FILES,
        Kind.PERF_KVM,
        Kind.PERF_COUNTS,
        Kind.PERF_REPORT,
        Kind.TRACE_SUMMARY,
        Kind.KVM_STAT,
        Kind.KVM_TRACE,
        Kind.LOG_TEXT,
        Kind.PS,
        Kind.SYSSTAT,
        Kind.INTERRUPTS,
        Kind.CLOCKSOURCE,
        Kind.TOLD,
        Kind.TEXT,
    }
)
