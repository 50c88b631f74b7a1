"""The dashboard as Terraform renders it, and what its queries ask for."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import promql_parser as promql

if TYPE_CHECKING:
    from collections.abc import Iterator

TERRAFORM = Path(__file__).parents[2] / "terraform"
FILE = TERRAFORM / "dashboard.json"
NAME = "datastream-exporter"
"""The name that the module's own replaces."""

EXPORTERS_LOG = "Log of the exporter"
"""The panel that shows the logs of the job's project."""

VARIABLE = re.compile(r"\$\{(\w+)\.value\}")


def rendered(name: str, watched: tuple[str, ...], job: str) -> Any:
    """Return what dashboard.tf makes of a name, the watched projects and the job's project."""
    document = json.loads(FILE.read_text("utf-8").replace(NAME, name))
    for widget in widgets(document):
        if "logsPanel" in widget:
            projects = (job,) if widget["title"] == EXPORTERS_LOG else sorted(watched)
            widget["logsPanel"]["resourceNames"] = [f"projects/{each}" for each in projects]
    return document


def widgets(document: Any) -> Iterator[Any]:
    """Yield every widget, in the file's order."""
    for tile in document["mosaicLayout"]["tiles"]:
        yield tile["widget"]


def everything(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield every value inside of a JSON value, with the key that it stands under."""
    pairs = value.items() if isinstance(value, dict) else (("", each) for each in value)
    for key, each in pairs:
        yield key, each
        if isinstance(each, (dict, list)):
            yield from everything(each)


def queries(widget: Any) -> list[str]:
    """Return a widget's PromQL, as it stands in the file."""
    return [each for key, each in everything(widget) if key == "prometheusQuery"]


def whole(query: str) -> str:
    """Return a query in which a variable stands for its own name, an interval for a minute."""
    return VARIABLE.sub(r"\1", query).replace("${__interval}", "1m")


def parsed(query: str) -> promql.Expr:
    """Parse a query.

    Raises:
        ValueError: It is no PromQL.
    """
    expression: promql.Expr = promql.parse(whole(query))
    return expression


def nodes(expression: promql.Expr) -> list[promql.Expr]:
    """Return an expression and all that it is made of."""
    found: list[promql.Expr] = []
    promql.walk(expression, found.append)
    return found


def selectors(query: str) -> list[promql.VectorSelector]:
    """Return what a query asks for, with the values that it is narrowed to."""
    return [each for each in nodes(parsed(query)) if isinstance(each, promql.VectorSelector)]
