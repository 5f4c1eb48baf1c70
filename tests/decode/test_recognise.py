"""What was pasted is recognised by content, whatever terminals, mailers and editors did to it."""

import gzip
import os
import textwrap
from collections.abc import Callable, Iterable
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crazytrain.decode.command_line import decode_command_line
from crazytrain.decode.fd_listing import decode_fd_listing
from crazytrain.decode.recognise import split
from crazytrain.decode.strace import decode_strace
from crazytrain.decode.strace_summary import decode_strace_summary
from crazytrain.decode.top import decode_top
from crazytrain.model.errors import BadInput
from crazytrain.model.evidence import Evidence, Kind
from crazytrain.model.facts.descriptors import DescriptorTable
from crazytrain.model.facts.syscalls import TraceStory
from tests.decode.pasted import broken_by_mailer, broken_by_terminal, case, files, sample

STRACE = case("strace.txt").decode()
LISTING = case("fd.txt").decode()
DECODERS = {
    Kind.STRACE: decode_strace,
    Kind.STRACE_SUMMARY: decode_strace_summary,
    Kind.FD_LISTING: decode_fd_listing,
    Kind.TOP_THREADS: decode_top,
    Kind.COMMAND_LINE: decode_command_line,
}
EXPECTED = {
    "alarm": [Kind.STRACE],
    "strace-c": [Kind.STRACE_SUMMARY],
    "strace-f-c": [Kind.STRACE_SUMMARY],
    "strace-f-C": [Kind.STRACE, Kind.STRACE_SUMMARY],
    "strace": [Kind.STRACE],
    "top": [Kind.TOP_THREADS],
    "ls-fd": [Kind.FD_LISTING],
    "lsof": [Kind.FD_LISTING],
    "ps": [Kind.COMMAND_LINE],
    "cmdline": [Kind.COMMAND_LINE],
}


def parts(text: str | bytes) -> tuple[Evidence, ...]:
    return split("paste.txt", text.encode() if isinstance(text, str) else text)


def kinds(text: str | bytes) -> list[Kind]:
    return [part.kind for part in parts(text) if part.kind is not Kind.TEXT]


def story_of(text: str | bytes) -> TraceStory:
    (trace,) = [part for part in parts(text) if part.kind is Kind.STRACE]
    (story,) = [fact for fact in decode_strace(trace) if isinstance(fact, TraceStory)]
    return story


def table_of(text: str | bytes) -> DescriptorTable:
    (listing,) = [part for part in parts(text) if part.kind is Kind.FD_LISTING]
    (table,) = decode_fd_listing(listing)
    assert isinstance(table, DescriptorTable)
    return table


@pytest.mark.parametrize("path", files(), ids=lambda path: path.name)
def test_every_recorded_sample_is_known(path: os.PathLike[str]) -> None:
    name = os.fspath(path).rpartition("/")[2]
    expected = next(kinds for prefix, kinds in sorted(EXPECTED.items(), reverse=True) if name.startswith(prefix))
    assert kinds(sample(name)) == expected


def test_the_case_of_2012() -> None:
    assert [(part.id, part.kind, part.first_line) for part in parts(STRACE)] == [("paste.txt", Kind.STRACE, 1)]
    assert [(part.id, part.kind, part.first_line) for part in parts(LISTING)] == [("paste.txt", Kind.FD_LISTING, 1)]
    assert parts(STRACE)[0].data == case("strace.txt")


