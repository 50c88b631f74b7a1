"""Spans of time, written as scenario files write them."""

from __future__ import annotations

_UNITS = (("h", 3600.0), ("m", 60.0))


def span(seconds: float) -> str:
    """Return seconds as a scenario file writes them, such as ``1h12m30s``; to a tenth, if any."""
    left = round(seconds, 1)
    text = ""
    for unit, size in _UNITS:
        whole = int(left // size)
        left -= whole * size
        text += f"{whole}{unit}" if whole else ""
    return f"{text}{left:.1f}".removesuffix(".0") + "s" if round(left, 1) or not text else text
