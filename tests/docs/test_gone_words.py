"""Words of what is gone: a removal adds its own, and so finds what still has them."""

from itertools import chain

from tests.tables import rows
from tools import ROOT

READ = (
    "*.md",
    "docs/*.md",
    "terraform/*.md",
    "terraform/*.tf",
    "terraform/examples/*/*.tf",
    "alerting_policies/**/*.yaml",
    "exporter/**/*.py",
    "exporter/**/*.yaml",
    "exporter/**/*.template",
    "lab/**/*.py",
)
FILES = chain.from_iterable(map(ROOT.glob, READ))
TEXTS = {path: path.read_text("utf-8") for path in FILES}


@rows
def test_nothing_speaks_of_what_is_gone(word: str) -> None:
    """No page, policy, scenario, help text or comment has the word."""
    assert [path for path, text in TEXTS.items() if word in text] == []