DISGUISES: dict[str, tuple[Callable[[str], str | bytes], int]] = {
    "as it is": (lambda text: text, 3),
    "CRLF": (lambda text: text.replace("\n", "\r\n"), 3),
    "CR of an old Mac": (lambda text: text.replace("\n", "\r"), 3),
    "UTF-16": (lambda text: text.encode("utf-16"), 3),
    "UTF-16 without a mark": (lambda text: text.encode("utf-16-le"), 3),
    "UTF-8 with a mark": (lambda text: b"\xef\xbb\xbf" + text.encode(), 3),
    "mail quoting": (lambda text: textwrap.indent(text, "> "), 3),
    "quoted twice": (lambda text: textwrap.indent(text, ">> "), 3),
    "indented": (lambda text: textwrap.indent(text, "    "), 3),
    "a tab": (lambda text: textwrap.indent(text, "\t"), 3),
    "colours": (lambda text: text.replace("read", "\x1b[01;31m\x1b[Kread\x1b[m\x1b[K"), 3),
    "a terminal's title": (lambda text: "\x1b]0;root@host\x07" + text, 3),
    "rubbed out": (lambda text: text.replace("read", "rex\x08ad"), 3),
    "written over": (lambda text: text.replace("read", "98 %\rread"), 3),
    "HTML": (lambda text: text.replace('"', "&quot;"), 3),
    "quotes of a word processor": (lambda text: text.replace('"', "\u201c"), 3),
    "no-break spaces": (lambda text: text.replace(" ", "\u00a0"), 3),
    "a minus sign": (lambda text: text.replace("-1", "\u22121"), 3),
    "cat -n": (lambda text: "".join(f"{n:6}\t{line}" for n, line in enumerate(text.splitlines(keepends=True), 1)), 3),
    "grep -n": (lambda text: "".join(f"{n}:{line}" for n, line in enumerate(text.splitlines(keepends=True), 1)), 3),
    "a fence": (lambda text: f"```\n{text}```\n", 4),
    "blank lines": (lambda text: text.replace("\n", "\n\n"), 5),
    "a prompt": (
        lambda text: f"root@host:~# strace -p 4711\nProcess 4711 attached - interrupt to quit\n{text}^C\n$ ",
        5,
    ),
    "latin-1 above": (lambda text: "Grüße\n\nhier ist es:\n\n".encode("latin-1") + text.encode(), 7),
    "prose around": (lambda text: f"Hello,\nmy guest runs away:\n\n{text}\nAny ideas?\nBye\n", 6),
    "noise within": (lambda text: text.replace("write(", "[  12.5] watchdog: BUG: soft lockup\nwrite("), 4),
    "cut in the last line": (lambda text: text[:-12], 3),
}


@pytest.mark.parametrize("name", DISGUISES)
def test_the_trace_says_the_same_in_every_disguise(name: str) -> None:
    disguise, line = DISGUISES[name]
    found = story_of(disguise(STRACE))
    assert [(d.call, d.fd, d.after_data, d.ref.line) for d in found.drained] == [("read", 17, "cut" not in name, line)]
    assert [(a.timer, a.value_ns) for a in found.arms] == [(0, 250_000)]
    assert [(w.timeout_ns, w.waited_ns, w.ready) for w in found.waits] == [
        (10**9, 3_000, (7,)),
        (10**9, 45_000, (17,)),
    ]
    assert [(s.number, s.code) for s in found.signals] == ([] if "cut" in name else [(14, -2)])
    assert found.calls == 10


@pytest.mark.parametrize("width", [72, 76, 80, 100])
@pytest.mark.parametrize("break_up", [broken_by_terminal, broken_by_mailer])
def test_broken_lines_are_put_together(break_up: Callable[[str, int], str], width: int) -> None:
    broken = break_up(STRACE, width)
    found = story_of(broken)
    assert (found.calls, found.unread) == (10, 0)
    assert [(w.timeout_ns, w.waited_ns, w.ready) for w in found.waits] == [(10**9, 3_000, (7,)), (10**9, 45_000, (17,))]
    assert [(s.number, s.code) for s in found.signals] == [(14, -2)]
    (drained,) = found.drained
    line = broken.splitlines()[(drained.ref.line or 0) - 1]
    assert line.startswith("read(17, 0x7ff")


@pytest.mark.parametrize("width", [72, 76])
@pytest.mark.parametrize("break_up", [broken_by_terminal, broken_by_mailer])
def test_broken_listings_are_put_together(break_up: Callable[[str, int], str], width: int) -> None:
    broken = break_up(LISTING, width)
    found = table_of(broken)
    assert {d.fd: d.kind for d in found.descriptors} == {d.fd: d.kind for d in table_of(LISTING).descriptors}
    assert all(broken.splitlines()[(d.refs[0].line or 0) - 1].startswith("lrwx") for d in found.descriptors)


