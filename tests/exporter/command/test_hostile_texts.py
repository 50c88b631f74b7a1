"""Texts from an API never reach a terminal or a log as they came."""

import pytest

from tests.exporter.command.conftest import DISCOVERING, LISTING, Shop

HOSTILE = "a\x1b[2J\x1b]0;t\x07\0\n\r\u202eb\u200f\x9b31m\u2028"


every_command = pytest.mark.parametrize(
    "argv", [["run"], ["run", "--dry-run"], ["check"]]
)


@pytest.fixture
def hostile(shop: Shop) -> Shop:
    """Return a world with hostile ids, labels, errors and refusals."""
    error = {"reason": f"1{HOSTILE}", "message": f"2{HOSTILE}"}
    shop.europe |= {
        "id": f"3{HOSTILE}",
        "streams": [
            {"id": f"4{HOSTILE}", "state": "FAILED", "errors": [error]},
            {"id": "orders", "labels": {"expected-state": f"5{HOSTILE}"}},
        ],
    }
    shop.faults = [
        {"method": "ListStreamObjects", "code": "NOT_FOUND", "message": HOSTILE}
    ]
    shop.config = DISCOVERING + "collect: {objects: true}\n"
    return shop


@every_command
def test_ids_labels_and_errors_are_escaped(hostile: Shop, argv: list[str]) -> None:
    """All lines of stdout and stderr are printable, and all fields on Cloud Run."""
    ended = hostile.command(*argv)
    for line in (ended.out + ended.err).split("\n"):
        assert line.isprintable()
    assert r"a\x1b[2J" in ended.out
    for entry in hostile.job(*argv).log:
        for value in entry.values():
            texts = value if isinstance(value, list) else [value]
            for text in texts:
                assert str(text).isprintable()


@every_command
def test_the_texts_of_errors_can_be_left_out(shop: Shop, argv: list[str]) -> None:
    """Texts may hold values of rows: without them, reasons and numbers stay."""
    errors = [{"reason": "SLOT", "message": "row 4711"}] * 2
    shop.europe["streams"] = [
        {"id": "orders", "errors": errors},
        {"id": "carts", "state": "FAILED", "errors": errors},
    ]
    shop.config = LISTING + "collect: {error_texts: false}\n"
    for ended in (shop.command(*argv), shop.job(*argv)):
        said = ended.out + ended.err
        assert "row" not in said
        assert "is RUNNING with 2 errors: SLOT" in said
        assert "failed; Datastream keeps retrying: SLOT" in said
