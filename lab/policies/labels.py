"""The labels of a series, as far as they are known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Labels:
    """Label keys.

    Attributes:
        names: The known keys.
        open: Whether there may be more, as for an unknown metric.
    """

    names: frozenset[str] = frozenset()
    open: bool = False

    def __contains__(self, key: object) -> bool:
        """Return whether a series has this key, or may have it."""
        return self.open or key in self.names

    def __str__(self) -> str:
        """Return the keys for a sentence."""
        return ", ".join(sorted(self.names)) or "none"

    def only(self, keys: Iterable[str]) -> Labels:
        """Return these keys, as far as a series has them."""
        return Labels(frozenset(key for key in keys if key in self))

    def without(self, keys: Iterable[str]) -> Labels:
        """Return the labels without these keys."""
        return Labels(self.names.difference(keys), self.open)

    def plus(self, keys: Iterable[str]) -> Labels:
        """Return the labels with more keys."""
        return Labels(self.names.union(keys), self.open)

    def in_common(self, other: Labels) -> Labels:
        """Return the labels that both have."""
        names = (key for key in self.names | other.names if key in self and key in other)
        return Labels(frozenset(names), self.open and other.open)


NONE = Labels()
ANY = Labels(open=True)
