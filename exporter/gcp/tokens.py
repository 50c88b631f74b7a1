"""The access tokens that calls have, so that no text of a server's shows one.

A server, or a proxy on the way to it, can repeat a request's headers in what it answers.
"""

from __future__ import annotations

from collections import deque

HIDDEN = "[access token]"

_MOST = 16
"""Tokens that are remembered. One is used for an hour, and its calls end within minutes."""

_used: deque[str] = deque(maxlen=_MOST)


def remember(token: str) -> None:
    """Hide a token from now on."""
    if token not in _used:
        _used.append(token)


def without_tokens(text: str) -> str:
    """Return a text with a placeholder for each token in it."""
    for token in list(_used):
        text = text.replace(token, HIDDEN)
    return text
