"""Pages of a listing, and the tokens that lead from one to the next."""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from lab.emulator.status_errors import invalid_argument

if TYPE_CHECKING:
    from collections.abc import Sequence

Item = TypeVar("Item")


class PageRange(NamedTuple):
    """Which part of a listing a request asks for."""

    start: int
    size: int

    def cut(self, items: Sequence[Item]) -> Sequence[Item]:
        """Return the window's items."""
        return items[self.start : self.start + self.size]


def page_range(
    page_size: int, page_token: str, *, default: int, largest: int, of: str
) -> PageRange:
    """Return the part of a listing that a request asks for.

    Args:
        page_size: As requested; 0 means ``default``, more than ``largest`` means ``largest``.
        page_token: As requested.
        default: The page size of a request that says none.
        largest: The largest page size.
        of: What is listed; a token made for another listing is refused.

    Raises:
        Refused: The size is negative, or the token was made for another request.
    """
    if page_size < 0:
        raise invalid_argument("The page size must not be negative.")
    size = min(page_size or default, largest)
    if not page_token:
        return PageRange(0, size)
    try:
        start, made_for = json.loads(base64.urlsafe_b64decode(page_token))
    except (binascii.Error, UnicodeDecodeError, ValueError, TypeError):
        raise invalid_argument("The page token is invalid.") from None
    if made_for != of:
        raise invalid_argument("The page token is invalid: it was made for another request.")
    return PageRange(start, size)


def token(start: int, *, of: str) -> str:
    """Return the token of the page that starts at ``start``."""
    return base64.urlsafe_b64encode(json.dumps([start, of]).encode()).decode()


def next_token(at: PageRange, total: int, *, of: str) -> str:
    """Return the token of the page after ``at``, empty after the last one."""
    after = at.start + at.size
    return token(after, of=of) if after < total else ""
