"""What is read as YAML, and the errors of what cannot be read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import pytest
import yaml
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from exporter.inputs import documents, yaml_text
from exporter.inputs.input_errors import InputError


class Part(BaseModel):
    """A model with keys of every kind."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(max_length=12)] = ""
    size: Annotated[int, Field(ge=0, lt=10)] = 0
    shard: float = 0
    kind: Literal["small", "large"] = "small"
    either: int | bool | None = None
    pairs: dict[str, int] = {}
    steps: Annotated[tuple[int, ...], Field(min_length=2)] = (1, 2)
    at: AwareDatetime | None = None


class First(BaseModel):
    """One kind of change."""

    model_config = ConfigDict(extra="forbid")

    do: Literal["a"]


class Second(BaseModel):
    """Another kind of change."""

    do: Literal["b"]


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


def _errors(text: str) -> str:
    with pytest.raises(InputError) as caught:
        documents.load(text, "f.yaml", Whole)
    return str(caught.value)


@pytest.mark.usefixtures("parser")
@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "f.yaml: is empty"),
        ("# nothing\n", "f.yaml: is empty"),
        ("---\n", "f.yaml: is empty"),
        ("name: a\n---\nname: b\n", "f.yaml:2:1: a second document begins here"),
        ("name: [a\nsize: 1", "f.yaml:2:5: the [ that opens in line 1 is not closed"),
        ("parts: [{name: a", "is not closed"),
        ("name: 'a", "f.yaml:1:9: the quote that opens in line 1 is never closed"),
        ("name: a: b", "f.yaml:1:8: a colon is not allowed here"),
        ("name:\n\t- a", "f.yaml:2:1: YAML does not allow a tab here"),
        ("name: @a", "f.yaml:1:7: text that begins with @ needs quotes"),
        ("name: *a", 'f.yaml:1:7: no anchor above defines "*a"; text that begins with *'),
        ("name: * a", "text that begins with * or & needs quotes"),
        ('name: "\\d"', "a backslash in double quotes begins an escape"),
        ("parts:\n  - name: a\n name: b", "f.yaml:3:2: the indentation does not match"),
        ("size: 1\nname", "this key has no colon"),
        ("name: !x!y a", "f.yaml:1:7: an unknown tag"),
        ("a: &b 1\nc: &b 2", "f.yaml:2:4: another anchor above has this name"),
        ("%x", "YAML cannot be read from here on"),
        ("parts: &a [*a]", "f.yaml:1: nests deeper than 50 levels, or an alias contains itself"),
        ("name: a\nsize: \x07", 'f.yaml:2:7: the character "\\x07" is not allowed'),
        ("name: a\x00", "f.yaml:1:8: the character"),
        ("name: \ud800", "f.yaml:1:7: the character"),
        ('name: "\\ud800"', "f.yaml:1"),
        ("name: " + "a" * yaml_text.MAX_BYTES, "f.yaml: is larger than 1 MiB"),
        ("[" * 60 + "]" * 60, "f.yaml:1: nests deeper than 50 levels"),
        ("[" * 5000, "nests deeper than 50 levels"),
        ("- " * 5000, "nests deeper than 50 levels"),
        ("? [a]\n: b", "f.yaml:1: a key must be text, not a list or a mapping"),
        ("name: !!python/name:os.system a", "is not allowed; remove it"),
    ],
)
def test_unreadable_yaml_is_one_sentence(text: str, error: str) -> None:
    """Invalid YAML gives line, column and what to do, with either parser."""
    assert error in _errors(text)


@pytest.mark.usefixtures("parser")
def test_aliases_that_multiply_are_refused() -> None:
    """A few lines of aliases cannot fill the memory."""
    lines = ["l0: &l0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]" for n in range(1, 9)]

    assert _errors("\n".join(lines)).startswith("f.yaml:5: has more than 100,000 values")


