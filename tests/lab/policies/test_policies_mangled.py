"""Every policy file, however mangled, gives a policy or sentences."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.documents import InputError
from lab.policies import promql
from lab.policies.files import Policy, read_policies
from tests.mangling import mangle, values

CASES = Path(__file__).parent / "cases"
GOOD = [path.read_text("utf-8") for path in sorted(CASES.glob("*.yaml"))]
WORDS = sorted(
    {word.strip("[]{},\"'#") for text in GOOD for word in text.split()}
    | {"*", "&a", "*a", "<<:", "---", "!!python/name:x", "|", ">-", "- ", "{", "]", "\t", "%"}
    | {"no", "1:30", "2024-01-01", "1e9", ".nan", "null", "-1s", "é", "${", "}", "\\", "1e99s"}
)
PROMQL = sorted(
    {
        "sum",
        "by",
        "without",
        "on",
        "ignoring",
        "group_left",
        "and",
        "or",
        "unless",
        "offset",
        "bool",
    }
    | {"(", ")", "{", "}", "[5m]", "[1h:]", ",", "==", ">", "+", "-", "@", '"a"', "1", "=~", "le"}
    | {
        "absent",
        "label_replace",
        "topk",
        "rate",
        "scalar",
        "vector",
        "time()",
        "location",
        "é",
        "#",
    }
    | {
        "custom_googleapis_com:datastream_stream_state",
        "datastream_googleapis_com:stream_freshness",
        "up",
    }
)

VALUES = values(WORDS)


def _check(folder: Path, content: bytes) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "paused.yaml").write_bytes(content)
    for house_rules in (True, False):
        try:
            (policy,) = read_policies(folder, house_rules=house_rules)
        except InputError as mistakes:
            lines = str(mistakes).splitlines()
            assert 1 <= len(lines) <= 51
            assert all(line.isprintable() for line in lines)
            words = str(mistakes).lower()
            assert not any(word in words for word in ("input should", "pydantic", "traceback"))
        else:
            assert isinstance(policy, Policy)


def _asked(query: str) -> str:
    """Return the error of a query, if any."""
    try:
        asked = promql.read(query, known_only=False)
    except ValueError as error:
        return str(error)
    return f"fine, with a look-back window of {asked.look_back} s"


@settings(max_examples=150)
@given(data=st.data())
def test_mutated_file_check(tmp_path_factory: Any, data: st.DataObject) -> None:
    """Bytes of a policy are removed, repeated and replaced."""
    content = bytearray(data.draw(st.sampled_from(GOOD)).encode())
    for _ in range(data.draw(st.integers(1, 5))):
        start = data.draw(st.integers(0, len(content)))
        removed = data.draw(st.integers(0, 30))
        content[start : start + removed] = data.draw(
            st.binary(max_size=8) | st.sampled_from(WORDS).map(str.encode)
        )

    _check(tmp_path_factory.getbasetemp() / "mutated", bytes(content))


@settings(max_examples=200)
@given(data=st.data())
def test_values_of_any_kind_anywhere_are_answered(
    tmp_path_factory: Any, data: st.DataObject
) -> None:
    """Some values of a policy are replaced by any other value."""
    tree = yaml.safe_load(data.draw(st.sampled_from(GOOD)))
    mangle(tree, VALUES, data)

    text = yaml.safe_dump(tree, allow_unicode=True)
    _check(tmp_path_factory.getbasetemp() / "values", text.encode("utf-8", "surrogatepass"))


@settings(max_examples=300)
@given(
    st.lists(st.sampled_from(PROMQL), max_size=30).map(" ".join)
    | st.lists(st.sampled_from(PROMQL), max_size=12).map("".join)
    | st.text(max_size=40)
)
def test_any_query_check(query: str) -> None:
    """Words of PromQL in any order, and any text at all."""
    assert _asked(query).startswith(
        ("is not PromQL: ", "returns ranges", "selects no metric", "fine")
    )


@settings(max_examples=100)
@given(st.text("(-[{\"'`+ a#", max_size=600).map(lambda text: text + "up"))
def test_a_query_that_nests_deeply_check(query: str) -> None:
    """No nesting overflows the parser's stack or this program's."""
    assert _asked(query)


def test_the_deepest_allowed_queries_are_read() -> None:
    """As many signs, brackets and operands as allowed overflow nothing."""
    for query in ("-" * 499 + "up", "(" * 249 + "up" + ")" * 249, " + ".join(["up"] * 250)):
        assert promql.read(query, known_only=False).result.open
