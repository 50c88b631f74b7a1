"""Good and bad configs, each in a file, next to the errors expected for the bad ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from exporter.config import Config, InputError, from_text

CASES = Path(__file__).parent / "cases"
GOOD = sorted(CASES.glob("*.ok.yaml"))
BAD = sorted(CASES.glob("*.bad.yaml"))


def test_there_are_cases() -> None:
    """A moved folder does not make this module pass without testing anything."""
    assert GOOD
    assert BAD


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.name)
def test_good_config_is_read(path: Path) -> None:
    """A good config becomes a Config without a warning."""
    loaded = from_text(path.read_text(), "config.yaml", {})

    assert isinstance(loaded.config, Config)
    assert loaded.warnings == ()


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.name)
def test_every_mistake_is_reported_at_once(path: Path) -> None:
    """A bad config gives a sentence for each mistake, in the order of lines."""
    with pytest.raises(InputError) as caught:
        from_text(path.read_text(), "config.yaml", {})

    assert str(caught.value) + "\n" == path.with_suffix(".txt").read_text()
