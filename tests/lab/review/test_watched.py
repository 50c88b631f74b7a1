"""What a plan changes about what is watched: findings first, then the diff."""

from typing import Any

import pytest

from lab.review.finding import WARNING
from lab.review.page import review_page
from lab.review.review import make_review
from tests.lab.review.conftest import Replanned, Reviewed, lines_not_folded
from tests.lab.review.plan_json import exporter, plan, planned
from tests.tables import beside
from tests.terraform.module_inputs import CONFIG

_CONFIGS = beside(__file__, "config_changes.yaml")
_PULL_REQUESTS = beside(__file__, "pull_requests.yaml")


def _findings(*changes: Any) -> list[str]:
    found = make_review(planned(*changes), []).findings
    return [f"{each.level} {each.key}: {each.sentence}" for each in found]


@pytest.mark.parametrize("name", _CONFIGS["changes"])
def test_a_change_of_config_has_findings(name: str) -> None:
    """A finding says what is no longer watched or comes later, and nothing else."""
    change = _CONFIGS["changes"][name]
    before = change.get("before", _CONFIGS["before"])
    assert _findings(exporter(before, change["after"])) == change["findings"]


def test_another_mode_changes_nothing() -> None:
    """A change of mode, which moves config to another resource, changes nothing."""
    text = _CONFIGS["before"]
    job = exporter("", "")
    variable = {"name": "DATASTREAM_EXPORTER_CONFIG", "value": text}
    container = {"env": [variable]}
    template = {"containers": [container]}
    job["change"]["after"] = {"template": [template]}
    assert _findings(exporter(text, ""), job) == []


def test_each_deployment_is_compared_with_itself() -> None:
    """What is said of two deployments' configs names the one that it is about."""
    dev = "metrics: {project: orders-dev}\nsources: [{project: orders-dev}]\n"
    prod = dev.replace("dev", "prod")
    patient = 'expectations: [{match: "*", failed: 6h}]\n'
    kept = exporter(dev, dev) | {"module_address": 'module.exporter["dev"]'}
    changed = exporter(prod, f"{prod}{patient}")
    changed["module_address"] = 'module.exporter["prod"]'
    review = make_review(planned(kept, changed), [])
    (found,) = review.findings
    pages = "`prod`: Pages about all streams of `orders-prod` come"
    assert found.sentence.startswith(pages)
    assert review.config_diff[0] == "--- prod"


def test_a_config_that_the_plan_hides_is_not_guessed() -> None:
    """A config that is sensitive, or known after apply only, is said to be hidden."""
    hidden = ["warning hidden: Warning: the plan hides the config"]
    secret = exporter("a", "b", after_sensitive={"service_config": True})
    assert _findings(secret) == hidden
    unknown = exporter("a", "a")
    unknown["change"]["after"] = {"service_config": [{}]}
    assert _findings(unknown) == hidden


def test_an_old_config_that_is_invalid_is_no_error() -> None:
    """The repair of an invalid config passes --strict, and the diff shows it."""
    repair = exporter("sources: []", _CONFIGS["before"])
    review = make_review(planned(repair), [])
    assert {each.level for each in review.findings} == {WARNING}
    text = review_page(review)
    assert "- Invalid: `old config.yaml:1: " in text
    assert "\n+metrics: {project: shop-prod}\n" in text


@pytest.mark.parametrize("name", _PULL_REQUESTS)
def test_a_pull_request_is_a_page(
    name: str, replanned: Replanned, reviewed: Reviewed
) -> None:
    """The worst comes first, and what isn't folded has at most 60 lines."""
    case = _PULL_REQUESTS[name]
    if "config" in case:
        document = plan(exporter(CONFIG, case["config"]))
    else:
        document = replanned(**case["inputs"])
    answer = reviewed(document, "--scenario", "five", "--strict")
    assert answer.code == case["code"]
    for part in case["parts"]:
        assert part in answer.out
    _, _, rest = answer.out.partition("policies\n\n")
    assert rest.startswith(case.get("begins", ""))
    assert lines_not_folded(answer.out) <= 60
