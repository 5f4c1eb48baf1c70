"""XML as text in which one element is put in another's place, while every other byte stays as it is."""

import re
from collections.abc import Iterator, Sequence

# libvirt wrote what is parsed here, and expat bounds what entities may grow to.
from xml.parsers import expat

import msgspec

from crazytrain.model.xml_element import XmlElement

_TAG = re.compile(rb"<(?:'[^']*'|\"[^\"]*\"|[^>'\"])*>")
_STEP = 2  # columns that libvirt indents by
_DEEPEST = 200


class BadXml(Exception):
    """A text that is no XML."""


class Place(msgspec.Struct):
    """An element and where it is in the text: ``begin`` to ``end`` with its tags, ``body`` where its content begins, ``tail`` where it ends.

    ``body`` is ``tail`` where it is one tag alone (``<a/>``); both are then its end.
    """

    name: str
    attributes: tuple[tuple[str, str], ...]
    begin: int
    body: int
    tail: int = 0
    end: int = 0
    text: str = ""
    inside: "list[Place]" = []

    def first(self, *way: str) -> "Place | None":
        """The first element below it on a way of names."""
        here: Place | None = self
        for name in way:
            here = next((one for one in here.inside if one.name == name), None) if here else None
        return here

    @property
    def alone(self) -> bool:
        """Whether it is one tag."""
        return self.body == self.end

    def element(self) -> XmlElement:
        """It as a value."""
        inside = tuple(one.element() for one in self.inside)
        return XmlElement(
            name=self.name, attributes=self.attributes, text=self.text.strip() if inside else self.text, inside=inside
        )


def places(data: bytes) -> Place:
    """The root of an XML text (UTF-8), with the places of all that is in it.

    Raises:
        BadXml: it is none.
    """
    reader = _Reader(data)
    try:
        reader.parser.Parse(data, True)  # noqa: FBT003  # expat's own way to say that this is all
    except expat.ExpatError as error:
        raise BadXml(str(error)) from error
    if reader.root is None:
        raise BadXml("it is empty")
    return reader.root


class _Reader:
    """What expat calls."""

    def __init__(self, data: bytes) -> None:
        self.root: Place | None = None
        self._data = data
        self._open: list[Place] = []
        self.parser = expat.ParserCreate("utf-8")
        self.parser.ordered_attributes = True
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text

    def _start(self, name: str, attributes: Sequence[str]) -> None:
        if len(self._open) >= _DEEPEST:
            raise BadXml(f"elements lie more than {_DEEPEST} deep")
        begin = self.parser.CurrentByteIndex
        pairs = tuple(zip(attributes[::2], attributes[1::2], strict=True))
        place = Place(name=name, attributes=pairs, begin=begin, body=self._tag_end(begin))
        if self._open:
            self._open[-1].inside.append(place)
        elif self.root is None:
            self.root = place
        self._open.append(place)

    def _end(self, _name: str) -> None:
        place = self._open.pop()
        alone = self._data[place.begin : place.body].endswith(b"/>")
        place.tail = place.body if alone else self.parser.CurrentByteIndex
        place.end = place.body if alone else self._tag_end(place.tail)

    def _text(self, text: str) -> None:
        if self._open and not self._open[-1].inside:
            self._open[-1].text += text

    def _tag_end(self, begin: int) -> int:
        found = _TAG.match(self._data, begin)
        if found is None:
            raise BadXml(f"no tag at byte {begin}")
        return found.end()


def replaced(data: bytes, place: Place, new: XmlElement | None) -> bytes:
    """The text with another element in the place of one; ``None`` takes it away, with the line it stood on."""
    if new is not None:
        return data[: place.begin] + pretty(new, _column(data, place.begin)) + data[place.end :]
    begin = place.begin
    line = data.rfind(b"\n", 0, begin)
    if line >= 0 and not data[line:begin].strip():
        begin = line
    return data[:begin] + data[place.end :]


def inserted(data: bytes, parent: Place, new: XmlElement, before: Sequence[str] = ()) -> bytes:
    """The text with one element more in ``parent``: before the first of these names, else at its end."""
    follower = next((one for one in parent.inside if one.name in before), None)
    indent = _column(data, parent.begin) + _STEP
    if follower:
        indent = _column(data, follower.begin)
        return data[: follower.begin] + pretty(new, indent) + b"\n" + b" " * indent + data[follower.begin :]
    line = b"\n" + b" " * indent + pretty(new, indent)
    if parent.alone:
        opening = data[parent.begin : parent.end].removesuffix(b"/>").rstrip() + b">"
        closing = b"\n" + b" " * (indent - _STEP) + f"</{parent.name}>".encode()
        return data[: parent.begin] + opening + line + closing + data[parent.end :]
    at = parent.inside[-1].end if parent.inside else parent.body
    return data[:at] + line + data[at:]


def _column(data: bytes, at: int) -> int:
    """How far an element is indented; 0 where something else stands before it on its line."""
    line = data[data.rfind(b"\n", 0, at) + 1 : at]
    return len(line) if not line.strip(b" ") else 0


def pretty(element: XmlElement, indent: int) -> bytes:
    """An element as libvirt writes it; its first line is not indented."""
    return "\n".join(_lines(element, indent)).lstrip(" ").encode()


def _lines(element: XmlElement, indent: int) -> Iterator[str]:
    room = " " * indent
    if not element.inside:
        yield room + element.written()
        return
    bare = msgspec.structs.replace(element, inside=(), text="").written().removesuffix("/>")
    yield f"{room}{bare}>"
    for one in element.inside:
        yield from _lines(one, indent + _STEP)
    yield f"{room}</{element.name}>"
