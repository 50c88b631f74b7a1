"""Answers that are wrong, as Google's own clients see them."""

from typing import Any

import pytest
from google.api_core import exceptions
from google.protobuf.message import DecodeError

from tests.lab.emulator.conftest import Serve

EUROPE = "projects/shop/locations/europe-west1"
LOCATION = {"id": "europe-west1", "streams": [{"id": "s{}", "count": 3}]}
WORLD: dict[str, Any] = {
    "projects": [{"id": "shop", "number": 1, "locations": [LOCATION]}]
}


def test_a_page_can_come_twice(serve: Serve) -> None:
    """A fault can make a page's token lead to the same page again."""
    fault = {"answer": "same_page", "times": 1}
    served = serve(WORLD | {"largest_page": {"ListStreams": 2}, "faults": [fault]})
    pages = served.datastream.list_streams(parent=EUROPE).pages
    names = [[stream.name[-2:] for stream in page.streams] for page in pages]
    assert names == [
        ["s1", "s2"],
        ["s1", "s2"],
        ["s3"],
    ]


@pytest.mark.parametrize(
    ("fault", "raised"),
    [
        ({"answer": "garbled"}, exceptions.InternalServerError),
        ({"answer": "garbled", "code": "UNAVAILABLE"}, DecodeError),
        ({"answer": "too_large"}, exceptions.ResourceExhausted),
    ],
)
def test_an_answer_can_be_useless(
    serve: Serve, fault: dict[str, str], raised: type[Exception]
) -> None:
    """A fault can make an answer too large, or impossible to parse."""
    with pytest.raises(raised):
        serve(WORLD | {"faults": [fault]}).datastream.list_streams(parent=EUROPE)
