"""Variables in what a page says, such as ``${project}``.

Cloud Monitoring puts ``(none)`` in the place of one that it does not know:
https://cloud.google.com/monitoring/alerts/doc-variables
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from exporter.inputs.spelling import hint
from exporter.text import quote

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.policies.labels import Labels

PROJECT = "project"
METRIC = "metric_or_resource.label."
LOG = "log.extracted_label."

_VARIABLE = re.compile(r"\$\{([^{}$]*)(\}?)")


def mistakes_in(text: str, labels: Labels, *, is_log: bool) -> Iterator[str]:
    """Return a sentence for each variable that would stay empty.

    Args:
        text: What a page says.
        labels: What the query's result carries, or what is extracted from a log entry.
        is_log: Whether it is a log entry that pages.
    """
    prefix = LOG if is_log else METRIC
    lacking = "no such label is extracted" if is_log else "the query's result carries no such label"
    for found in _VARIABLE.finditer(text):
        name = found[1]
        if not found[2]:
            yield f"{quote(found[0])} opens a variable and never closes it; write }} after its name"
        elif name == PROJECT:
            continue
        elif not name.startswith(prefix):
            yield (
                f"{quote(found[0])} is no variable that is used here; write "
                f'"${{{PROJECT}}}" or "${{{prefix}KEY}}"'
            )
        elif (key := name.removeprefix(prefix)) not in labels:
            yield f"{quote(found[0])}: {lacking}; {hint(key, sorted(labels.names))}"
