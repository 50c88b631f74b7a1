"""No config, however mangled, ends in anything but a config or sentences."""

import re
from pathlib import Path

import yaml
from hypothesis import given
from hypothesis import strategies as st

from exporter.config import from_text
from exporter.config.load import VARIABLES
from exporter.documents.mistakes import InputError
from tests.mangling import mangle, replace_pieces, values

GOOD = (
    Path(__file__).parents[3] / "config.yaml"
).read_text() + "endpoints: {datastream: example.com, monitoring: example.com}\n"
ODD = """
no 1:30 2024-01-01 1e9 .nan null FAILED 123456 -1s é
../UTC Europe utc /etc/passwd EST5EDT
*a &a <<: --- !!python/name:x | { ]
"""
WORDS = sorted(
    {word.strip("[]{},\"'#") for word in GOOD.split()}
    | {*ODD.split(), "a\0b", "? ", "- ", "\t"}
)
SCHEDULES = st.text("0123456789*/,-L#W? MON@", max_size=20) | st.lists(
    st.sampled_from(
        ["*", "0", "5-3", "*/0", "L", "LW", "2L", "MON#6", "1#2/3", "31", "²"]
    ),
    min_size=5,
    max_size=5,
).map(" ".join)
WINDOWS = st.fixed_dictionaries(
    {
        "schedule": SCHEDULES,
        "duration": st.text("0123456789smhd .", max_size=12),
        "timezone": st.text(max_size=8) | st.sampled_from(WORDS),
    }
)
ENVIRONMENTS = st.dictionaries(
    st.sampled_from(VARIABLES)
    | st.text(max_size=20).map(lambda name: f"DATASTREAM_EXPORTER_{name}"),
    st.text(st.characters(exclude_characters="\0"), max_size=30)
    | st.sampled_from(WORDS),
    max_size=2,
)


@given(data=st.data(), environ=st.just({}) | ENVIRONMENTS)
def test_mangled_config_is_answered(
    data: st.DataObject,
    environ: dict[str, str],
) -> None:
    """Replaced pieces of text, and any values, windows and variables, are answered."""
    if data.draw(st.booleans()):
        tree = yaml.safe_load(GOOD)
        tree["expectations"][0]["during"] = data.draw(WINDOWS)
        mangle(tree, values(WORDS), data)
        text = yaml.safe_dump(tree, allow_unicode=True)
    else:
        text = replace_pieces(GOOD, WORDS, data)

    try:
        from_text(text, "config.yaml", environ)
    except InputError as mistakes:
        answer = str(mistakes)
    else:
        return
    lines = answer.splitlines()
    assert 1 <= len(lines) <= 51
    assert all(line.isprintable() for line in lines)
    assert not re.search("input should|pydantic|traceback", answer.lower())
