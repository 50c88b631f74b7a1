"""Reads config.yaml as one validated, frozen value."""

from exporter.config.load import (
    WHOLE,
    from_data,
    from_document,
    from_text,
    load,
    variables,
)
from exporter.config.model import Config, Endpoints, Expectation, Source, Window

__all__ = [
    "WHOLE",
    "Config",
    "Endpoints",
    "Expectation",
    "Source",
    "Window",
    "from_data",
    "from_document",
    "from_text",
    "load",
    "variables",
]
