"""Flame graphs of a guest's own functions: three formats, and names that would break each of them."""

import html.parser
import json
import re

import msgspec

from crazytrain.derive.inside_view import inside_view
from crazytrain.model.facts.inside import Mode
from crazytrain.model.facts.inside_view import InsideView, StackShare
from crazytrain.report.inside_flame import collapsed_inside, page, speedscope_inside
from tests.inside_made import a_profile, a_reading

EVIL = '<script>alert(1)</script>";\x1b[2J\u202e\n &amp; $x ${y}'


def a_view() -> InsideView:
    return inside_view(a_reading(), a_reading(2.0), a_profile())


def evil_view(depth: int = 1) -> InsideView:
    stack = StackShare(cpu=0, mode=Mode.KERNEL, pid=7, comm=EVIL, frames=(EVIL,) * depth, count=3)
    return msgspec.structs.replace(a_view(), stacks=(stack,))


class Parsed(html.parser.HTMLParser):
    """What a browser makes of the page: its tags, and the text of the graph's boxes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.boxes: list[dict[str, str]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        given = {name: value or "" for name, value in attrs}
        if given.get("class") == "f":
            self.boxes.append(given)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_collapsed() -> None:
    assert collapsed_inside(a_view()).splitlines() == [
        "CPU 0;kernel;sh 88;entry_SYSCALL_64;extract_crng;chacha_block_generic 20",
        "CPU 0;kernel;sh 88;entry_SYSCALL_64;extract_crng;chacha_permute 70",
        "CPU 0;user;sh 88;(program code) 10",
        "CPU 1;halted;native_safe_halt 100",
    ]


def test_a_hostile_name_stays_one_name() -> None:
    (line,) = collapsed_inside(evil_view()).splitlines()
    assert line.count(";") == 4  # CPU, mode, task, the mark for callers that are not known, the function
    assert line.endswith(" 3")
    assert line.isprintable()


def test_speedscope_has_a_profile_for_each_cpu() -> None:
    file = json.loads(speedscope_inside(a_view(), "web01", "crazytrain 0"))
    assert [one["name"] for one in file["profiles"]] == ["CPU 0", "CPU 1"]
    names = [frame["name"] for frame in file["shared"]["frames"]]
    first = file["profiles"][0]
    assert [names[number] for number in first["samples"][0]][-1] == "chacha_permute"
    assert (first["weights"][0], first["endValue"]) == (70.0, 100.0)
    json.loads(speedscope_inside(evil_view(), EVIL, "t"))


def test_the_page_has_a_box_for_every_function_as_wide_as_its_share() -> None:
    parsed = Parsed(page(a_view(), "web01, inside", "Linux 6.1: 100 looks."))
    widths = {box["title"].partition(":")[0]: float(box["data-w"]) for box in parsed.boxes}
    assert widths["all"] == 1.0
    assert widths["chacha_permute"] == 0.35
    assert widths["entry_SYSCALL_64"] == 0.45
    boxes = {box["title"].partition(":")[0]: box for box in parsed.boxes}
    inner, outer = boxes["chacha_permute"], boxes["extract_crng"]
    assert float(outer["data-l"]) <= float(inner["data-l"])
    assert int(inner["data-d"]) == int(outer["data-d"]) + 1


def test_the_page_loads_nothing() -> None:
    text = page(a_view(), "web01", "about")
    assert not re.search(r"(src|href)\s*=|url\(|@import|https?://|fetch\(|XMLHttp", text)
    assert "default-src 'none'" in text


def test_what_the_guest_wrote_is_text_and_no_tag() -> None:
    ours = Parsed(page(a_view(), "web01", "about"))
    theirs = Parsed(page(evil_view(), EVIL, EVIL))
    assert set(theirs.tags) == set(ours.tags)
    assert theirs.tags.count("script") == 1
    text = "".join(theirs.texts)
    assert "<script>alert(1)</script>" in text  # as words
    assert "${y}" in text
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_a_stack_without_end_is_cut() -> None:
    boxes = Parsed(page(evil_view(depth=5000), "x", "y")).boxes
    assert len(boxes) < 300


def test_no_looks_make_a_page_that_says_so() -> None:
    assert "Nobody looked" in page(msgspec.structs.replace(a_view(), stacks=()), "x", "y")
