"""Reads config.yaml as one validated, frozen value."""

from exporter.config.load import (
    VARIABLES,
    WHOLE,
    from_data,
    from_document,
    from_text,
    is_verbose,
    load,
)
from exporter.config.model import Config, Endpoints, Expectation, Source, Window

__all__ = [
    "VARIABLES",
    "WHOLE",
    "Config",
    "Endpoints",
    "Expectation",
    "Source",
    "Window",
    "from_data",
    "from_document",
    "from_text",
    "is_verbose",
    "load",
]
