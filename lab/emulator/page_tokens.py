"""Pages of a listing, and the tokens that lead from one to the next."""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from lab.emulator.status_errors import invalid_argument

if TYPE_CHECKING:
    from collections.abc import Sequence

Item = TypeVar("Item")


class PageRange(NamedTuple):
    """The part of a listing that a request is about.

    Attributes:
        start: The index of its first item.
        size: How many items it holds at most.
        listing: What is listed; a token made for another listing is refused.
    """

    start: int
    size: int
    listing: str

    def cut(self, items: Sequence[Item]) -> tuple[Sequence[Item], str]:
        """Return the page's items, and the token of the next page, empty after the last one."""
        stop = self.start + self.size
        return items[self.start : stop], self.token(stop) if stop < len(items) else ""

    def token(self, start: int) -> str:
        """Return the token of the page of this listing that begins at an index."""
        return base64.urlsafe_b64encode(json.dumps([start, self.listing]).encode()).decode()


def page_range(request: Any, listing: str, *, default: int, largest: int) -> PageRange:
    """Return the part of a listing that a request asks for.

    Args:
        request: Has a page_size (0: the default) and a page_token.
        listing: What is listed.
        default: The page size of a request without one.
        largest: The largest page size; a larger one is cut down to it.

    Raises:
        StatusError: The size is negative, or the token was made for another request.
    """
    if request.page_size < 0:
        raise invalid_argument("The page size must not be negative.")
    size = min(request.page_size or default, largest)
    if not request.page_token:
        return PageRange(0, size, listing)
    try:
        start, made_for = json.loads(base64.urlsafe_b64decode(request.page_token))
    except (binascii.Error, UnicodeDecodeError, ValueError, TypeError):
        raise invalid_argument("The page token is invalid.") from None
    if made_for != listing:
        raise invalid_argument("The page token is invalid: it was made for another request.")
    return PageRange(start, size, listing)
