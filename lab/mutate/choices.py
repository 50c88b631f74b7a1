"""Regular expressions with one of their choices left out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHOICES = re.compile(r"(?<=\()\w+(?:\|\w+)+(?=\))|^\w+(?:\|\w+)+$")


def without_one_choice(pattern: str) -> Iterator[tuple[str, str]]:
    """Yield each choice of a pattern such as ``A|B`` or ``x(A|B)y``, and the pattern without it."""
    for found in _CHOICES.finditer(pattern):
        choices = found[0].split("|")
        for index, choice in enumerate(choices):
            left = "|".join([*choices[:index], *choices[index + 1 :]])
            yield choice, pattern[: found.start()] + left + pattern[found.end() :]
