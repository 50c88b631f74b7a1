"""What drills share: whom they page, and waiting for an incident to open and close."""

import os
import sys
import time
from collections.abc import Iterator
from logging import ERROR, INFO, WARNING
from select import select

from exporter.logger import LOGGER
from exporter.setup.findings import NOTICE
from lab.policies.deployment import is_read
from lab.prove.incidents import resource_name
from lab.terminal import console
from lab.verify.deployed import DeployedPolicy, channels, deployed_policies, id_of
from lab.verify.rest import Alert
from lab.verify.target import Findings, Target

OPEN_SECONDS = 600.0
# Google may take five to ten minutes more than the next evaluation
_CLOSE_SECONDS = 900.0
# Between two looks: long enough for Cloud Monitoring to take another point
STEP_SECONDS = 10.0
_TELL_SECONDS = 30.0  # between two lines about waiting, where there is no terminal


class DrillError(Exception):
    """Why a drill did nothing, or left something behind; the text says what to do."""


def agreed_policies(target: Target, name: str, about: str) -> list[DeployedPolicy]:
    """Say what a drill does and whom it pages, and ask; return a file's policies.

    Return none if nobody agrees; raise DrillError if there are none, or CallError.
    """
    policies = [
        each
        for each in deployed_policies(target)
        if each.file.name == name
        and each.works
        and is_read(target.stream, each.promql.query)
    ]
    if not policies:
        raise DrillError(
            f"{name} is not deployed, can't alert, or leaves {target.stream} to a"
            " quiet route: nothing was changed"
        )
    LOGGER.info("%s", about)
    for _, text in channels(target, policies):
        LOGGER.info("%s.", text)
    if target.agreed:
        return policies
    sys.stderr.write("Page now? [y/N] ")
    sys.stderr.flush()
    # Ctrl-C raises nothing, so it would not end a read. 0 is standard input.
    while not select([0], [], [], 0.1)[0]:
        if target.stop.is_set():
            return []
    if os.read(0, 99).lower().startswith(b"y"):
        return policies
    LOGGER.warning("Not confirmed, so nothing was changed.")
    return []


def wait_for(target: Target, what: str, seconds: float) -> Iterator[float]:
    """Wait until Ctrl-C, and say for what; yield the seconds before each step."""
    began = time.time()
    after = 0.0
    while after < seconds and not target.stop.is_set():
        yield after
        text = f"Waiting for {what}: {seconds - after:.0f} s at most"
        if after % _TELL_SECONDS < STEP_SECONDS and not sys.stderr.isatty():
            LOGGER.info("%s.", text)
        with console(sys.stderr).status(text):
            time.sleep(STEP_SECONDS)
        after = time.time() - began


def open_incident(target: Target, policies: list[DeployedPolicy]) -> Alert | None:
    """Return an open incident of the stream."""
    ids = {id_of(each.policy.name) for each in policies}
    for alert in target.rest.open_alerts(target.project):
        # One without labels may be it.
        is_stream = resource_name(alert.labels) in {"", str(target.stream)}
        if is_stream and id_of(alert.policy) in ids:
            return alert
    return None


def until_incident(
    target: Target, policies: list[DeployedPolicy], began: float
) -> Findings:
    """Yield how long after ``began``, unix seconds, the stream got its incident."""
    for _ in wait_for(target, "the incident", OPEN_SECONDS):
        if incident := open_incident(target, policies):
            listed = time.time() - began
            opened = max(0, incident.opened - began)
            text = f"incident opened after {opened:.0f} s, listed after {listed:.0f} s"
            yield INFO, text
            return
    if target.stop.is_set():
        return
    finds = "does not find"
    for each in policies:
        for labels, value in target.query(each.promql.query):
            if value and labels.get("stream_id") == target.stream.stream:
                finds = "finds"
    text = (
        f"no incident within {OPEN_SECONDS:.0f} s. Points were accepted, and the query"
        f" of {policies[0].file.name} {finds} them. Look whether it is snoozed, and at"
        f" its retest window ({policies[0].promql.duration.seconds} s):"
        " https://console.cloud.google.com/monitoring/alerting/policies"
        f"?project={target.project}"
    )
    yield ERROR, text


def until_closed(
    target: Target,
    policies: list[DeployedPolicy],
    what: str = "the incident to close",
    seconds: float = _CLOSE_SECONDS,
) -> Findings:
    """Ask whether the page arrived; yield when the incident has closed."""
    incident = open_incident(target, policies)
    if not incident:
        return
    link = (
        "https://console.cloud.google.com/monitoring/alerting/alerts/"
        f"{id_of(incident.name)}?project={target.project}"
    )
    for level, text in channels(target, policies):
        if level == INFO:
            yield NOTICE, f"did the page arrive? {text}. Open: {link}"
    for after in wait_for(target, f"{what} (look for its page)", seconds):
        if not open_incident(target, policies):
            yield INFO, f"incident closed after {after:.0f} s"
            return
    yield WARNING, "incident still open"
