"""The module's whole life: apply, empty plan, change and destroy, from projects with nothing."""

from __future__ import annotations

import itertools
import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from exporter.measure import definitions
from tests.terraform.dashboard_tiles import dashboard_tiles
from tests.terraform.module_inputs import (
    CHANNELS,
    CONFIG,
    EXAMPLES,
    IMAGE,
    INPUTS,
    MODES,
    MODULE,
    NEW_IMAGE,
    OPTIONS,
    SECRETS,
    mode_inputs,
)
from tests.terraform.plans import TerraformError
from tests.terraform.terraform_cli import REPOSITORY, checked_output, execute

if TYPE_CHECKING:
    from tests.terraform.conftest import CopyModule, PlanModule
    from tests.terraform.fake_provider import FakeProvider

_JOB = 'google_cloud_run_v2_job.exporter["streams"]'
_POLICY = "google_monitoring_alert_policy.policy"


def test_files_are_formatted() -> None:
    """`terraform fmt` changes no file."""
    fmt = execute("fmt", "-check", "-recursive", "-diff", directory=REPOSITORY / MODULE)
    checked_output(fmt)


def test_terraform_test_passes(terraform: CopyModule) -> None:
    """`terraform test` passes all of its runs."""
    output = terraform(MODULE).run("test", "-no-color")
    assert re.search(r"Success! [1-9]\d+ passed, 0 failed", output)


def test_module_is_valid_without_warnings(terraform: CopyModule) -> None:
    """`terraform validate` reports no error and no deprecated argument."""
    assert not terraform(MODULE).validate()


@pytest.mark.parametrize("example", EXAMPLES)
def test_example_lifecycle(
    terraform: CopyModule, fake_provider: FakeProvider, example: str
) -> None:
    """An example applies, then plans no change, updates in place, and is destroyed completely."""
    fake_provider.project.channels = CHANNELS
    fake_provider.project.secrets = SECRETS
    root = terraform(example)
    main = (root.directory / "main.tf").read_text("utf-8")
    # A function has no image: what changes is its source.
    old: dict[str, Any]
    new: dict[str, Any]
    old, new = ({"image": IMAGE}, {"image": NEW_IMAGE}) if "var.image" in main else ({}, {})
    assert not root.validate()
    first = root.plan(**old)
    assert set(first.changes.values()) == {("create",)}
    root.apply(first)
    assert root.plan(**old).empty
    source = root.directory.parents[2] / "exporter" / "run.py"
    source.write_text(source.read_text("utf-8") + "# changed\n", "utf-8")
    update = root.plan(**new)
    changes = {address.split(".")[-2]: how for address, how in update.changes.items()}
    if not new:
        assert changes.pop("google_storage_bucket_object") == ("delete", "create")
    assert changes
    assert set(changes.values()) == {("update",)}
    assert all("google_cloud" in kind for kind in changes)
    root.apply(update)
    assert root.plan(**new).empty
    assert not root.destroy(**new).resources


@pytest.mark.parametrize("mode", MODES)
def test_one_apply_is_enough_when_every_api_is_off(
    terraform: CopyModule, fake_provider: FakeProvider, mode: str
) -> None:
    """On new projects, every resource waits until the API it needs is enabled."""
    root = terraform(MODULE)
    plan = root.plan(**{**INPUTS, **mode_inputs(mode)})
    fake_provider.project.disabled_apis = {
        f"{each['project']}/{each['service']}" for each in plan.of("google_project_service")
    }
    assert len(root.apply(plan).of("google_monitoring_alert_policy")) >= 19


@pytest.mark.usefixtures("fake_provider")
def test_a_changed_input_changes_only_what_it_is_about(terraform: CopyModule) -> None:
    """After a changed input, the plan updates the resources that depend on it and no others."""
    root = terraform(MODULE)
    root.apply(**INPUTS)
    together = "streams-unexpected-together"
    expected: list[tuple[dict[str, Any], set[str]]] = [
        ({"image": NEW_IMAGE}, {_JOB}),
        ({"config_yaml": CONFIG + "run: {deadline: 40s}\n"}, {_JOB}),
        (
            {"policy_overrides": {"stream-lagging": {"threshold": 1800}}},
            {f'{_POLICY}["stream-lagging"]'},
        ),
        (
            {"policy_overrides": {"stream-changed": {"enabled": False}}},
            {f'{_POLICY}["orders-prod/stream-changed"]'},
        ),
        (
            {"policy_overrides": {together: {"threshold": 8}}},
            {f'{_POLICY}["{together}"]', f'{_POLICY}["stream-unexpected-state"]'},
        ),
    ]
    for inputs, addresses in expected:
        changes = root.plan(**{**INPUTS, **inputs}).changes
        assert changes == dict.fromkeys(addresses, ("update",))


def test_a_new_project_changes_no_policy(
    terraform: CopyModule, fake_provider: FakeProvider
) -> None:
    """Another watched project adds its own resources and changes no policy with a channel."""
    fake_provider.project.channels = CHANNELS
    inputs = {**INPUTS, "notification_channels": {"CRITICAL": ["Data platform on-call"]}}
    root = terraform(MODULE)
    root.apply(**inputs)
    changes = root.plan(**{**inputs, "config_yaml": CONFIG + "  - project: stock-prod\n"}).changes
    created = {address for address, actions in changes.items() if actions == ("create",)}
    assert {address.split(".")[0] for address in created} == {
        "google_monitoring_monitored_project",
        "google_project_iam_custom_role",
        "google_project_iam_member",
        "google_project_service",
    }
    updated = dict.fromkeys((_JOB, "google_monitoring_dashboard.fleet[0]"), ("update",))
    assert {address: changes[address] for address in set(changes) - created} == updated


