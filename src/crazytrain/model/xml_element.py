"""One element of XML as a value: compared, changed in one place, and written again."""

from collections.abc import Iterator

import msgspec

_ENTITIES = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("'", "&apos;"))


class XmlElement(msgspec.Struct, frozen=True, kw_only=True):
    """An element with its attributes in order, the text right behind its opening tag, and what stands in it."""

    name: str
    attributes: tuple[tuple[str, str], ...] = ()
    text: str = ""
    inside: "tuple[XmlElement, ...]" = ()

    def get(self, name: str) -> str:
        """An attribute, empty where it is not there."""
        return dict(self.attributes).get(name, "")

    def named(self, name: str) -> "tuple[XmlElement, ...]":
        """The elements of this name right inside."""
        return tuple(one for one in self.inside if one.name == name)

    def first(self, name: str) -> "XmlElement | None":
        """The first of them."""
        return next(iter(self.named(name)), None)

    def without(self, name: str) -> "XmlElement":
        """The same without the elements of this name right inside."""
        return msgspec.structs.replace(self, inside=tuple(one for one in self.inside if one.name != name))

    def plus(self, *more: "XmlElement") -> "XmlElement":
        """The same with more elements at its end."""
        return msgspec.structs.replace(self, inside=(*self.inside, *more))

    def with_attribute(self, name: str, value: str) -> "XmlElement":
        """The same with one attribute changed, or put last."""
        changed = {**dict(self.attributes), name: value}
        return msgspec.structs.replace(self, attributes=tuple(changed.items()))

    def without_attribute(self, name: str) -> "XmlElement":
        """The same without an attribute."""
        return msgspec.structs.replace(self, attributes=tuple(one for one in self.attributes if one[0] != name))

    def written(self) -> str:
        """The element on one line, as libvirt quotes it."""
        opening = "".join(f" {name}='{_quoted(value)}'" for name, value in self.attributes)
        body = _quoted(self.text) + "".join(one.written() for one in self.inside)
        return f"<{self.name}{opening}>{body}</{self.name}>" if body else f"<{self.name}{opening}/>"


def differences(
    one: XmlElement, other: XmlElement, ignored: frozenset[str] = frozenset(), way: str = ""
) -> Iterator[str]:
    """Where two elements differ, as sentences with the way to the place; ``ignored`` are names of attributes."""
    here = f"{way}/{one.name}"
    if one.name != other.name:
        yield f"{here} became {other.name}"
        return
    old, new = dict(one.attributes), dict(other.attributes)
    for name in (*old, *(name for name in new if name not in old)):
        if name not in ignored and old.get(name) != new.get(name):
            yield f"{here}: {name} was {_said(old.get(name))}, is {_said(new.get(name))}"
    if one.text != other.text:
        yield f"{here}: the text was {one.text!r}, is {other.text!r}"
    for place in range(max(len(one.inside), len(other.inside))):
        if place >= len(other.inside):
            yield f"{here}: {one.inside[place].written()} is gone"
        elif place >= len(one.inside):
            yield f"{here}: {other.inside[place].written()} is new"
        else:
            yield from differences(one.inside[place], other.inside[place], ignored, here)


def _said(value: str | None) -> str:
    return "not there" if value is None else repr(value)


def _quoted(text: str) -> str:
    for meant, written in _ENTITIES:
        text = text.replace(meant, written)
    return text