def test_several_kinds_in_one_file_keep_its_line_numbers() -> None:
    text = (
        "Hello,\n\nroot@h:~# strace -p 4711\n"
        + STRACE
        + "^C\nroot@h:~# ls -l /proc/4711/fd\n"
        + LISTING
        + "root@h:~# top -H -p 4711\n"
        + sample("top-H.txt").decode()
        + "\nand this is how it was started:\n\nqemu-system-x86_64 -name web01 -enable-kvm \\\n  -m 2G\n\nBye\n"
    )
    found = parts(text)
    assert [(part.id, part.kind) for part in found if part.kind is not Kind.TEXT] == [
        ("paste.txt", Kind.STRACE),
        ("paste.txt#2", Kind.FD_LISTING),
        ("paste.txt#3", Kind.TOP_THREADS),
        ("paste.txt#4", Kind.COMMAND_LINE),
    ]
    lines = text.splitlines()
    for part in found:
        shown = part.data.decode().splitlines()
        own = [line.strip() for line in lines[part.first_line - 1 : part.first_line - 1 + len(shown)]]
        assert [line.strip() for line in shown] == own
    assert "Hello," in b"".join(part.data for part in found if part.kind is Kind.TEXT).decode()


def test_every_line_is_kept_once_and_in_order() -> None:
    text = "prose\n" + STRACE + "more prose\n\n" + LISTING + "end"
    found = parts(text)
    assert b"".join(part.data for part in found).decode().splitlines() == text.splitlines()
    assert [part.first_line for part in found] == [1, 2, 12, 13, 30]


def test_ids_are_unique_and_recognised_parts_come_first() -> None:
    found = parts("prose\n" + STRACE + "\n\nprose:\n\n" + LISTING)
    assert len({part.id for part in found}) == len(found)
    assert {part.id for part in found if part.kind is not Kind.TEXT} == {"paste.txt", "paste.txt#2"}


def test_a_heading_separates_two_traces() -> None:
    assert kinds(f"the healthy one:\n{STRACE}\nthe sick one:\n{STRACE}") == [Kind.STRACE, Kind.STRACE]
    assert kinds(f"{STRACE}\n$ strace -p 4712\n{STRACE}") == [Kind.STRACE, Kind.STRACE]


def test_unknown_text_is_kept_as_text() -> None:
    (part,) = parts("just some words\nand more\n")
    assert (part.kind, part.id, part.data) == (Kind.TEXT, "paste.txt", b"just some words\nand more\n")


@pytest.mark.parametrize(
    "line",
    [
        "ppoll([{fd=9, events=POLLIN|POLLERR|POLLHUP}], 1, NULL, NULL, 8",
        "[pid 72970] <... write resumed>)        = 8",
        "futex(0x55, FUTEX_WAIT_PRIVATE, 2, NULL",
        "restart_syscall(<... resuming interrupted futex ...>",
    ],
)
def test_a_lone_line_of_a_blocked_thread_is_a_trace(line: str) -> None:
    assert kinds(line) == [Kind.STRACE]


@pytest.mark.parametrize(
    "line",
    [
        "int main(void) {",
        "    if (read(fd, buf, sizeof buf) < 0)",
        "#1 problem (see below) is worse",
        "see select(2) and poll(2)",
        "lrwxrwxrwx 1 root root 7 Mar  9 13:33 bin -> usr/bin",
        "def read(self, size): return 0",
        "x = foo(1)",
    ],
)
def test_what_only_looks_like_it_is_text(line: str) -> None:
    assert kinds(line) == []


