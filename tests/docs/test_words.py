"""The words in backticks in the docs exist in the code."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter import config
from exporter.documents.document import packaged
from lab.cli.main import COMMANDS, command_parser
from tools import ROOT, config_reference, generate

# The words of files that aren't Python: the form of a word, by file
WORDS = {
    "Makefile": r"^[a-z]+(?=:)",
    "exporter/metrics.yaml": r"[\w/]+(?=:)",
    "alerting_policies/**/*.yaml": r"\w+(?=:)",
    "terraform/**/*.tf": r"[\w./-]+",
}
# What needs no place in the code
FORMS = (
    r"\d+(ms|s|m|h|h\d+m\d+s)?",  # numbers and durations
    r"roles/\S+",  # Google's
    r"\S*[a-z./-][A-Z]{4,}\S*",  # with a part in capitals to fill in
    r"[A-Z]{4,}[./-]\S*",
    r"[./*-]*",
)
FORM = re.compile("|".join(FORMS))
# Blocks that other tests run, and those that come from the code
BLOCKS = re.compile(r"^ *```.*?^ *```$|<!-- begin.*?<!-- end", re.DOTALL | re.MULTILINE)
# Words that are none of the code's, by the reason
FOREIGN = {
    "commands of other programs": """
        apt-get install brew python3-venv --platform linux/amd64 application-default
        login import -chdir -detailed-exitcode -replace ref""",
    "names of others": """
        GOOGLE_APPLICATION_CREDENTIALS GOOGLE_PROJECT NO_COLOR RetryInfo chat
        modifiedGrantsByRole cloudresourcemanager.googleapis.com
        max_slot_wal_keep_size wal binlog
        serviceusage.googleapis.com serverless-robot-prod.iam.gserviceaccount.com""",
    "examples": """
        my-world.yaml europe-wset1 europe-west13 /config/config.yaml payments
        //terraform COMMIT module.datastream_exporter.""",
    "put together from several words": """
        datastream_stream_state datastream_stream_* _location_* _private_connection_*
        datastream-exporter-build datastream-exporter-cron datastream-exporter-push
        custom.googleapis.com/datastream/ custom.googleapis.com/datastream/stream/state
        WATCHED""",
    "outcomes in capitals": "MISSED EARLY LATE EXTRA",
}


def _words_in(module: Path) -> Iterator[str]:
    """Yield the texts of a module, and the names of its classes' fields."""
    for node in ast.walk(ast.parse(module.read_text("utf-8"))):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


@pytest.fixture(scope="module")
def known() -> set[str]:
    """Return the words that Python, YAML, Terraform and make know."""
    words = set(config.VARIABLES)
    words.update(row.key for row in config_reference.key_descriptions())
    words.update(" ".join(FOREIGN.values()).split())
    for command in COMMANDS:
        words.update(re.findall(r"--[\w-]+", command_parser(command).format_help()))
    for package in ("exporter", "lab"):
        for module in (ROOT / package).rglob("*.py"):
            words.update(_words_in(module))
    for files, form in WORDS.items():
        for file in ROOT.glob(files):
            words.add(file.stem)
            words.update(re.findall(form, file.read_text("utf-8"), re.MULTILINE))
    return words | {part for word in words for part in word.split("/")}


def _is_file(word: str, page: Path) -> bool:
    folders = (
        ROOT,
        ROOT / "exporter",
        ROOT / "lab",
        page.parent,
    )
    return any((folder / word).exists() for folder in folders)


@pytest.mark.parametrize("page", generate.PAGES, ids=lambda page: page.name)
def test_each_word_in_backticks_exists(page: Path, known: set[str]) -> None:
    """Every option, key, event, fault and file that a page names exists in the code."""
    prose = BLOCKS.sub("", page.read_text("utf-8"))
    unknown = []
    for span in re.findall(r"`([^`]+)`", prose):
        if span in known:
            continue
        for word in re.split(r"[^\w./*-]+", span):
            if word in known or known.issuperset(word.split(".")):
                continue
            if FORM.fullmatch(word) or _is_file(word, page):
                continue
            unknown.append(word)
    assert unknown == []


def test_the_list_of_events_is_that_of_the_code(known: set[str]) -> None:
    """Every event that the exporter logs is listed, and each listed field exists."""
    events = packaged("exporter", "events.yaml")
    fields: set[str] = set()
    for event in events.values():
        fields.update(event["fields"])
    assert known.issuperset(fields)
    words: set[str] = set()
    for module in ("run_log", "summary"):
        words.update(_words_in(ROOT / "exporter" / "log" / f"{module}.py"))
    names = {word for word in words if re.fullmatch("[a-z]+_[a-z]+", word)}
    assert names - fields == events.keys() - {"run"}
