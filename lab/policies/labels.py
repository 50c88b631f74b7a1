"""The labels that a series carries, as far as they are known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Labels:
    """Keys of labels.

    Attributes:
        names: The keys that are known to be there.
        open: Whether there may be more, as with a metric that nothing is known of.
    """

    names: frozenset[str] = frozenset()
    open: bool = False

    def __contains__(self, key: object) -> bool:
        """Say whether a series carries this key, or may."""
        return self.open or key in self.names

    def __str__(self) -> str:
        """Return the keys as a sentence names them."""
        return ", ".join(sorted(self.names)) or "none"

    def only(self, keys: Iterable[str]) -> Labels:
        """Return what is left of these keys."""
        return Labels(frozenset(key for key in keys if key in self))

    def without(self, keys: Iterable[str]) -> Labels:
        """Return what is left without these keys."""
        return Labels(self.names.difference(keys), self.open)

    def plus(self, keys: Iterable[str]) -> Labels:
        """Return these labels and further ones."""
        return Labels(self.names.union(keys), self.open)

    def in_common(self, other: Labels) -> Labels:
        """Return what this and the other both carry."""
        names = (key for key in self.names | other.names if key in self and key in other)
        return Labels(frozenset(names), self.open and other.open)


NONE = Labels()
ANY = Labels(open=True)