def test_every_metric_has_a_descriptor(plan_module: PlanModule) -> None:
    """Kind, type, unit, texts and labels are those that the exporter reads from metrics.yaml."""
    descriptors = plan_module().of("google_monitoring_metric_descriptor")
    assert {
        each["type"]: (
            each["metric_kind"],
            each["value_type"],
            each["unit"],
            each["display_name"],
            each["description"],
            {label["key"] for label in each["labels"]},
        )
        for each in descriptors
    } == {
        metric.type: (
            "GAUGE",
            metric.value_type,
            metric.unit,
            metric.display_name,
            metric.description,
            set(metric.labels),
        )
        for metric in definitions.metrics().values()
    }


def test_the_dashboard_is_its_files(plan_module: PlanModule) -> None:
    """The dashboard is its files; only the name and the projects of its logs change."""
    (dashboard,) = plan_module(name="streams-prod").of("google_monitoring_dashboard")
    tiles = json.loads(dashboard["dashboard_json"])["mosaicLayout"]["tiles"]
    for tile in tiles:
        if "logsPanel" in tile["widget"]:
            del tile["widget"]["logsPanel"]["resourceNames"]
    assert tiles == dashboard_tiles("streams-prod")


def test_a_given_config_is_the_only_one_that_is_read(terraform: CopyModule) -> None:
    """With config_yaml, the repository's own config.yaml may be missing."""
    root = terraform(MODULE)
    (root.directory.parent / "config.yaml").unlink()
    assert root.plan(**INPUTS).changes
    with pytest.raises(TerraformError, match=r"config\.yaml"):
        root.plan(**{**INPUTS, "config_yaml": None})


@pytest.mark.parametrize("deleted", [False, True])
def test_destroy_deletes_metric_data_only_on_request(
    terraform: CopyModule, fake_provider: FakeProvider, *, deleted: bool
) -> None:
    """Destroy forgets the descriptors; with the switch, it deletes them and their data."""
    root = terraform(MODULE)
    inputs = {**INPUTS, "delete_metric_data_on_destroy": deleted}
    created = root.apply(**inputs).of("google_monitoring_metric_descriptor")
    assert not root.destroy(**inputs).resources
    gone = fake_provider.deleted("google_monitoring_metric_descriptor")
    assert {each["type"] for each in gone} == ({each["type"] for each in created if deleted})


def test_a_second_deployment_in_the_metrics_project_is_refused(
    terraform: CopyModule, fake_provider: FakeProvider
) -> None:
    """It fails before it creates anything but APIs. Once the first is gone, it applies."""
    first, second = terraform(MODULE), terraform(MODULE)
    first.apply(**INPUTS)
    before = len(fake_provider.applied("google_monitoring_alert_policy"))
    inputs = {**INPUTS, "name": "streams-test"}
    with pytest.raises(TerraformError, match="Service orders-prod/datastream-exporter already"):
        second.apply(**inputs)
    assert not [each for each in second.state().resources if "google_project_service" not in each]
    assert len(fake_provider.applied("google_monitoring_alert_policy")) == before
    first.destroy(**INPUTS)
    assert second.apply(**inputs).of("google_cloud_run_v2_job")


@pytest.mark.usefixtures("fake_provider")
@pytest.mark.parametrize("inputs", OPTIONS)
def test_options_plan_no_change_after_apply_and_are_destroyed(
    terraform: CopyModule, inputs: dict[str, Any]
) -> None:
    """Every platform option applies, then plans no change, and is destroyed."""
    root = terraform(MODULE)
    inputs = {**INPUTS, **inputs}
    root.apply(**inputs)
    assert root.plan(**inputs).empty
    assert not root.destroy(**inputs).resources


@pytest.mark.usefixtures("fake_provider")
@pytest.mark.parametrize(("before", "after"), list(itertools.permutations(MODES, 2)))
def test_one_apply_switches_the_mode(terraform: CopyModule, before: str, after: str) -> None:
    """It leaves what a new deployment in that mode has, and nothing of the other mode."""
    root = terraform(MODULE)
    root.apply(**{**INPUTS, **mode_inputs(before)})
    inputs = {**INPUTS, **mode_inputs(after)}
    switched = root.apply(**inputs)
    assert root.plan(**inputs).empty
    new = terraform(MODULE).plan(**inputs).changes
    assert {each for each in switched.resources if not each.startswith("data.")} == set(new)
    assert not root.destroy(**inputs).resources


@pytest.mark.usefixtures("fake_provider")
def test_a_change_between_scheduled_modes_keeps_the_schedule(terraform: CopyModule) -> None:
    """The schedule calls the function instead of the job, and is never missing."""
    root = terraform(MODULE)
    root.apply(**INPUTS)
    plan = root.plan(**{**INPUTS, **mode_inputs("function")})
    assert plan.changes['google_cloud_scheduler_job.exporter["streams"]'] == ("update",)
    (schedule,) = root.apply(plan).of("google_cloud_scheduler_job")
    (target,) = schedule["http_target"]
    (token,) = target["oidc_token"]
    assert target["uri"] == token["audience"] == root.state().outputs["function_uri"]
    assert not target["oauth_token"]
