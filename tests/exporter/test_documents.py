"""What is read as YAML, and the errors of what cannot be read."""

import re
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field

from exporter import documents, yaml_tree
from exporter.mistakes import MOST_REPORTED, InputError, nearest
from tests.mangling import mangle, replace_pieces, values


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


def load(text: str) -> Whole:
    """Return a text as a model, or raise InputError."""
    document = documents.parse(text, "f.yaml")
    return document.accepted(document.read(Whole))


def _errors(text: str) -> str:
    with pytest.raises(InputError) as caught:
        load(text)
    return str(caught.value)


@pytest.mark.usefixtures("parser")
@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "f.yaml: is empty"),
        ("# nothing\n", "f.yaml: is empty"),
        ("name: a\n---\nname: b\n", "f.yaml:2:1: a second document begins here"),
        ("name: [a\nsize: 1", "f.yaml:2:5: the [ that opens in line 1 is not closed"),
        ("parts: [{name: a", "is not closed"),
        ("name: 'a", "f.yaml:1:9: the quote that opens in line 1 is never closed"),
        ("name: a: b", "f.yaml:1:8: a colon is not allowed here"),
        ("name:\n\t- a", "f.yaml:2:1: YAML does not allow a tab here"),
        ("name: @a", 'f.yaml:1:7: put "@a" in quotes'),
        (
            "name: *a",
            'f.yaml:1:7: no anchor above defines "*a"; text that begins with *',
        ),
        ("parts:\n  - name: a\n name: b", "f.yaml:3:2: the indentation does not match"),
        ("size: 1\nname", "could not find expected ':'"),
        ('name: "\\d"', "is not YAML (found unknown escape character"),
        (
            "parts: &a [*a]",
            "f.yaml:1: nests deeper than 50 levels, or an alias contains itself",
        ),
        ("name: a\nsize: \x07", "f.yaml:2: contains U+0007, which is not text; remove"),
        ("name: a\r\n\x0cx: 1", "f.yaml:2: contains U+000C, which is not text; remove"),
        ("name: \ud800", "f.yaml:1: contains U+D800, which is not text; remove"),
        ('name: "\\ud800"', "f.yaml:1"),
        ("name: " + "a" * (1 << 20), "f.yaml: is larger than 1 MiB"),
        ("[" * 60 + "]" * 60, "f.yaml:1: nests deeper than 50 levels"),
        ("[" * 2000, "nests deeper than 50 levels"),
        ("- " * 2000, "nests deeper than 50 levels"),
        ("? [a]\n: b", "f.yaml:1: a key must be text, not a list or a mapping"),
        ("name: !!python/name:os.system a", "is not allowed; remove it"),
    ],
)
def test_unreadable_yaml_is_one_sentence(text: str, error: str) -> None:
    """Invalid YAML gives line, column and what to do, with either parser."""
    assert error in _errors(text)


@pytest.mark.parametrize("key", ['name: "\\ud800"', '"\\ud800": 1'])
def test_unpaired_surrogate_is_refused(
    key: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An escaped surrogate, which the parser in Python lets through, is refused."""
    monkeypatch.delattr(yaml, "CSafeLoader", raising=False)

    assert "contains an invalid character (unpaired surrogate)" in _errors(key)


@pytest.mark.usefixtures("parser")
@pytest.mark.parametrize(
    ("lines", "error"),
    [
        (
            ["l0: &l0 [x, x, x, x, x, x, x, x, x, x]"]
            + [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]" for n in range(1, 9)],
            "f.yaml: has more than 100,000 values",
        ),
        (
            [
                f"l{n}: &l{n} {'[' * 20}{f'*l{n - 1}' if n else 'x'}{']' * 20}"
                for n in range(9)
            ],
            "f.yaml:1: nests deeper than 50 levels",
        ),
    ],
)
def test_aliases_that_multiply_or_deepen_are_refused(
    lines: list[str],
    error: str,
) -> None:
    """A few lines of aliases can fill neither the memory nor the stack."""
    assert _errors("\n".join(lines)).startswith(error)


@pytest.mark.parametrize(
    "written",
    [
        "no",
        "on",
        "1:30",
        "2024-01-01",
        "1_000",
        ".inf",
        "1e999",
        "9" * 5000,
        "0x" + "f" * 5000,
        "0o" + "7" * 5000,
    ],
)
def test_yaml_1_1_words_are_text(written: str) -> None:
    """What YAML 1.1 made of no, on, times and dates stays the text that was written."""
    assert yaml_tree.scalar(written) == written


@pytest.mark.parametrize(
    ("written", "value"),
    [
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
    """Numbers and the words of YAML's core schema are values."""
    read = yaml_tree.scalar(written)

    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("size: a", 'size: must be a whole number, not "a"'),
        ("size: 1.5", "size: must be a whole number, not 1.5"),
        ("size: -1", "size: must be at least 0, not -1"),
        ("size: 10", "size: must be less than 10, not 10"),
        (f"size: 0x{'1' * 5000}", f'size: must be a whole number, not "0x{"1" * 58}…"'),
        ("shard: .inf", 'shard: must be a number, not ".inf"'),
        ("name: 12", 'name: 12 is not text in YAML; put it in quotes: "12"'),
        ("name: [a]", "name: must be text, not a list"),
        ("name: abcdefghijklm", "name: must have at most 12 characters, not 13"),
        ("kind: lage", 'kind: "lage" is not allowed; did you mean large?'),
        ("kind: {}", "kind: must be 'small' or 'large', not a mapping of keys"),
        ("pairs: {a b: c}", 'pairs."a b": must be a whole number, not "c"'),
        ("either: a", 'either: must be a whole number, not "a"'),
        ("steps: [1]", "steps: must have at least 2 items, not 1"),
        ("steps: [1, a]", 'steps[1]: must be a whole number, not "a"'),
        ("parts: {}", "parts: must be a list, not a mapping of keys"),
        ("parts: [a]", 'parts[0]: must be a mapping of keys, not "a"'),
        ("parts: [{nam: a}]", "parts[0].nam: is not a known key; did you mean name?"),
        ("parts: [{nam: }]", "parts[0].nam: is not a known key; did you mean name?"),
        (
            "parts: [{name:a}]",
            (
                'parts[0]."name:a": is not a known key; write a space after the colon'
                " of name"
            ),
        ),
        ("change: {do: c}", "change: 'do' must be one of 'a', 'b', not 'c'"),
        ("change: {}", "change: must have the key 'do'"),
        ("change: {do: a, x: 1}", "change.x: is not a known key; allowed here: do"),
        ("change: {do: a, x: }", "change.x: is not a known key; allowed here: do"),
        ("name: " + "[1, " * 30 + "]" * 30, "name: must be text, not a list"),
    ],
)
def test_a_wrong_value_is_shown_with_its_place_and_what_is_allowed(
    text: str,
    error: str,
) -> None:
    """A value of a wrong type or size is shown with line and key, in one sentence."""
    assert _errors(text) == f"f.yaml:1: {error}"


