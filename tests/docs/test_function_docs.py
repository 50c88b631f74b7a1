"""docs/function.md: what it says of memory and cost follows from what was measured."""

from __future__ import annotations

import re
from pathlib import Path

from tools.function import dollars, figures

ROOT = Path(__file__).parents[2]


def test_the_choice_of_memory_and_cpu_follows_from_the_figures() -> None:
    """512 MiB are four times the peak of 10,000 streams, 256 MiB do, and both are free."""
    largest = figures()[-1]
    assert largest.streams == 10_000
    assert 4 * largest.mebibytes <= 512
    assert dollars(largest) == dollars(largest, gibibytes=0.25) == 0
    assert largest.warm_cpu < largest.warm / 2
    assert largest.warm < largest.job


def test_the_settings_are_those_of_the_module() -> None:
    """Memory, CPU, concurrency, timeout and instances are what Terraform sets."""
    page = (ROOT / "docs/function.md").read_text("utf-8")
    settings = dict(re.findall(r"^\| (\w+) \| (\d+)(?: \w+)? \|", page, re.MULTILINE))
    function = (ROOT / "terraform/function.tf").read_text("utf-8")
    variables = (ROOT / "terraform/variables_exporter.tf").read_text("utf-8")

    def default(name: str) -> str:
        found = re.search(rf'variable "{name}" {{.*?default +=\s"(\d+)', variables, re.DOTALL)
        assert found, name
        return found[1]

    def value(name: str) -> str:
        (number,) = re.findall(rf"\b{name} += (\d+)", function)
        return str(number)

    assert settings == {
        "memory": default("memory"),
        "CPU": default("cpu"),
        "concurrency": value("max_instance_request_concurrency"),
        "timeout": value("function_timeout"),
        "instances": value("max_instance_count"),
    }
