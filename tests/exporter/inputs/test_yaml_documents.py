"""What is read as YAML, and what is said where it cannot be."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

from exporter.inputs import documents, yaml_nodes
from exporter.inputs.input_errors import InputError
from exporter.text import printable, quote


class Part(BaseModel):
    """A model with keys of every kind."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = ""
    size: int = 0
    shard: float = 0
    kind: Literal["small", "large"] = "small"
    either: int | bool | None = None
    pairs: dict[str, int] = {}


class Whole(Part):
    """A model that holds others."""

    parts: tuple[Part, ...] = ()


@pytest.fixture(params=["C", "Python"])
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run a test with each of PyYAML's parsers; the one in C is not in every build."""
    if request.param == "Python":
        monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
    return str(request.param)


def _told(text: str) -> str:
    with pytest.raises(InputError) as caught:
        documents.load(text, "f.yaml", Whole)
    return str(caught.value)


@pytest.mark.usefixtures("parser")
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "f.yaml: is empty"),
        ("# nothing\n", "f.yaml: is empty"),
        ("---\n", "f.yaml: is empty"),
        ("name: a\n---\nname: b\n", "f.yaml:2: a second document begins here"),
        ("name: [a\nsize: 1", "f.yaml:2:5: the [ that opens in line 1 is not closed"),
        ("parts: [{name: a", "is not closed"),
        ("name: 'a", "f.yaml:1:9: the quote that opens in line 1 is never closed"),
        ("name: a: b", "f.yaml:1:8: a colon is not allowed here"),
        ("name:\n\t- a", "f.yaml:2:1: a tab stands where YAML wants spaces"),
        ("name: @a", "f.yaml:1:7: text that begins with @ needs quotes"),
        ("name: *a", 'f.yaml:1: "*a" refers to an anchor that nothing above defines'),
        ("name: * a", "text that begins with * or & needs quotes"),
        ('name: "\\d"', "a backslash in double quotes begins an escape"),
        ("parts:\n  - name: a\n name: b", "f.yaml:3:2: the indentation does not fit"),
        ("size: 1\nname", "this key has no colon"),
        ("name: !x!y a", "f.yaml:1:7: a tag that is not known"),
        ("%x", "YAML cannot be read from here on"),
        ("parts: &a [*a]", 'f.yaml:1: "*a" stands inside what it refers to'),
        ("name: a\nsize: \x07", 'f.yaml:2:7: the character "\\x07" is not allowed'),
        ("name: a\x00", "f.yaml:1:8: the character"),
        ("name: \ud800", "f.yaml:1:7: the character"),
        ('name: "\\ud800"', "f.yaml:1"),
        ("name: " + "a" * yaml_nodes.MAX_BYTES, "f.yaml: is larger than 1 MiB"),
        ("[" * 60, "f.yaml:1: nests deeper than 50 levels"),
        ("[" * 5000, "nests deeper than 50 levels"),
        ("- " * 5000, "nests deeper than 50 levels"),
        ("? [a]\n: b", "f.yaml:1: a key has to be text, not a list or a mapping"),
        ("name: !!python/name:os.system a", "is not read here; remove it"),
    ],
)
def test_unreadable_yaml_is_answered_with_a_sentence(text: str, said: str) -> None:
    """Invalid YAML gives line, column and what to do, with either parser."""
    assert said in _told(text)


@pytest.mark.usefixtures("parser")
def test_aliases_that_multiply_are_refused() -> None:
    """A few lines of aliases cannot fill the memory."""
    lines = ["l0: &l0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]" for n in range(1, 9)]

    assert _told("\n".join(lines)).startswith("f.yaml:5: holds more than 100,000 values")


