"""Mangles texts the way that typing errors, broken tools and attackers do."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

HOSTILE = (
    *(
        "\0",
        "\x1b[31m",
        "\x1b]0;title\a",
        "\u202e",
        "\u2028",
        "\ud800",
        "\ufeff",
        "é",
        "\U0001f4a5",
    ),
    *(
        "{",
        "}",
        "[",
        "]",
        "(",
        ")",
        '"',
        "'",
        "`",
        "|",
        "<!channel>",
        "${x}",
        "%s",
        "\\",
        "\n",
        "\t",
    ),
    *("*", "&a", "*a", "<<: ", "---\n", "!!python/name:os.system ", "- ", "? ", ": ", "#", "null"),
    *("0", "-1", "1e999", ".nan", "Infinity", "9" * 400, "0x", "1:30", "2024-01-01", "yes", "~"),
    *("30s", "1.5h", "-5m", "99999999999h", "* * * * *", "../", "/dev/zero", "PAUSED", "FAILED"),
    *("[" * 300, "{a: " * 300, "x" * 5000),
)
"""What has broken parsers before."""

_MOST_CHANGES = 5
_LONGEST_SPAN = 40


def mangled(seeds: Sequence[str], drawn: random.Random) -> str:
    """Return one of the texts after one to five random changes."""
    text = drawn.choice(seeds)
    for _ in range(drawn.randint(1, _MOST_CHANGES)):
        start = drawn.randint(0, len(text))
        end = min(len(text), start + drawn.randint(0, _LONGEST_SPAN))
        text = text[:start] + _replacement(text[start:end], seeds, drawn) + text[end:]
    return text


def _replacement(span: str, seeds: Sequence[str], drawn: random.Random) -> str:
    match drawn.randint(0, 5):
        case 0:
            return ""
        case 1:
            return span * drawn.randint(2, 4)
        case 2:
            return "".join(drawn.sample(span, len(span)))
        case 3:
            other = drawn.choice(seeds)
            start = drawn.randint(0, len(other))
            return other[start : start + drawn.randint(1, _LONGEST_SPAN)]
        case 4:
            return chr(drawn.randrange(0x10FFFF)) + span
        case _:
            return drawn.choice(HOSTILE)
