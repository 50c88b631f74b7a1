"""Says in sentences what is wrong with a document, or with a word somebody typed."""

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from functools import cache
from importlib import resources
from types import UnionType
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin

import yaml
from pydantic import BaseModel
from pydantic_core import ErrorDetails

from exporter.text import printable, quote

MOST_REPORTED = 50
# Pydantic's errors of a word among others, and of text
_OF_WORDS = {"enum", "literal_error"}
_OF_TEXT = {*_OF_WORDS, "string_type"}
_LONGEST_GUESSED = 100  # letters of a word; a guess for a longer one takes too long
_SHORTEST_BEGINNING = 3  # letters


class InputError(Exception):
    """Sentences about what is wrong with a document; prints at most 50, one a line."""

    def __init__(self, sentences: Iterable[str]) -> None:
        self.sentences = tuple(printable(sentence) for sentence in sentences)
        super().__init__(self.sentences)

    def __str__(self) -> str:
        lines = list(self.sentences[:MOST_REPORTED])
        more = len(self.sentences) - MOST_REPORTED
        if more > 0:
            lines.append(f"… and {more} more")
        return "\n".join(lines)


class Mistake(NamedTuple):
    """A sentence about a mistake, and its line; 0 if the data has no lines."""

    line: int
    sentence: str


@cache
def _messages() -> dict[str, Any]:
    file = resources.files("exporter").joinpath("messages.yaml")
    messages: dict[str, Any] = yaml.safe_load(file.read_text("utf-8"))
    return messages


def nearest(
    word: str,
    known: Iterable[str],
    similarity: float = 0.75,
) -> str | None:
    """Return the known word that resembles a word or begins with it, or None."""
    if len(word) > _LONGEST_GUESSED:
        return None
    lower = word.lower()
    by_lower_case = {candidate.lower(): candidate for candidate in known}
    matches = get_close_matches(lower, by_lower_case, n=1, cutoff=similarity)
    if not matches and len(word) >= _SHORTEST_BEGINNING:
        matches = [each for each in by_lower_case if each.startswith(lower)]
    if not matches:
        return None
    return by_lower_case[matches[0]]


def hint(word: str, known: Iterable[str]) -> str:
    """Return the advice about an unknown word: a suggestion, or all allowed words."""
    words = tuple(known)
    guess = nearest(word, words)
    if guess:
        return f"did you mean {guess}?"
    return f"allowed here: {', '.join(words) or 'nothing'}"


def syntax_mistake(error: yaml.YAMLError, text: str) -> str:
    """Return line, column and advice for what the YAML parser rejected."""
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return f": is not YAML ({error})"
    mark = error.problem_mark
    opened = error.context_mark.line + 1 if error.context_mark else 0
    lines = [*text.splitlines(), ""]
    rest = lines[mark.line][mark.column :]
    words = re.findall(r"[^\s,\[\]{}]+", rest) or [""]
    tab = "tab" if rest.startswith("\t") else ""
    said = f"{error.context or ''} {tab} {error.problem}"
    by_pattern = _messages()["syntax"]
    fitting = [advice for pattern, advice in by_pattern if re.search(pattern, said)]
    advice = fitting[0].format(
        opened=opened,
        word=quote(words[0]),
        problem=error.problem,
    )
    return f":{mark.line + 1}:{mark.column + 1}: {advice}"


def value_mistake(details: ErrorDetails) -> str:
    """Return what is wrong with a value, what it is, and what is allowed."""
    kind = details["type"]
    value = details["input"]
    context = details.get("ctx", {})
    sentence = _messages()["errors"].get(kind)
    if sentence:
        return str(sentence).format(**context)
    if isinstance(value, int | float) and kind in _OF_TEXT:
        return f'{quote(value)} is not text in YAML; put it in quotes: "{quote(value)}"'
    if isinstance(value, str) and kind in _OF_WORDS:
        expected = str(context["expected"])
        allowed = re.findall(r"'([^']*)'", expected) or [expected]
        return f"{quote(value)} is not allowed; {hint(value, allowed)}"
    # What is left of pydantic's "Input should be a valid integer, got a number with …".
    _, _, rule = details["msg"].partition(" should ")
    must, _, seen = rule.partition(", ")
    if not must:
        return f"{_shown(value)} is not allowed here ({details['msg']})"
    for theirs, ours in _messages()["words"].items():
        must = must.replace(theirs, ours)
    if not seen.startswith("not "):
        seen = f"not {_shown(value)}"
        if isinstance(value, str) and " character" in must:
            seen = f"not {len(value):,}"
    return f"must {must}, {seen}"


def _shown(value: object) -> str:
    if isinstance(value, list):
        return "a list"
    if isinstance(value, dict):
        return "a mapping of keys"
    if value is None:
        return "nothing"
    return quote(value)


def unknown_key(key: str, known: Sequence[str]) -> str:
    """Return what is wrong with a key that is not known, and which are."""
    before, colon, _ = key.partition(":")
    if colon and before in known:
        return f"is not a known key; write a space after the colon of {before}"
    return f"is not a known key; {hint(key, known)}"


def known_keys(kind: Any, path: Sequence[str | int]) -> tuple[str, ...]:
    """Return the keys that a value of a type may have at a path.

    There are none where the type allows any key.
    """
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        types = {
            field.alias or name: field.annotation
            for name, field in kind.model_fields.items()
        }
        if path:
            below = types.get(str(path[0]))
            return known_keys(below, path[1:])
        if kind.model_config.get("extra") == "forbid":
            return tuple(types)
        return ()
    # The items of a list are one step below it, the members of a union are not.
    if get_origin(kind) not in {Union, UnionType, Annotated}:
        path = path[1:]
    keys: dict[str, None] = {}
    for inner in get_args(kind):
        for key in known_keys(inner, path):
            keys[key] = None
    return tuple(keys)