@pytest.mark.usefixtures("parser")
def test_aliases_that_deepen_are_refused() -> None:
    """Nesting is counted through aliases too."""
    lines = [f"l{n}: &l{n} " + "[" * 20 + (f"*l{n - 1}" if n else "x") + "]" * 20 for n in range(9)]

    assert _told("\n".join(lines)) == "f.yaml:3: nests deeper than 50 levels; write it flatter"


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("1:30", "1:30"),
        ("2024-01-01", "2024-01-01"),
        ("1_000", "1_000"),
        (".inf", ".inf"),
        ("1e999", "1e999"),
        ("9" * 5000, "9" * 5000),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("012", 12),
        ("-3", -3),
        ("0x1F", 31),
        ("0o17", 15),
        ("1.5e3", 1500.0),
        (".5", 0.5),
    ],
)
def test_words_are_read_as_yaml_1_2_has_them(written: str, value: object) -> None:
    """What YAML 1.1 made of no, on, times and dates stays the text that was written."""
    read = yaml_nodes.scalar(written)

    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("size: a", 'f.yaml:1: size: "a" stands where a whole number is needed'),
        ("size: 1.5", "f.yaml:1: size: 1.5 stands where a whole number is needed"),
        ("shard: a", 'f.yaml:1: shard: "a" stands where a number is needed'),
        ("name: 12", 'f.yaml:1: name: 12 is not text to YAML; put it in quotes: "12"'),
        ("name: [a]", "f.yaml:1: name: a list stands where text is needed"),
        ("kind: lage", 'f.yaml:1: kind: "lage" is not allowed; did you mean large?'),
        ("kind: 3", 'f.yaml:1: kind: 3 is not text to YAML; put it in quotes: "3"'),
        ("pairs: {a: b}", 'f.yaml:1: pairs.a: "b" stands where a whole number is needed'),
        ("pairs: {a b: c}", 'f.yaml:1: pairs."a b": "c" stands where'),
        ("either: a", 'f.yaml:1: either: "a" stands where a whole number is needed'),
        ("parts: {}", "f.yaml:1: parts: a mapping of keys stands where a list is needed"),
        ("parts: [a]", 'f.yaml:1: parts[0]: "a" stands where a mapping of keys is needed'),
        ("parts:\n  - nam: a", "f.yaml:2: parts[0].nam: is not a known key; did you "),
        ("- a", "f.yaml:1: a list stands where a mapping of keys is needed"),
        ("name: " + "[1, " * 30 + "]" * 30, "f.yaml:1: name: a list stands where text"),
    ],
)
def test_values_that_do_not_fit_are_told_in_plain_words(text: str, said: str) -> None:
    """A value of the wrong type is shown with its line, its key and what is needed there."""
    assert _told(text).startswith(said)


def test_at_most_fifty_mistakes_are_told() -> None:
    """Of very many mistakes fifty are told, and how many more there are."""
    told = _told("parts:\n" + "  - size: x\n" * 60).splitlines()

    assert len(told) == 51
    assert told[0].startswith("f.yaml:2: parts[0].size")
    assert told[-1] == "… and 10 more"


def test_byte_order_mark_is_no_part_of_the_text() -> None:
    """A file that an editor saved with a byte order mark is read as any other."""
    assert documents.load("\ufeffname: a", "f.yaml", Whole).name == "a"


def test_alias_holds_what_its_anchor_holds() -> None:
    """Anchors and aliases are read where they are harmless."""
    read = documents.load("parts: [&a {name: x}, *a]", "f.yaml", Whole)

    assert [part.name for part in read.parts] == ["x", "x"]


def test_key_without_value_counts_as_not_written() -> None:
    """A section whose keys are all commented out has its defaults."""
    assert documents.load("name: a\nparts:\n", "f.yaml", Whole).parts == ()


def test_part_keeps_the_lines_of_its_file() -> None:
    """A part of a document is validated on its own, and told of where it stands in the file."""
    part = documents.parse("name: a\nheld:\n  size: x\n", "f.yaml").part("held")

    assert part is not None
    assert part.read(Part) is None
    with pytest.raises(InputError, match=r'^f.yaml:3: held.size: "x" stands'):
        part.accepted(None)


def test_part_that_is_not_there_is_none() -> None:
    """Asking for a key that the document does not have gives None."""
    assert documents.parse("name: a", "f.yaml").part("held") is None
    assert documents.parse("[name]", "f.yaml").part("held") is None


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("missing.yaml", "there is no such file"),
        (".", "is a directory"),
        ("latin.yaml", "is not UTF-8 (byte 6 from its start)"),
        ("big.yaml", "is larger than 1 MiB"),
        ("latin.yaml/x", "cannot be read (Not a directory)"),
        ("nul\0", "cannot be read"),
    ],
)
def test_unreadable_file_is_answered_with_a_sentence(tmp_path: Path, name: str, said: str) -> None:
    """A file that cannot be read as text is named, with what is wrong with it."""
    (tmp_path / "latin.yaml").write_bytes("name: ü".encode("latin-1"))
    (tmp_path / "big.yaml").write_bytes(b"#" * 10_000_000)

    with pytest.raises(InputError) as caught:
        documents.read_file(str(tmp_path / name))

    assert said in str(caught.value)


def test_file_without_read_permission_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that the user may not read is answered with a sentence (root may read any)."""

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(InputError, match="this user may not read it"):
        documents.read_file(str(tmp_path / "f.yaml"))


@given(st.text())
def test_a_sentence_stays_on_its_line(text: str) -> None:
    """Whatever is shown or told, no line break and nothing that a terminal obeys gets through."""
    assert printable(text).isprintable()
    assert quote(text).isprintable()
    assert quote([text]).isprintable()
