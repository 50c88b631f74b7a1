"""Reads and prints durations as Prometheus does: ``1h12m30s``, ``500ms``."""

from promql_parser import parse_duration

from exporter.text import quote


def parse_seconds(text: str) -> float:
    """Return the seconds that a text means, or raise ValueError with a sentence."""
    # The parser refuses nothing but this of what Prometheus reads.
    if text == "0s":
        return 0.0
    try:
        return parse_duration(text).total_seconds()
    except (ValueError, OverflowError):
        raise ValueError(
            f"{quote(text)} is not a duration; write for example 30s, 15m or 1h12m30s"
        ) from None


def format_duration(seconds: float) -> str:
    """Return seconds as :func:`parse_seconds` reads them, to a tenth."""
    hours, tenths = divmod(round(abs(seconds) * 10), 36_000)
    minutes, tenths = divmod(tenths, 600)
    text = "-" if seconds < 0 else ""
    if hours:
        text += f"{hours}h"
    if minutes:
        text += f"{minutes}m"
    if tenths or not (hours or minutes):
        text += f"{tenths / 10:g}s"
    return text
