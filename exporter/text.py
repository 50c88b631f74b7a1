"""Prints words and values in the sentences that a person reads."""

import json

_LONGEST_QUOTE = 60
# Backticks, and angle brackets as single quotation marks: they look alike
_MARKUP = str.maketrans({"`": "'", "<": "\u2039", ">": "\u203a"})


def plural(count: int, noun: str) -> str:
    """Return a count with its noun: ``no streams``, ``1 stream``, ``1,200 streams``."""
    if count == 1:
        return f"1 {noun}"
    return f"{count:,} {noun}s" if count else f"no {noun}s"


def capitalized(text: str) -> str:
    """Return a text that begins a sentence: its first letter as a capital, the rest as it is."""
    return text[:1].upper() + text[1:]


def printable(text: str) -> str:
    """Return the text on one line, with control and other unprintable characters escaped."""
    if text.isprintable():
        return text
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in text
    )


def without_markup(text: str) -> str:
    """Return a text that an alert can quote: no Markdown, no mention, no ``${variable}``."""
    return text.translate(_MARKUP).replace("${", "$ {")


def one_line(text: str, most: int) -> str:
    """Return the text, printable and with single spaces, cut with ``…`` to so many UTF-8 bytes."""
    head = text[: 4 * most]
    line = printable(" ".join(head.split())).encode()
    if len(line) <= most and len(head) == len(text):
        return line.decode()
    return line[: most - len("…".encode())].decode(errors="ignore") + "…"


def quote(value: object) -> str:
    """Return a value as a sentence shows it: text in quotes, anything long cut short."""
    text = (
        value
        if isinstance(value, str)
        else json.dumps(value, ensure_ascii=False, default=str)
    )
    if len(text) > _LONGEST_QUOTE:
        text = text[:_LONGEST_QUOTE] + "…"
    return f'"{printable(text)}"' if isinstance(value, str) else printable(text)
