"""A tree out of XML as people paste it: parts without their root, cut off, with lines left out. Never fails, bounded."""

import re
from collections.abc import Iterator

import msgspec

_TOKEN = re.compile(
    r"<(?P<close>/?)(?P<name>[A-Za-z][\w:.-]{0,80})"
    r"(?P<attributes>(?:\s+[\w:.-]{1,80}\s*=\s*(?:'[^'<]{0,4000}'|\"[^\"<]{0,4000}\"))*+)\s*(?P<alone>/?)>",
    re.DOTALL,
)
_ATTRIBUTE = re.compile(r"([\w:.-]{1,80})\s*=\s*(?:'([^'<]*)'|\"([^\"<]*)\")")
_ENTITIES = (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&apos;", "'"), ("&amp;", "&"))
_MOST_NODES, _DEEPEST, _LONGEST_TEXT = 20_000, 64, 2000


class Node(msgspec.Struct):
    """One element. ``text`` is what stands right behind its opening tag, ``line`` where that tag is (from 1)."""

    name: str
    attributes: dict[str, str]
    line: int
    text: str = ""
    inside: list["Node"] = []

    def get(self, name: str) -> str:
        """An attribute, empty where it is not there."""
        return self.attributes.get(name, "")

    def walk(self) -> Iterator["Node"]:
        """This element and all in it, in order."""
        yield self
        for node in self.inside:
            yield from node.walk()

    def all(self, *names: str) -> Iterator["Node"]:
        """All elements of these names, at any depth."""
        return (node for node in self.walk() if node.name in names)

    def first(self, name: str) -> "Node | None":
        """The first of them."""
        return next(self.all(name), None)

    def says(self, name: str, attribute: str) -> str:
        """An attribute of the first element of this name; empty where there is none."""
        node = self.first(name)
        return node.get(attribute) if node else ""

    def text_of(self, name: str) -> str:
        """The text of the first element of this name; empty where there is none."""
        node = self.first(name)
        return node.text if node else ""


def tree_of(text: str) -> Node:
    """Put the elements into a tree; the root is made up and holds all that has none.

    A closing tag without its opening one is passed over, one that is missing is taken as there.

    >>> tree_of("<clock offset='utc'><timer name='hpet' present='no'/>").says("timer", "present")
    'no'
    """
    text = _without_comments(text)
    root = Node("", {}, 1)
    open_ones = [root]
    line, counted = 1, 0
    for number, found in enumerate(_TOKEN.finditer(text)):
        line, counted = line + text.count("\n", counted, found.start()), found.start()
        name = found["name"]
        if number > _MOST_NODES:
            break
        if found["close"]:
            _close(open_ones, name)
        elif len(open_ones) < _DEEPEST:
            node = Node(name, dict(_attributes(found["attributes"])), line)
            open_ones[-1].inside.append(node)
            if not found["alone"]:
                end = text.find("<", found.end(), found.end() + _LONGEST_TEXT)
                node.text = _plain(text[found.end() : end if end >= 0 else found.end() + _LONGEST_TEXT].strip())
                open_ones.append(node)
    return root


def _without_comments(text: str) -> str:
    """The text with only the line ends of its comments; one without its end is left."""
    kept: list[str] = []
    at = 0
    while (begin := text.find("<!--", at)) >= 0 and (end := text.find("-->", begin)) >= 0:
        kept += (text[at:begin], "\n" * text.count("\n", begin, end))
        at = end + 3
    return "".join(kept) + text[at:]


def _close(open_ones: list[Node], name: str) -> None:
    depth = next((at for at in range(len(open_ones) - 1, 0, -1) if open_ones[at].name == name), None)
    if depth is not None:
        del open_ones[depth:]


def _attributes(text: str) -> Iterator[tuple[str, str]]:
    for name, single, double in _ATTRIBUTE.findall(text):
        yield name, _plain(single or double)


def _plain(text: str) -> str:
    for written, meant in _ENTITIES:
        text = text.replace(written, meant)
    return text
