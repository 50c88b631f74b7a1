"""Times and lists in words, as tables and reviews show them."""

from collections.abc import Sequence

from lab.durations import format_duration


def short(seconds: float) -> str:
    """Return whole seconds as people write durations, such as ``1h12m10s``."""
    return format_duration(round(seconds))


def first_and_more(words: Sequence[str], most: int, separator: str = ", ") -> str:
    """Return the first words of a list and how many more there are: ``a, b and 1,200 more``."""
    more = len(words) - most
    return separator.join(words[:most]) + (f" and {more:,} more" if more > 0 else "")
