"""No config, however mangled, ends in anything but a config or sentences."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.config import InputError, from_text, variables
from exporter.inputs import documents
from tests.mangling import mangle, values

ROOT = Path(__file__).parents[3]
GOOD = (ROOT / "config.yaml").read_text() + (
    "endpoints: {datastream: example.com, monitoring: example.com}\n"
)
WORDS = sorted(
    {word.strip("[]{},\"'#") for word in GOOD.split()}
    | {"*", "&a", "*a", "<<:", "---", "!!python/name:x", "|", ">", "? ", "- ", "{", "]", "\t", "%"}
    | {"no", "1:30", "2024-01-01", "1e9", "0x", ".nan", "null", "FAILED", "123456", "-1s", "é"}
)


def _is_answered(text: str, environ: dict[str, str]) -> None:
    try:
        from_text(text, "config.yaml", environ)
    except InputError as mistakes:
        lines = str(mistakes).splitlines()
        assert 1 <= len(lines) <= 51
        assert all(line.isprintable() for line in lines)
        words = str(mistakes).lower()
        assert not any(word in words for word in ("input should", "pydantic", "traceback"))


@settings(max_examples=150)
@given(data=st.data())
def test_mutated_file_is_answered(tmp_path_factory: Any, data: st.DataObject) -> None:
    """Bytes of config.yaml removed, doubled and replaced."""
    content = bytearray(GOOD.encode())
    for _ in range(data.draw(st.integers(1, 5))):
        start = data.draw(st.integers(0, len(content)))
        removed = data.draw(st.integers(0, 30))
        content[start : start + removed] = data.draw(
            st.binary(max_size=8) | st.sampled_from(WORDS).map(str.encode)
        )
    path = tmp_path_factory.getbasetemp() / "mutated.yaml"
    path.write_bytes(content)

    try:
        text = documents.read_file(str(path))
    except InputError:
        return
    _is_answered(text, {})


@settings(max_examples=150)
@given(st.lists(st.sampled_from([*WORDS, "\n", "\n  ", ": ", ", "]), max_size=40).map(" ".join))
def test_words_in_any_order_are_answered(text: str) -> None:
    """The words of config.yaml and of YAML in any order."""
    _is_answered(text, {})


@settings(max_examples=100)
@given(st.text(max_size=200))
def test_any_text_is_answered(text: str) -> None:
    """Any text at all."""
    _is_answered(text, {})


VALUES = values(WORDS)


@settings(max_examples=200)
@given(data=st.data())
def test_values_of_any_kind_anywhere_are_answered(data: st.DataObject) -> None:
    """The structure of config.yaml with any value instead of some of its own."""
    tree = yaml.safe_load(GOOD)
    mangle(tree, VALUES, data)

    _is_answered(yaml.safe_dump(tree, allow_unicode=True), {})


@settings(max_examples=100)
@given(
    st.dictionaries(
        st.sampled_from(sorted(variables()))
        | st.text(max_size=20).map(lambda name: f"DATASTREAM_EXPORTER_{name}"),
        st.text(st.characters(exclude_characters="\0"), max_size=30) | st.sampled_from(WORDS),
        max_size=4,
    )
)
def test_any_environment_is_answered(environ: dict[str, str]) -> None:
    """Any variables with any values, even ones that are not UTF-8."""
    _is_answered(GOOD, environ)


@settings(max_examples=200)
@given(
    st.text("0123456789*/,-L#W? MON@", max_size=20)
    | st.lists(
        st.sampled_from(["*", "0", "5-3", "*/0", "L", "LW", "2L", "MON#6", "1#2/3", "31", "²"]),
        min_size=5,
        max_size=5,
    ).map(" ".join),
    st.text("0123456789smhd .", max_size=12),
    st.text(max_size=8) | st.sampled_from(["../UTC", "Europe", "utc", "/etc/passwd", "a\0b"]),
)
def test_any_window_is_answered(schedule: str, duration: str, timezone: str) -> None:
    """Any text as a schedule, a duration and a time zone."""
    window = {"schedule": schedule, "duration": duration, "timezone": timezone}
    tree = yaml.safe_load(GOOD)
    tree["expectations"] = [{"match": "*", "states": ["PAUSED"], "during": window}]

    _is_answered(yaml.safe_dump(tree), {})
