"""The syntax of filters and label extractors: text into terms, and terms back into text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

from lark import Lark, Token, Transformer, UnexpectedInput, UnexpectedToken, v_args

from exporter.text import quote

if TYPE_CHECKING:
    from collections.abc import Mapping

_ESCAPED = re.compile(r'\\([\\"])')

_SUPPORTED: Mapping[str, str] = {
    "log_filter": (
        'write one comparison a line, such as severity>=ERROR or resource.type="…", or log_id("…"),'
        " each with NOT before it if need be; parentheses join several by AND or OR"
    ),
    "monitoring_filter": (
        'write comparisons joined by AND, such as metric.type = "…", with = or != and a string,'
        " starts_with, ends_with, has_substring, one_of or monitoring.regex.full_match"
    ),
    "extractor": 'write EXTRACT(path) or REGEXP_EXTRACT(path, "expression")',
}


class FilterError(ValueError):
    """A filter or an extractor that is not supported; ``str()`` says where and what is."""


@dataclass(frozen=True, slots=True)
class LogId:
    """``log_id("…")``, or the same with NOT before it."""

    literal: str
    negated: bool = False

    def __str__(self) -> str:
        """Return the term as a filter has it."""
        return f"{'NOT ' * self.negated}log_id({self.literal})"


@dataclass(frozen=True, slots=True)
class Comparison:
    """A comparison of the value at a path.

    Attributes:
        path: The dotted path as it is written.
        operator: One of ``= != =~ !~ < <= > >=``.
        literals: What it is compared with, as written: one, or the arguments of a function.
        function: The function of a Monitoring filter, or nothing.
        negated: Whether NOT stands before it.
    """

    path: str
    operator: str
    literals: tuple[str, ...]
    function: str = ""
    negated: bool = False

    @property
    def values(self) -> tuple[str, ...]:
        """Return the literals without quotes and escapes."""
        return tuple(map(unquoted, self.literals))

    def __str__(self) -> str:
        """Return the comparison as a filter has it."""
        value = ", ".join(self.literals)
        value = f"{self.function}({value})" if self.function else value
        return f"{'NOT ' * self.negated}{self.path}{self.operator}{value}"


@dataclass(frozen=True, slots=True)
class Group:
    """Terms in parentheses.

    Attributes:
        terms: The terms.
        negated: Whether NOT stands before them.
        choice: Whether one of them is enough; otherwise all have to hold.
    """

    terms: tuple[LogTerm, ...]
    negated: bool = False
    choice: bool = False

    def __str__(self) -> str:
        """Return the group as a filter has it."""
        word = " OR " if self.choice else " AND "
        return f"{'NOT ' * self.negated}({word.join(map(str, self.terms))})"


LogTerm: TypeAlias = LogId | Comparison | Group


@dataclass(frozen=True, slots=True)
class Extractor:
    """``EXTRACT(path)``, or ``REGEXP_EXTRACT(path, "…")`` where there is a literal."""

    path: str
    literal: str | None = None

    def __str__(self) -> str:
        """Return the extractor as a policy has it."""
        if self.literal is None:
            return f"EXTRACT({self.path})"
        return f"REGEXP_EXTRACT({self.path}, {self.literal})"


def parse_log_terms(text: str) -> tuple[LogTerm, ...]:
    """Return the terms of a Cloud Logging filter, all of which have to hold.

    Raises:
        FilterError: It holds something that is not supported.
    """
    return tuple(_parse(text, "log_filter"))


def parse_comparisons(text: str) -> tuple[Comparison, ...]:
    """Return the comparisons of a Cloud Monitoring filter, all of which have to hold.

    Raises:
        FilterError: It holds something that is not supported.
    """
    return tuple(_parse(text, "monitoring_filter"))


def parse_extractor(text: str) -> Extractor:
    """Return a label extractor.

    Raises:
        FilterError: It is neither of the two functions that are supported.
    """
    extractor: Extractor = _parse(text, "extractor")
    return extractor


def unquoted(literal: str) -> str:
    """Return the text of a literal: a word, or a string in quotes."""
    return _ESCAPED.sub(r"\1", literal[1:-1]) if literal.startswith('"') else literal


def _parse(text: str, start: str) -> Any:
    try:
        return _Terms().transform(_parser().parse(text, start=start))
    except UnexpectedInput as error:
        if isinstance(error, UnexpectedToken) and error.token.type == "$END":
            raise FilterError(f"{quote(text)} ends too early; {_SUPPORTED[start]}") from None
        rest = text[error.pos_in_stream :].splitlines()[0]
        at = f"line {error.line}, column {error.column} of the {start.rpartition('_')[2]}"
        raise FilterError(f"{quote(rest)} ({at}) is not supported; {_SUPPORTED[start]}") from None


@cache
def _parser() -> Lark:
    return Lark.open(
        "filters.lark",
        rel_to=__file__,
        parser="lalr",
        start=["log_filter", "monitoring_filter", "extractor"],
    )


@v_args(inline=True)
class _Terms(Transformer[Token, object]):
    """Makes the terms of the grammar's rules."""

    def log_filter(self, *terms: LogTerm) -> tuple[LogTerm, ...]:
        return terms

    def log_group(self, negation: Token | None, *terms: LogTerm) -> Group:
        return Group(terms, negation is not None)

    def log_choice(self, negation: Token | None, *terms: LogTerm) -> Group:
        return Group(terms, negation is not None, choice=True)

    def log_id(self, negation: Token | None, literal: Token) -> LogId:
        return LogId(str(literal), negation is not None)

    def log_comparison(
        self, negation: Token | None, path: Token, operator: Token, literal: Token
    ) -> Comparison:
        return Comparison(str(path), str(operator), (str(literal),), "", negation is not None)

    def monitoring_filter(self, *comparisons: Comparison) -> tuple[Comparison, ...]:
        return comparisons

    def comparison(self, path: Token, operator: Token, *value: Token) -> Comparison:
        *function, literals = (str(value[0]), value[1:]) if len(value) > 1 else (value,)
        return Comparison(
            str(path), str(operator), tuple(map(str, literals)), "".join(map(str, function))
        )

    def extractor(self, path: Token, literal: Token | None = None) -> Extractor:
        return Extractor(str(path), None if literal is None else str(literal))