def test_at_most_fifty_mistakes_are_errors() -> None:
    """Fifty of very many mistakes are listed, and how many more there are."""
    errors = _errors("parts:\n" + "  - size: x\n" * 60).splitlines()

    assert len(errors) == MOST_REPORTED + 1
    assert errors[0].startswith("f.yaml:2: parts[0].size")
    assert errors[-1] == "… and 10 more"


def test_harmless_yaml_is_read() -> None:
    """A byte order mark, an alias, and a key without a value are no mistakes."""
    text = "\ufeffname: a\npairs: {x: }\nsteps:\nparts: [&a {name: x}, *a]"

    read = load(text)
    assert (read.name, read.pairs, read.steps) == ("a", {}, (1, 2))
    assert [part.name for part in read.parts] == ["x", "x"]


def test_part_keeps_the_lines_of_its_file() -> None:
    """A part of a document is validated alone; its errors name the file's lines."""
    text = "naem:\nparts:\n- {}\n- size: x\n  nam:\n"
    part = documents.parse(text, "f.yaml").part("parts", 1)

    assert part is not None
    assert part.read(Part) is None
    with pytest.raises(InputError) as caught:
        part.accepted(None)
    assert (
        str(caught.value)
        == 'f.yaml:4: parts[1].size: must be a whole number, not "x"\n'
        "f.yaml:5: parts[1].nam: is not a known key; did you mean name?"
    )


@pytest.mark.parametrize("text", ["name: a", "[name]", "[[a]]"])
def test_part_that_is_not_there_is_none(text: str) -> None:
    """Asking for a key or an item that the document does not have gives None."""
    assert documents.parse(text, "f.yaml").part("held") is None
    assert documents.parse(text, "f.yaml").part(0, 1) is None


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("missing.yaml", "there is no such file"),
        (".", "cannot be read (Is a directory)"),
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

    with pytest.raises(InputError, match=re.escape(error)):
        documents.read_file(str(tmp_path / name))


@pytest.mark.parametrize(
    ("word", "guess"),
    [
        ("PAUSD", "PAUSED"),
        ("runing", "RUNNING"),
        ("pau", "PAUSED"),
        ("pa", None),
        ("", None),
    ],
)
def test_a_similar_word_is_suggested(word: str, guess: str | None) -> None:
    """Case doesn't matter, a beginning is enough; a short word has no suggestion."""
    assert nearest(word, ["RUNNING", "PAUSED"]) == guess


def test_very_long_word_is_near_to_nothing() -> None:
    """A guess is not worth the time where the word is absurdly long."""
    assert nearest("a" * 10_000, ["a" * 9_999]) is None


TREE = """\
name: a
size: 1
parts:
- {kind: large, pairs: {a: 1}}
- {steps: [1, 2]}
change: {do: a}
"""
WORDS = [
    "*a",
    "&a",
    "<<:",
    "---",
    "!!python/name:x",
    "|",
    ">",
    "? ",
    "- ",
    "{",
    "]",
    "\t",
    "%",
    "\0",
    "name",
    "parts",
    ":",
    ": ",
    "\n",
    "\n  ",
    ", ",
    "'",
    '"',
    "\\ud800",
    "\ud800",
    "é",
    "1e9",
]


@settings(max_examples=200)
@given(data=st.data())
def test_any_document_is_answered(data: st.DataObject) -> None:
    """Replaced pieces of text, and any values, end in a model or in sentences."""
    if data.draw(st.booleans()):
        text = replace_pieces(TREE, WORDS, data)
    else:
        tree: Any = yaml.safe_load(TREE)
        mangle(tree, values(sorted({*Whole.model_fields, "do", "a"})), data)
        text = yaml.safe_dump(tree, allow_unicode=True)

    try:
        load(text)
    except InputError as mistakes:
        answer = str(mistakes)
    else:
        return
    lines = answer.splitlines()
    assert 1 <= len(lines) <= MOST_REPORTED + 1
    assert all(
        line.isprintable() and line.startswith(("f.yaml:", "…")) for line in lines
    )
    assert not re.search("input should|pydantic|traceback", answer.lower())
