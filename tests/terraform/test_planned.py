"""What plans have, as planned.yaml says, and what nothing applied has to show."""

import json
import re
from typing import Any

import pytest

from tests.tables import beside
from tests.terraform.conftest import PlanModule
from tests.terraform.module_inputs import FUNCTION

_CASES: dict[str, dict[str, Any]] = beside(__file__, "planned.yaml")


@pytest.mark.parametrize("case", _CASES)
def test_a_plan_has_what_its_inputs_ask_for(plan_module: PlanModule, case: str) -> None:
    """Each value is the expected one, and types that aren't needed have no resource."""
    plan = plan_module(**_CASES[case]["inputs"])
    for address, values in _CASES[case]["planned"].items():
        for path, expected in values.items():
            found: Any = plan.resources[address]
            for key in path.split("."):
                found = found[int(key) if isinstance(found, list) else key]
            if str(expected).startswith("~"):
                assert re.search(expected[1:], found), (address, path, found)
            else:
                assert found == expected, (address, path)
    for kind in _CASES[case].get("absent", ()):
        assert not plan.of(kind), kind


def test_routes_have_the_policies_on_what_they_name(plan_module: PlanModule) -> None:
    """Those on the exporter exist once, a quiet route has none, one by stream few."""
    plan = plan_module(**_CASES["routes and overrides"]["inputs"])
    keys = re.findall(r'policy\["([^"]+)"\]', " ".join(plan.resources))
    alone = {key for key in keys if "/" not in key and f"billing/{key}" not in keys}
    assert alone == {key for key in keys if key.startswith("exporter-")}
    assert {key.split("/")[0] for key in keys if "/" in key} == {"billing", "sandbox"}
    by_stream = {key for key in keys if f"sandbox/{key}" in keys}
    of_locations = {"location-unreadable", "project-unwatched"}
    assert {key for key in keys if "/" not in key} - by_stream == alone | of_locations


def test_the_first_plan_shows_all_of_every_policy(plan_module: PlanModule) -> None:
    """Before anything exists, only what Google assigns is unknown of a policy."""
    unknown = set()
    for each in plan_module(**FUNCTION).json["resource_changes"]:
        if each["type"] == "google_monitoring_alert_policy":
            marks = json.dumps(each["change"]["after_unknown"])
            unknown |= set(re.findall(r'"(\w+)": true', marks))
    assert unknown <= {"creation_record", "id", "name"}


def test_the_first_plan_shows_who_gets_what(plan_module: PlanModule) -> None:
    """Before anything exists, the plan names the member of every grant."""
    for address, values in plan_module(**FUNCTION).resources.items():
        assert "_iam_member." not in address or values.get("member"), address
