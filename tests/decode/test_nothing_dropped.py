"""Messy mixtures: every line of a paste is in one region, recognised or not, and dirt around lines does not hide what they are."""

import html
import re
import textwrap
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crazytrain.decode.paste import cleaned, decoded
from crazytrain.decode.recognise import split
from crazytrain.model.evidence import Evidence, Kind
from tests.support import ROOT

DATA = ROOT / "tests" / "data"
FILES = sorted(
    path
    for folder in ("paste", "host_text", "log_text")
    for path in (DATA / folder).glob("*.txt")
    if not path.name.startswith(("perf-script", "perf-report-g"))  # their call chains take their sense from the margin
)
_MOST_BYTES = 4000


def text_of(data: bytes) -> str:
    return data[: data.rfind(b"\n", 0, _MOST_BYTES) + 1 or None].decode("utf-8", "replace")


SAMPLES = {path.name: text_of(path.read_bytes()) for path in FILES}
TALK = (
    "Hi list,\n\nmy guest burns a whole CPU, see below.\n",
    "-----\n",
    "root@pve:~# \n",
    "\n\n\n",
    "Grüße aus Köln – “quoted” … and so on\n",
    "=== 2nd host ===\n",
    "> On Mon, 23 Nov 2026 16:00:14, Joe wrote:\n",
    "0x7f 12 34 ][ ~ \\ %s {} <<>> \x01 \x1b[31m\n",
    "[code]\n",
    "```\n",
)


def each(change: Callable[[str], str]) -> Callable[[str], str]:
    return lambda text: "".join(change(line) + "\n" for line in text.splitlines())


def wrapped(text: str) -> str:
    return "\n".join(
        "\n".join(textwrap.wrap(line, 72, break_long_words=False, break_on_hyphens=False) or [""])
        for line in text.split("\n")
    )


# Dirt that changes no line's content: all of it is still recognised.
HARMLESS: dict[str, Callable[[str], str]] = {
    "quoted": each(lambda line: f"> {line}"),
    "quoted twice": each(lambda line: f">> {line}"),
    "colours": each(lambda line: f"\x1b[1;32m{line[:3]}\x1b[0m{line[3:]}\x1b[K"),
    "line ends": lambda text: text.replace("\n", "\r\n"),
    "indented": lambda text: textwrap.indent(text, "    "),
    "escaped": html.escape,
    "no-break spaces": lambda text: text.replace("  ", "\u00a0 "),
    "trailing blanks": each(lambda line: f"{line}    "),
    "tabs": lambda text: re.sub(r"(?<=\S) {4,}", "\t", text),
    "a code fence": lambda text: f"```console\n{text}```\n",
    "a forum": lambda text: f"[CODE]{text}[/CODE]\n",
    "a page": lambda text: f"<pre><code>{html.escape(text)}</code></pre>\n",
    "a tracker": lambda text: f"{{code:bash}}\n{text}{{code}}\n",
}
DIRT: dict[str, Callable[[str], str]] = {**HARMLESS, "as it is": str, "wrapped": wrapped}
ENCODINGS = ("utf-8", "utf-16", "utf-16-le", "latin-1")


def known(regions: Sequence[Evidence]) -> set[Kind]:
    return {one.kind for one in regions} - {Kind.TEXT, Kind.TOLD}


@pytest.mark.parametrize("dirt", HARMLESS)
@pytest.mark.parametrize("name", SAMPLES)
def test_dirt_around_lines_does_not_hide_them(name: str, dirt: str) -> None:
    plain = split(name, SAMPLES[name].encode())
    dirty = split(name, HARMLESS[dirt](SAMPLES[name]).encode())
    assert known(plain) <= known(dirty)
    lost = sum(one.data.count(b"\n") for one in dirty if one.kind in (Kind.TEXT, Kind.TOLD))
    assert lost <= sum(one.data.count(b"\n") for one in plain if one.kind in (Kind.TEXT, Kind.TOLD)) + 3


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_encodings(encoding: str) -> None:
    text = SAMPLES["top-H.txt"] + SAMPLES["strace-f.txt"]
    regions = split(
        "paste.txt", ("Grüße:\n" if encoding == "latin-1" else "Hello:\n").encode(encoding) + text.encode(encoding)
    )
    assert known(regions) == {Kind.TOP_THREADS, Kind.STRACE}


def pieces() -> st.SearchStrategy[str]:
    """One piece of a mixture: a part of something real in some dirt, or what people write between."""
    real = st.builds(
        lambda name, first, many, dirt: DIRT[dirt](
            "".join(SAMPLES[name].splitlines(keepends=True)[first : first + many])
        ),
        st.sampled_from(sorted(SAMPLES)),
        st.integers(0, 12),
        st.integers(1, 12),
        st.sampled_from(sorted(DIRT)),
    )
    return st.one_of(
        real,
        st.sampled_from(TALK),
        st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=80).map(lambda text: f"{text}\n"),
    )


@settings(max_examples=150, deadline=None)
@given(
    parts=st.lists(pieces(), min_size=1, max_size=7), encoding=st.sampled_from(("utf-8", "utf-16")), end=st.booleans()
)
def test_every_line_is_in_one_region(parts: list[str], encoding: str, end: bool) -> None:
    """In order, none twice; between regions there are only blank lines, and what a line says stands in its region."""
    text = "paste\n" + "".join(parts).encode("utf-8", "replace").decode() + ("the end\n" if end else "")
    data = text.encode(encoding, "replace")
    regions = split("paste.txt", data)
    lines = cleaned(decoded("paste.txt", data)).split(b"\n")
    next_line = 1
    for region in regions:
        assert region.first_line >= next_line
        assert not b"".join(lines[next_line - 1 : region.first_line - 1]).strip()
        next_line = region.first_line + region.data.count(b"\n")
        assert_told(lines[region.first_line - 1 : next_line - 1], region)
    assert not b"".join(lines[next_line - 1 :]).strip()


def assert_told(lines: Sequence[bytes], region: Evidence) -> None:
    """All words of the lines are in the region; margins, prompts and marks around code need not be."""
    here = b"".join(region.data.split())
    for line in lines:
        words = [word for word in line.split() if word.isalnum() and len(word) >= 4]
        assert all(word in here for word in words[1:]), (line, region.kind)
