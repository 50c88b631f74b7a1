"""config.yaml as one validated, frozen value."""

from __future__ import annotations

from exporter.config.environment import PREFIX, WHOLE, variables
from exporter.config.load import Loaded, from_data, from_document, from_text, load
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
from exporter.inputs.input_errors import InputError

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
