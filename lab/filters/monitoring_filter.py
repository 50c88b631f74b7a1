"""Filters of ListTimeSeries and ListMetricDescriptors, evaluated against a series' fields."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from lark import Token, Transformer, v_args

from lab.filters.syntax import parse, unquoted

_FUNCTIONS: dict[str, Callable[[str, tuple[str, ...]], bool]] = {
    "": lambda value, arguments: value == arguments[0],
    "starts_with": lambda value, arguments: value.startswith(arguments[0]),
    "ends_with": lambda value, arguments: value.endswith(arguments[0]),
    "has_substring": lambda value, arguments: arguments[0] in value,
    "one_of": lambda value, arguments: value in arguments,
    "monitoring.regex.full_match": lambda value, arguments: bool(re.fullmatch(arguments[0], value)),
}


@dataclass(frozen=True, slots=True)
class _Comparison:
    """A comparison of a field; ``equal`` says whether its operator is ``=``, not ``!=``."""

    field: str
    equal: bool
    function: str
    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MonitoringFilter:
    """A filter on series or descriptors; each of its comparisons has to hold."""

    comparisons: tuple[_Comparison, ...]

    def names(self, field: str) -> bool:
        """Return whether the filter compares a field."""
        return any(each.field == field for each in self.comparisons)

    def accepts(self, fields: Mapping[str, str]) -> bool:
        """Return whether fields such as ``metric.type`` pass; a missing one is empty."""
        return all(
            _FUNCTIONS[each.function](fields.get(each.field, ""), each.arguments) is each.equal
            for each in self.comparisons
        )


def parse_monitoring_filter(text: str) -> MonitoringFilter:
    """Return the Cloud Monitoring filter that a text holds.

    Raises:
        FilterError: It holds something that is not supported.
    """
    return MonitoringFilter(parse(text, "monitoring_filter", _Terms()))


@v_args(inline=True)
class _Terms(Transformer[Token, object]):
    """Makes comparisons of the grammar's rules."""

    def monitoring_filter(self, *comparisons: _Comparison) -> tuple[_Comparison, ...]:
        return comparisons

    def comparison(self, path: Token, operator: Token, *value: Token) -> _Comparison:
        # One spelling for metric.label.x, metric.labels.x and metric.labels."x".
        field = re.sub(r'\.labels?\."?([^"]+)"?$', r".labels.\1", path)
        function, literals = ("", value) if len(value) == 1 else (str(value[0]), value[1:])
        return _Comparison(field, operator == "=", function, tuple(map(unquoted, literals)))
