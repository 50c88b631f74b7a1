"""A notification as Slack's mrkdwn.

https://docs.slack.dev/messaging/formatting-message-text
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from exporter.text import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lab.preview.markup import Block, Span
    from lab.preview.notification import Notification

_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_MENTION = re.compile(r"(<(?:!subteam\^|!channel|!here|@)[A-Z0-9]*>)")
"""The mentions that Terraform's ``slack_mentions`` appends to a text."""


def slack_text(shown: Notification, blocks: Sequence[Block]) -> str:
    """Return a notification with these blocks of its text as mrkdwn."""
    text = f"*{_filled(shown, shown.policy.subject)}*"
    for before, block in zip((None, *blocks), blocks, strict=False):
        line = "".join(_span(shown, span, bold=block.heading or span.bold) for span in block.spans)
        marker = {"": "", "-": "• "}.get(block.marker, f"{block.marker} ")
        text += "\n" if before and before.marker and marker else "\n\n"
        text += marker + line
    links = [f"<{shown.url(url)}|{_filled(shown, name)}>" for name, url in shown.policy.links]
    return "\n\n".join([text, " · ".join(links)]).rstrip()


def _span(shown: Notification, span: Span, *, bold: bool) -> str:
    text = _filled(shown, span.text)
    if span.code:
        text = f"`{text}`"
    if span.url:
        text = f"<{shown.url(span.url)}|{text}>"
    if span.italic:
        text = f"_{text}_"
    return f"*{text}*" if bold else text


def _filled(shown: Notification, text: str) -> str:
    """Return a text with its variables filled; only the policy's own mentions are mentions."""
    parts = _MENTION.split(text)
    own = (part if place % 2 else part.translate(_ESCAPES) for place, part in enumerate(parts))
    # A value stays on its line, and can't end a code span.
    return shown.fill(
        "".join(own), lambda value: printable(value).translate(_ESCAPES).replace("`", "'")
    )
