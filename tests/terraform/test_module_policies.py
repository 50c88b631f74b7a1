"""The policies that the module makes are the files, but for what a user changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.terraform.modules import (
    CHANNEL,
    EXAMPLES,
    GIVEN,
    MODULE,
    as_policy,
    files,
    policies_of,
)

if TYPE_CHECKING:
    from tests.terraform.conftest import Planned

_FILES = files()
_LOGS = {name for name, policy in _FILES.items() if "conditionMatchedLog" in str(policy)}


def _made(planned: Planned, **changed: Any) -> dict[str, dict[str, Any]]:
    """Return the policies of a plan in the API's own form, by name."""
    plan = planned(MODULE, **{**GIVEN, **changed})
    return {
        key.split("/")[-1]: as_policy(values) for key, values in policies_of(plan.resources).items()
    }


def _query(policy: dict[str, Any]) -> str:
    query: str = policy["conditions"][0]["conditionPrometheusQueryLanguage"]["query"]
    return query


@pytest.mark.parametrize("name", sorted(_FILES))
def test_a_policy_is_its_file(planned: Planned, name: str) -> None:
    """Each field of a policy is that of its file; channels are added, and nothing else."""
    assert _made(planned)[name] == {
        **_FILES[name],
        "enabled": True,
        "notificationChannels": [CHANNEL],
    }


def test_a_policy_lives_where_what_it_judges_is(planned: Planned) -> None:
    """Policies of metrics are in the metrics project; those of logs in the project of the log."""
    plan = planned(
        MODULE,
        **GIVEN,
        log_notification_channels={
            "billing-prod": ["projects/billing-prod/notificationChannels/2"]
        },
    )
    placed = {
        key: (values["project"], values["notification_channels"])
        for key, values in policies_of(plan.resources).items()
    }
    orders = ("orders-prod", [CHANNEL])
    billing = ("billing-prod", ["projects/billing-prod/notificationChannels/2"])
    assert placed == {
        **{name: orders for name in _FILES if name not in _LOGS},
        **{f"orders-prod/{name}": orders for name in _LOGS},
        **{f"billing-prod/{name}": billing for name in _LOGS},
    }


def test_the_jobs_name_is_put_into_its_query(planned: Planned) -> None:
    """The policy of the job's executions names the job as it is called here."""
    made = _made(planned, name="streams-prod")
    assert 'job_name="streams-prod"' in _query(made["exporter-executions-failing"])


def test_without_a_job_its_executions_are_not_watched(planned: Planned) -> None:
    """In continuous mode all policies are made but that of the job's executions."""
    assert set(_FILES) - set(_made(planned, mode="continuous")) == {"exporter-executions-failing"}


@pytest.mark.parametrize("name", sorted(set(_FILES) - _LOGS))
def test_a_look_back_follows_its_hold(planned: Planned, name: str) -> None:
    """With another hold, the look-back that was made for it changes, and no other text does."""
    condition = _FILES[name]["conditions"][0]["conditionPrometheusQueryLanguage"]
    seconds = int(condition["duration"].removesuffix("s"))
    changed = {each: {"duration": "1500s"} for each in _FILES if each not in _LOGS}
    longer = _made(planned, policies=changed)[name]
    old = "[1h]" if seconds <= 120 else f"[{seconds * 2 // 3}s]"
    assert _query(longer) == condition["query"].replace(old, "[1000s]")
    duration = longer["conditions"][0]["conditionPrometheusQueryLanguage"]["duration"]
    assert duration == "1500s"


def test_a_short_hold_looks_back_an_hour(planned: Planned) -> None:
    """With a hold of two minutes or less, what was last seen counts for an hour."""
    made = _made(planned, policies={"stream-stuck": {"duration": "120s"}})
    assert "[1h]" in _query(made["stream-stuck"])
    assert "[600s]" not in _query(made["stream-stuck"])


_WITH_THRESHOLD = {
    name: policy["userLabels"]["threshold"]
    for name, policy in _FILES.items()
    if "threshold" in policy["userLabels"]
}


