"""What can be changed in one place of a filter on log entries and of its label extractors."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from lab.filters.log_filter import SEVERITIES, LogFilter, parse_extractor, parse_log_filter
from lab.filters.syntax import Comparison, Group
from lab.mutate.choices import without_one_choice

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lab.filters.syntax import LogTerm

_TURNED = {"<": "<=", "<=": "<", ">": ">=", ">=": ">"}


class FilterChange(NamedTuple):
    """What was changed, described, and the whole filter that came of it."""

    description: str
    text: str


def filter_changes(text: str) -> Iterator[FilterChange]:
    """Yield a filter changed in one place each.

    Raises:
        FilterError: The filter is not supported.
    """
    for description, terms in _terms_changes(parse_log_filter(text).terms):
        yield FilterChange(description, str(LogFilter(terms)))


def extractor_changes(extractors: Mapping[str, str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield what was changed, described, and the extractors of labels that came of it.

    Raises:
        FilterError: An extractor is not supported.
    """
    for key, text in extractors.items():
        yield (
            f"label {key} left out",
            {name: extractors[name] for name in extractors if name != key},
        )
        extractor = parse_extractor(text)
        for choice, fewer in without_one_choice((extractor.literal or "").strip('"')):
            changed = replace(extractor, literal=f'"{fewer}"')
            yield f"label {key} without {choice}", {**extractors, key: str(changed)}


def _terms_changes(terms: tuple[LogTerm, ...]) -> Iterator[tuple[str, tuple[LogTerm, ...]]]:
    """Yield each change of one of the terms, described, and all terms with it."""
    for index, term in enumerate(terms):
        before, after = terms[:index], terms[index + 1 :]
        yield f"{term} left out", (*before, *after)
        for how, changed in _term_changes(term):
            yield f"{term} {how}", (*before, changed, *after)
        if isinstance(term, Group):
            for description, inner in _terms_changes(term.terms):
                if inner:
                    yield description, (*before, replace(term, terms=inner), *after)


def _term_changes(term: LogTerm) -> Iterator[tuple[str, LogTerm]]:
    yield f"{'without' if term.negated else 'with'} NOT", replace(term, negated=not term.negated)
    if not isinstance(term, Comparison):
        return
    (literal,) = term.literals
    if term.path == "severity" and literal in SEVERITIES and not term.negated:
        rank = SEVERITIES.index(literal)
        for other in SEVERITIES[max(rank - 1, 0) : rank + 2]:
            if other != literal:
                yield f"→ {other}", replace(term, literals=(other,))
        if turned := _TURNED.get(term.operator):
            yield f"→ {turned}", replace(term, operator=turned)
    if term.operator == "=~":
        for choice, fewer in without_one_choice(literal.strip('"')):
            yield f"without {choice}", replace(term, literals=(f'"{fewer}"',))
        if literal.endswith('$"'):
            yield "without $", replace(term, literals=(f'{literal[:-2]}"',))
