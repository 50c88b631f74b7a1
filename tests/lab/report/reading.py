"""Parses the page."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "link", "input", "br", "img"}


@dataclass
class Element:
    """An element."""

    name: str
    attributes: dict[str, str]
    children: list[Element | str] = field(default_factory=list)

    def all(self, name: str, **attributes: str) -> list[Element]:
        """Return the elements inside it with this name and these attribute words."""
        return [
            each
            for each in self.walk()
            if each.name == name
            and all(
                value in each.attributes.get(key.rstrip("_"), "").split()
                for key, value in attributes.items()
            )
        ]

    def walk(self) -> list[Element]:
        """Return every element in it, in order."""
        found: list[Element] = []
        for child in self.children:
            if isinstance(child, Element):
                found += [child, *child.walk()]
        return found

    @property
    def text(self) -> str:
        """Its text with single spaces."""
        parts = (each if isinstance(each, str) else f" {each.text} " for each in self.children)
        return " ".join("".join(parts).split())


class Reader(HTMLParser):
    """Builds a tree; fails where start and end tags do not match."""

    def __init__(self) -> None:
        """Start with an empty page."""
        super().__init__()
        self.root = Element("", {})
        self._open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open an element."""
        element = Element(tag, {key: value or "" for key, value in attrs})
        self._open[-1].children.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Add an empty element."""
        self._open[-1].children.append(Element(tag, {key: value or "" for key, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        """Close the last opened element."""
        assert self._open.pop().name == tag

    def handle_data(self, data: str) -> None:
        """Add a text."""
        self._open[-1].children.append(data)


def read(page: str) -> Element:
    """Return a page as a tree."""
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.root.name == ""
    return reader.root