@pytest.mark.parametrize("name", sorted(_WITH_THRESHOLD))
def test_a_threshold_can_be_set(planned: Planned, name: str) -> None:
    """Another threshold stands wherever the old one stood, and in the policy's label."""
    was = _WITH_THRESHOLD[name]
    made = _made(planned, policies={name: {"threshold": 77}})
    followers = {
        each for each, policy in _FILES.items() if policy["userLabels"].get("yields_to") == name
    }
    for each in {name, *followers}:
        query = _query(_FILES[each])
        sign = ">=" if f">= {was}" in query else ">"
        assert _query(made[each]) == query.replace(f"{sign} {was}", f"{sign} 77")
        assert _query(made[each]) != query
    assert made[name]["userLabels"]["threshold"] == "77"
    untouched = set(_FILES) - _LOGS - {name} - followers
    assert all(_query(made[each]) == _query(_FILES[each]) for each in untouched)


@pytest.mark.parametrize("name", ["streams-failing-together", "streams-unexpected-together"])
def test_nothing_yields_to_a_policy_that_is_off(planned: Planned, name: str) -> None:
    """With the joint policy off, the single ones page however many there are."""
    made = _made(planned, policies={name: {"enabled": False}})
    assert made[name]["enabled"] is False
    followers = [each for each in _FILES.values() if each["userLabels"].get("yields_to") == name]
    assert followers
    for each in followers:
        query = _query(made[each["userLabels"]["policy"]])
        assert query == _query(each).replace(">= 5", ">= Inf")


def test_every_policy_can_be_changed(planned: Planned) -> None:
    """Severity, channels and being on are a user's to decide for each, logs included."""
    changed = {
        "enabled": False,
        "severity": "ERROR",
        "notification_channels": ["projects/orders-prod/notificationChannels/9"],
    }
    made = _made(planned, policies=dict.fromkeys(_FILES, changed))
    for name, policy in made.items():
        assert policy["enabled"] is False, name
        assert policy["severity"] == "ERROR"
        assert policy["notificationChannels"] == ["projects/orders-prod/notificationChannels/9"]


def test_slack_is_told_whom_to_notify(planned: Planned) -> None:
    """A severity's mention ends the text of its policies, and of no others."""
    made = _made(planned, mentions={"CRITICAL": "<!subteam^S0123>"})
    for name, policy in made.items():
        text = _FILES[name]["documentation"]["content"].rstrip("\n")
        critical = policy["severity"] == "CRITICAL"
        assert policy["documentation"]["content"] == text + "\n\n<!subteam^S0123>" * critical


def test_an_incident_can_notify_again(planned: Planned) -> None:
    """A severity's interval is that of its policies of metrics; logs have no such setting."""
    made = _made(planned, renotify_intervals={"CRITICAL": "3600s"}, auto_close="7200s")
    for name, policy in made.items():
        strategy = policy["alertStrategy"]
        again = strategy.get("notificationChannelStrategy")
        if policy["severity"] == "CRITICAL" and name not in _LOGS:
            assert again == [{"notificationChannelNames": [CHANNEL], "renotifyInterval": "3600s"}]
        else:
            assert again is None
        assert strategy["autoClose"] == "7200s"


def test_labels_are_added(planned: Planned) -> None:
    """Labels of one's own stand beside those of the file."""
    made = _made(planned, labels={"team": "data"})
    assert all(
        policy["userLabels"] == {**_FILES[name]["userLabels"], "team": "data"}
        for name, policy in made.items()
    )


def test_policies_of_ones_own_are_made_too(planned: Planned) -> None:
    """A folder of one's own adds its policies, in the same form."""
    folder = next(each for each in EXAMPLES if each.endswith("organisation"))
    own = f"./{folder.removeprefix(MODULE + '/')}/policies"
    made = _made(planned, policy_directory=own)
    assert set(made) - set(_FILES) == {"orders-paused"}
    assert 'stream_id="orders"' in _query(made["orders-paused"])