@pytest.mark.parametrize(
    ("data", "looks"),
    [
        (b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0>\0" + bytes(2000), "ELF"),
        (gzip.compress(STRACE.encode()), "gzip"),
        (b"\x28\xb5\x2f\xfd" + bytes(range(256)), "zstd"),
        (b"QFI\xfb\0\0\0\3" + bytes(500), "qcow2"),
        (os.urandom(1 << 20), "binary or random"),
        (bytes(100_000) + b"\1\2", "binary or random"),
    ],
)
def test_binary_data_is_refused_with_a_next_step(data: bytes, looks: str) -> None:
    with pytest.raises(BadInput, match=looks) as error:
        split("core.1", data)
    assert "core.1" in error.value.message
    assert "strace" in error.value.hint


@pytest.mark.parametrize("data", [b"", b"\n\n  \r\n", b"\0\0"])
def test_empty_input_is_refused(data: bytes) -> None:
    with pytest.raises(BadInput, match=r"empty\.txt is empty"):
        split("empty.txt", data)


def test_an_endless_line_is_refused_by_its_number() -> None:
    with pytest.raises(BadInput, match=r"big\.txt, line 11"):
        split("big.txt", STRACE.encode() + b"x" * (2 << 20))


def test_a_few_strays_do_no_harm() -> None:
    assert kinds(STRACE.replace("timer", "\x01timer", 1)) == [Kind.STRACE]
    assert kinds(STRACE.encode().replace(b"write(8", b"\xff\xfewrite(8")) == [Kind.STRACE]


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "line",
    ["read(" * 200_000, "a\x08" * 300_000, "x" * 300_000 + "\x08" * 300_000, "\x1b[" * 400_000, "> " * 400_000,
     "#/" * 400_000, "lrwxrwxrwx " + "1 " * 400_000, "1 " * 500_000, "kvm " * 200_000, "a 1 " + "5    " * 150_000,
     "\r" * 900_000, "qemu-system-x86_64 -" + "a" * 900_000, ": " * 400_000, "&lt;" * 200_000, "PID " * 200_000,
     "read(1) = 1 (" * 60_000, "1.0 1.0 " * 100_000, "9 root 20 0 " + "A  " * 250_000],
    ids=lambda line: line[:12].encode("unicode_escape").decode(),
)  # fmt: skip
def test_hostile_lines_take_no_time(line: str) -> None:
    for part in parts(STRACE + line + "\n" + LISTING + line):
        list(DECODERS.get(part.kind, lambda _: ())(part))


def refusal_or(read: Callable[[], Iterable[object]]) -> BadInput | list[object]:
    try:
        return list(read())
    except BadInput as error:
        return error


def decode_all(data: bytes) -> None:
    found = refusal_or(lambda: split("paste.txt", data))
    if isinstance(found, BadInput):
        assert found.hint
        return
    regions = [part for part in found if isinstance(part, Evidence)]
    assert len({part.id for part in regions}) == len(found) > 0
    for part in regions:
        facts = refusal_or(partial(DECODERS[part.kind], part)) if part.kind in DECODERS else []
        assert not isinstance(facts, BadInput) or "paste.txt" in facts.message


LINES = [*STRACE.splitlines(), *LISTING.splitlines(), *sample("top-H.txt").decode().splitlines()[:12]]
LINES += [*sample("strace-c.txt").decode().splitlines()[:4], *sample("strace-f.txt").decode().splitlines()[:12]]
LINES += [
    *sample("lsof.txt").decode().splitlines()[:8],
    sample("ps.txt").decode().splitlines()[1],
    "",
    "```",
    "# ",
    "^C",
]


@given(st.binary(max_size=800))
def test_any_bytes_are_split_or_refused(data: bytes) -> None:
    decode_all(data)


@given(st.lists(st.one_of(st.sampled_from(LINES), st.text(max_size=40)), max_size=30), st.data())
def test_any_mixture_is_split_and_nothing_is_lost(lines: list[str], data: st.DataObject) -> None:
    ends = st.sampled_from(["\n", "\r\n", "\n> ", "\n    ", "\n\n"])
    text = "".join(line[: data.draw(st.sampled_from([len(line), 30]))] + data.draw(ends) for line in lines)
    decode_all(text.encode())


@given(
    st.lists(st.sampled_from(LINES), min_size=1, max_size=30).filter(lambda lines: any(line.strip() for line in lines))
)
def test_known_lines_are_kept_in_their_places(lines: list[str]) -> None:
    """The text put together again is the text that came, apart from lines that were broken and blank ends."""
    found = parts("\n".join(lines))
    places: dict[int, str] = {}
    for part in found:
        for number, line in enumerate(part.data.decode().split("\n"), start=part.first_line):
            places.setdefault(number, "")
            places[number] = places[number] or line
    for number, line in enumerate(lines, start=1):
        shown = places.get(number, "").strip()
        assert shown.startswith(line.strip()) or shown == ""
