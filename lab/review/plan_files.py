"""Telling a plan, as ``terraform show -json`` prints it, from all that is given in its place.

https://developer.hashicorp.com/terraform/internals/json-format
"""

from __future__ import annotations

import json
import re
from typing import Any

from exporter.text import quote

STDIN_NAME = "standard input"

_ZIP = b"PK\x03\x04"
_FOR_PEOPLE = (b"will perform the following actions", b"No changes.")
_VERSION = re.compile(r"1\.[0-9]+")

WANTED = "give what `terraform show -json PLANFILE` prints"
"""What to do, as a sentence ends."""


class OtherwiseError(Exception):
    """It is not what it should be; ``str()`` says what it is, and what to do."""


def document_of(content: bytes, file: str) -> dict[str, Any]:
    """Return the plan that ``terraform show -json`` printed, as plain data.

    Args:
        content: All of it.
        file: What to call it in sentences.

    Raises:
        OtherwiseError: It is something else.
    """
    if content.startswith(_ZIP):
        named = "PLANFILE" if file == STDIN_NAME else file
        raise OtherwiseError(
            "is the plan file itself, which Terraform alone can read; give what "
            f"`terraform show -json {named}` prints"
        )
    if not content.strip():
        raise OtherwiseError(f"is empty; did the command that made it fail? If not, {WANTED}")
    try:
        document = json.loads(content, parse_constant=_no_constant)
    except ValueError:
        raise OtherwiseError(_what_text(content)) from None
    if not isinstance(document, dict):
        raise OtherwiseError(f"is JSON, but no plan; {WANTED}")
    if "planned_values" not in document and "resource_changes" not in document:
        raise OtherwiseError(_what_object(document))
    version = document.get("format_version")
    if not isinstance(version, str) or not _VERSION.fullmatch(version):
        raise OtherwiseError(
            f"its format_version is {quote(version)}, and only 1.x is known here; use Terraform "
            "1.1 or later, or a newer version of this program"
        )
    return document


def _no_constant(name: str) -> None:
    raise ValueError(name)


def _what_text(content: bytes) -> str:
    if b'"@level"' in content[:1000]:
        return f"is the log of `terraform plan -json`, which holds no whole policy; {WANTED}"
    if any(words in content for words in _FOR_PEOPLE):
        return f"is a plan as people read it; {WANTED}"
    return f"is no JSON; {WANTED}"


def _what_object(document: dict[str, Any]) -> str:
    if "@level" in document:
        return f"is the log of `terraform plan -json`, which holds no whole policy; {WANTED}"
    if "values" in document or {"serial", "lineage"} & document.keys():
        return (
            "is a state, which says what there is and not what changes; make a plan with "
            "`terraform plan -out=PLANFILE`, and give what `terraform show -json PLANFILE` prints"
        )
    return f"is JSON, but no plan; {WANTED}"
