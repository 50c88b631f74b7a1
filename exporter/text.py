"""Prints words and values in the sentences that a person reads."""

import json
from datetime import UTC, datetime

_LONGEST_QUOTE = 60
# Backticks, and angle brackets as single quotation marks: they look alike
_MARKUP = str.maketrans("`<>", "'\u2039\u203a")


def plural(count: int, noun: str) -> str:
    """Return a count with its noun: ``no streams``, ``1 stream``, ``1,200 streams``."""
    if count == 0:
        return f"no {noun}s"
    if count == 1:
        return f"1 {noun}"
    return f"{count:,} {noun}s"


def capitalized(text: str) -> str:
    """Return a text with its first letter as a capital, to begin a sentence."""
    return text[:1].upper() + text[1:]


def utc_time(unix_seconds: float) -> str:
    """Return a time in UTC, such as ``2026-12-24T22:00:00Z``."""
    return f"{datetime.fromtimestamp(unix_seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"


def printable(text: str) -> str:
    """Return the text on one line, with unprintable characters escaped."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in text
    )


def without_markup(text: str) -> str:
    """Return a text that alerts can quote: no Markdown, mention or ``${variable}``."""
    return text.translate(_MARKUP).replace("${", "$ {")


def one_line(text: str, most: int) -> str:
    """Return the text on one line with single spaces, cut to so many UTF-8 bytes."""
    line = printable(" ".join(text.split())).encode()
    if len(line) <= most:
        return line.decode()
    return line[: most - len("…".encode())].decode(errors="ignore") + "…"


def quote(value: object) -> str:
    """Return a value as a sentence shows it: text in quotes, all cut to a length."""
    mark = ""
    if isinstance(value, str):
        text, mark = value, '"'
    else:
        text = json.dumps(value, ensure_ascii=False, default=str)
    shown = printable(text[:_LONGEST_QUOTE])
    if len(text) > _LONGEST_QUOTE:
        shown += "…"
    return f"{mark}{shown}{mark}"