@pytest.mark.usefixtures("parser")
def test_aliases_that_deepen_are_refused() -> None:
    """Nesting is counted through aliases too."""
    lines = [f"l{n}: &l{n} " + "[" * 20 + (f"*l{n - 1}" if n else "x") + "]" * 20 for n in range(9)]

    assert _errors("\n".join(lines)).startswith("f.yaml:3: nests deeper than 50 levels")


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
    read = yaml_text.scalar(written)

    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("size: a", 'f.yaml:1: size: must be a whole number, not "a"'),
        ("size: 1.5", "f.yaml:1: size: must be a whole number, not 1.5"),
        ("size: -1", "f.yaml:1: size: must be at least 0, not -1"),
        ("size: 10", "f.yaml:1: size: must be less than 10, not 10"),
        ("shard: a", 'f.yaml:1: shard: must be a number, not "a"'),
        ("shard: .inf", 'f.yaml:1: shard: must be a number, not ".inf"'),
        ("name: 12", 'f.yaml:1: name: 12 is not text in YAML; put it in quotes: "12"'),
        ("name: [a]", "f.yaml:1: name: must be text, not a list"),
        ("name: abcdefghijklm", "f.yaml:1: name: must have at most 12 characters, not 13"),
        ("kind: lage", 'f.yaml:1: kind: "lage" is not allowed; did you mean large?'),
        ("kind: 3", 'f.yaml:1: kind: 3 is not text in YAML; put it in quotes: "3"'),
        ("kind: {}", "f.yaml:1: kind: must be 'small' or 'large', not a mapping of keys"),
        ("pairs: {a: b}", 'f.yaml:1: pairs.a: must be a whole number, not "b"'),
        ("pairs: {a b: c}", 'f.yaml:1: pairs."a b": must be a whole number, not "c"'),
        ("either: a", 'f.yaml:1: either: must be a whole number, not "a"'),
        ("at: x", 'f.yaml:1: at: must be a time such as 2026-01-31T12:00:00Z, not "x"'),
        ("at: 2026-01-31T12:00:00", "f.yaml:1: at: must be a time with its zone, such as 2026-01-"),
        ("steps: [1]", "f.yaml:1: steps: must have at least 2 items, not 1"),
        ("steps: [1, a]", 'f.yaml:1: steps[1]: must be a whole number, not "a"'),
        ("parts: {}", "f.yaml:1: parts: must be a list, not a mapping of keys"),
        ("parts: [a]", 'f.yaml:1: parts[0]: must be a mapping of keys, not "a"'),
        ("parts:\n  - nam: a", "f.yaml:2: parts[0].nam: is not a known key; did you mean name?"),
        ("change: {do: c}", "f.yaml:1: change: 'do' must be one of 'a', 'b', not 'c'"),
        ("change: {}", "f.yaml:1: change: must have the key 'do'"),
        ("change: {do: a, x: 1}", "f.yaml:1: change.x: is not a known key; allowed here: do"),
        ("- a", "f.yaml:1: must be a mapping of keys, not a list"),
        ("name: " + "[1, " * 30 + "]" * 30, "f.yaml:1: name: must be text, not a list"),
    ],
)
def test_a_wrong_value_is_shown_with_its_place_and_what_is_allowed(text: str, error: str) -> None:
    """A value of the wrong type or size is shown with its line and key, in one sentence."""
    assert _errors(text).startswith(error)
    assert "\n" not in _errors(text)


def test_at_most_fifty_mistakes_are_errors() -> None:
    """Fifty of very many mistakes are listed, and how many more there are."""
    errors = _errors("parts:\n" + "  - size: x\n" * 60).splitlines()

    assert len(errors) == 51
    assert errors[0].startswith("f.yaml:2: parts[0].size")
    assert errors[-1] == "… and 10 more"


def test_byte_order_mark_is_no_part_of_the_text() -> None:
    """A file that an editor saved with a byte order mark is read as any other."""
    assert documents.load("\ufeffname: a", "f.yaml", Whole).name == "a"


def test_alias_has_the_value_of_its_anchor() -> None:
    """Anchors and aliases are read where they are harmless."""
    read = documents.load("parts: [&a {name: x}, *a]", "f.yaml", Whole)

    assert [part.name for part in read.parts] == ["x", "x"]


def test_key_without_value_counts_as_not_written() -> None:
    """A section whose keys are all commented out has its defaults."""
    assert documents.load("name: a\nparts:\n", "f.yaml", Whole).parts == ()


def test_part_keeps_the_lines_of_its_file() -> None:
    """A part of a document is validated on its own; its errors name the place in the file."""
    part = documents.parse("name: a\nparts:\n- {}\n- size: x\n", "f.yaml").part("parts", 1)

    assert part is not None
    assert part.read(Part) is None
    with pytest.raises(InputError, match=r"^f.yaml:4: parts\[1\].size: must be a whole number"):
        part.accepted(None)


@pytest.mark.parametrize("text", ["name: a", "[name]", "[[a]]", "held:"])
def test_part_that_is_not_there_is_none(text: str) -> None:
    """Asking for a key or an item that the document does not have gives None."""
    assert documents.parse(text, "f.yaml").part("held") is None
    assert documents.parse(text, "f.yaml").part(0, 1) is None


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("missing.yaml", "there is no such file"),
        (".", "is a directory"),
        ("latin.yaml", "is not UTF-8 (byte 6 from its start)"),
        ("big.yaml", "is larger than 1 MiB"),
        ("latin.yaml/x", "cannot be read (Not a directory)"),
        ("nul\0", "cannot be read"),
    ],
)
def test_unreadable_file_is_one_sentence(tmp_path: Path, name: str, error: str) -> None:
    """A file that cannot be read as text is named, with what is wrong with it."""
    (tmp_path / "latin.yaml").write_bytes("name: ü".encode("latin-1"))
    (tmp_path / "big.yaml").write_bytes(b"#" * 10_000_000)

    with pytest.raises(InputError) as caught:
        documents.read_file(str(tmp_path / name))

    assert error in str(caught.value)


def test_file_without_read_permission_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that the user may not read is an error of one sentence (root may read any)."""

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(InputError, match="this user may not read it"):
        documents.read_file(str(tmp_path / "f.yaml"))
