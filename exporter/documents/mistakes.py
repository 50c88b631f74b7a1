"""Says in sentences what is wrong with a document, or with a word somebody typed."""

import re
from collections.abc import Collection, Iterable
from difflib import get_close_matches

from pydantic_core import ErrorDetails

from exporter.text import printable, quote

# Pydantic's words, and those of somebody who writes YAML
_WORDS = {
    " a valid string": " text (numbers, true and null need quotes)",
    " a valid boolean": " true or false",
    "valid integer": "whole number",
    "valid tuple": "list",
    "valid dictionary": "mapping of keys",
}
_LEFT_OUT = re.compile(
    ", (unable to|got|input is) .*| or instance of .*| after validation"
)


class InputError(Exception):
    """Sentences about what is wrong with a document; prints one a line."""

    def __str__(self) -> str:
        return "\n".join(map(printable, self.args))


def nearest(word: str, known: Iterable[str], similarity: float = 0.75) -> str | None:
    """Return the known word that resembles a word, in whatever case, or None."""
    by_lower_case = {each.lower(): each for each in known}
    for match in get_close_matches(word.lower(), by_lower_case, 1, similarity):
        return by_lower_case[match]
    return None


def hint(word: str, known: Collection[str]) -> str:
    """Return the advice about an unknown word: a suggestion, or all allowed words."""
    if guess := nearest(word, known):
        return f"did you mean {guess}?"
    return f"allowed here: {', '.join(known) or 'nothing'}"


def value_mistake(details: ErrorDetails) -> str:
    """Return what is wrong with a value, what it is, and what is allowed."""
    kind = details["type"]
    value = details["input"]
    if kind == "missing":
        return "has no value; it is required"
    if kind == "extra_forbidden":
        # Its value is what is allowed instead.
        return f"is not a known key; {hint(str(details['loc'][-1]), value)}"
    if kind == "value_error":
        return str(details["ctx"]["error"])
    # Such as "Input should be a valid integer, got a number with a fractional part"
    _, found, rule = details["msg"].partition(" should ")
    if not found:
        return f"{quote(value)} is not allowed ({details['msg']})"
    must = _LEFT_OUT.sub("", rule)
    for theirs, ours in _WORDS.items():
        must = must.replace(theirs, ours)
    if kind != "too_short":
        must += f", not {quote(value)}"
    return f"must {must}"
