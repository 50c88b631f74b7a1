"""What is read as YAML, and the errors of what cannot be read."""

import re
from pathlib import Path
from typing import Annotated, Literal

import pytest
import yaml
from pydantic import Field

from exporter.documents.document import Section, parse, read_file
from exporter.documents.mistakes import InputError
from tests.conftest import mistakes
from tests.tables import beside, rows

WRONG_VALUES: dict[str, str] = beside(__file__, "wrong_values.yaml")


# Each line repeats the one before ten times.
ALIAS_BOMB = "a0: &a0 [x]\n" + "".join(
    f"a{line}: &a{line} [{', '.join([f'*a{line - 1}'] * 10)}]\n"
    for line in range(1, 12)
)


class Part(Section):
    """A model with keys of every kind."""

    name: Annotated[str, Field(max_length=12)] = ""
    size: Annotated[int, Field(ge=0, lt=10)] = 0
    shard: float = 0
    kind: Literal["small", "large"] = "small"
    sure: bool = True
    pairs: dict[str, int] = Field(default_factory=dict)
    steps: Annotated[tuple[int, ...], Field(min_length=2)] = (1, 2)


class First(Section):
    """One kind of change."""

    do: Literal["a"]


class Second(Section):
    """Another kind of change."""

    do: Literal["b"]
    size: int


class Whole(Part):
    """A model that contains others."""

    parts: tuple[Part, ...] = ()
    change: Annotated[First | Second, Field(discriminator="do")] | None = None


@pytest.fixture(params=["C", "Python"])
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run a test with each of PyYAML's parsers; the one in C is not in every build."""
    if request.param == "Python":
        monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
    return str(request.param)


def load(text: str) -> Whole:
    """Return a text as a model, or raise InputError."""
    document = parse(text, "f.yaml")
    return document.accepted(document.read(Whole))


@pytest.mark.usefixtures("parser")
@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("# nothing\n", "f.yaml: is empty"),
        ("name: a\n---\nname: b\n", "f.yaml:2:1: is not YAML (expected a single"),
        ("name: [a\nsize: 1", "f.yaml:2:5: is not YAML (while parsing a flow sequence"),
        ("name: 'a", "f.yaml:1:9: is not YAML (while scanning a quoted scalar"),
        ("name: a: b", "f.yaml:1:8: is not YAML (mapping values are not allowed"),
        ("name:\n\t- a", "f.yaml:2"),
        ("name: *a", "f.yaml:1:7: is not YAML (found undefined alias"),
        ("parts: &a [*a]", "f.yaml: nests too deep, or its aliases repeat too much"),
        (ALIAS_BOMB, "f.yaml: nests too deep, or its aliases repeat too much"),
        ("é\nsize: \x07", 'f.yaml:2: contains an invalid character ("\\x07"); remove'),
        ("name: \ud800", 'f.yaml:1: contains an invalid character ("\\ud800")'),
        ("[" * 900, "f.yaml"),
        ("[" * 9000, "f.yaml"),
        ("{{name}}: b", "f.yaml:1:1: is not YAML (a key must be text); indent"),
    ],
)
def test_unreadable_yaml_is_one_sentence(text: str, error: str) -> None:
    """Invalid YAML gives line, column and what to do, with either parser."""
    (sentence,) = mistakes(load, text)
    assert sentence.startswith(error)


@pytest.mark.usefixtures("parser")
@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("true", True),
        ("null", None),
        ("", None),
        ("-3", -3),
        ("1.5e3", 1500.0),
        *(
            (text, text)
            for text in ("no", "1:30", "2024-01-01", "1_0", "012", "9" * 5000)
        ),
        ("'12'", "12"),
        ("!!python/name:os.system a", "a"),
    ],
)
def test_words_are_read_as_json_has_them(written: str, value: object) -> None:
    """Numbers and words of JSON are values; quoted or any other, they are text."""
    assert parse(f"a: {written}", "f.yaml").data == {"a": value}


@pytest.mark.parametrize(("text", "error"), WRONG_VALUES.items())
def test_a_wrong_value_is_shown_with_its_place_and_what_is_allowed(
    text: str, error: str
) -> None:
    """A value of a wrong type or size is shown with line and key, in one sentence."""
    (sentence,) = mistakes(load, text)
    assert sentence.startswith(f"f.yaml:1: {error}")


def test_harmless_yaml_is_read() -> None:
    """A byte order mark, an alias, and a key without a value are no mistakes."""
    text = "\ufeffname: a\nsteps:\nparts: [&a {name: x}, *a]"

    read = load(text)
    assert read.name == "a"
    assert read.steps == (1, 2)
    assert [part.name for part in read.parts] == ["x", "x"]


@rows
def test_unreadable_file_is_one_sentence(tmp_path: Path, name: str, error: str) -> None:
    """A file that cannot be read as text is named, with what is wrong with it."""
    (tmp_path / "latin.yaml").write_bytes("name: ü".encode("latin-1"))
    (tmp_path / "big.yaml").write_bytes(b"#" * 10_000_000)

    with pytest.raises(InputError, match=re.escape(error)):
        read_file(str(tmp_path / name))
