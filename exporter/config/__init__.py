"""Reads config.yaml as one validated, frozen value."""

from exporter.config.load import (
    PREFIX,
    WHOLE,
    Loaded,
    from_data,
    from_document,
    from_text,
    load,
    variables,
)
from exporter.config.model import (
    Collect,
    Config,
    Endpoints,
    Expectation,
    Metrics,
    Run,
    Source,
    Window,
)
from exporter.documents import InputError

__all__ = [
    "PREFIX",
    "WHOLE",
    "Collect",
    "Config",
    "Endpoints",
    "Expectation",
    "InputError",
    "Loaded",
    "Metrics",
    "Run",
    "Source",
    "Window",
    "from_data",
    "from_document",
    "from_text",
    "load",
    "variables",
]
