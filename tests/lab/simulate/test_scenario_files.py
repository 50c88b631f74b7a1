"""Scenario files: what is said of errors in them."""

from lab.simulate.scenario import Scenario
from lab.simulate.scenario_files import parse_scenario
from tests.conftest import mistakes
from tests.tables import rows

GOOD = """\
title: A stream fails
what: To try it.
lasts: 20m
exporters:
  - {}
world:
  config:
    metrics: {project: shop-prod}
    sources: [{project: shop-prod, locations: [europe-west1]}]
  projects:
    - id: shop-prod
      number: 1
      locations:
        - id: europe-west1
          streams: [{id: orders}]
  events:
    - {at: 10m, stream: orders, do: fail, reason: DOWN}
expect:
  - {policy: stream-failed, of: orders, opens: {after: 11m, by: 13m10s}}
"""
POLICIES = ("stream-failed", "stream-missing")


def read(text: str) -> Scenario:
    """Return the scenario of a text."""
    return parse_scenario(text, "s.yaml", POLICIES, name="s")


def test_a_scenario_comes_with_the_config_of_each_exporter() -> None:
    """An exporter without a config of its own has the world's."""
    own = (
        "{config: {metrics: {project: b-prod}, sources: [{project: b-prod}]}, job:"
        " other}"
    )
    scenario = read(GOOD.replace("  - {}\n", f"  - {{}}\n  - {own}\n"))
    assert [each.metrics.project for each in scenario.configs] == [
        "shop-prod",
        "b-prod",
    ]
    assert scenario.expect[0].opens.by == 790


@rows
def test_every_error_is_reported_with_its_line(
    old: str, new: str, line: int, words: str
) -> None:
    """Unknown policies and things, and times that don't fit, have their lines."""
    errors = mistakes(read, GOOD.replace(old, new, 1))
    assert errors[0].startswith(f"s.yaml:{line}: ")
    assert words in errors[0]


def test_errors_of_the_config_and_of_the_rest_are_reported_together() -> None:
    """An error in the exporter's config hides no other, and a config is needed."""
    text = GOOD.replace("{project: shop-prod}", "{project: Shop}").replace(
        "of: orders", "of: x"
    )
    errors = mistakes(read, text)
    assert [each.partition(": ")[0] for each in errors] == ["s.yaml:8", "s.yaml:19"]
    text = GOOD.replace(GOOD[GOOD.index("  config:") : GOOD.index("  projects:")], "")
    assert mistakes(read, text) == [
        "s.yaml:6: world.config: is missing; the exporter needs a config"
    ]
