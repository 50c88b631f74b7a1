"""What exists in the Google Cloud projects that the fake provider manages."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from tests.terraform.cty_values import Object

_APIS = {
    "google_cloud_run_": "run.googleapis.com",
    "google_cloud_scheduler_": "cloudscheduler.googleapis.com",
    "google_monitoring_": "monitoring.googleapis.com",
    "google_project_iam_custom_role": "iam.googleapis.com",
    "google_secret_manager_": "secretmanager.googleapis.com",
    "google_service_account": "iam.googleapis.com",
}
"""The API that serves each type, by the start of its name."""


class Channel(NamedTuple):
    """A notification channel that existed before the first apply."""

    project: str
    display_name: str

    @property
    def name(self) -> str:
        """Return ``projects/…/notificationChannels/…``."""
        return f"projects/{self.project}/notificationChannels/{_number(*self)}"


@dataclass
class FakeProject:
    """What the provider finds. A test may change it between two commands."""

    channels: list[Channel] = field(default_factory=list)
    secrets: dict[str, str] = field(default_factory=dict)
    """The latest version's text by ``projects/PROJECT/secrets/SECRET``."""
    disabled_apis: set[str] = field(default_factory=set)
    """``PROJECT/SERVICE`` of each API that is off until a google_project_service enables it."""

    service_ids: set[str] = field(default_factory=set)
    """``PROJECT/ID`` of each Monitoring service."""

    def read(self, kind: str, config: Object) -> Object:
        """Return what a data source or an ephemeral resource reads.

        Raises:
            LookupError: It doesn't exist, or the name is ambiguous.
        """
        if kind == "google_secret_manager_secret_version":
            name = f"projects/{config['project']}/secrets/{config['secret']}"
            if name not in self.secrets:
                raise LookupError(f"Error 404: Secret [{name}] not found or has no versions.")
            return {"secret_data": self.secrets[name]}
        channel = Channel(config["project"], config["display_name"])
        found = self.channels.count(channel)
        if found != 1:
            # Display names aren't unique in Cloud Monitoring; the provider accepts one match only.
            how = "More than one" if found else "No"
            raise LookupError(f'{how} NotificationChannel with display_name="{channel[1]}"')
        return {"name": channel.name}

    def disabled_api(self, kind: str, values: Object) -> str:
        """Return the error of a type whose API is off, or an empty text."""
        project = values.get("metrics_scope") or values.get("project")
        for prefix, api in _APIS.items():
            if kind.startswith(prefix) and f"{project}/{api}" in self.disabled_apis:
                return f"Error 403: {api} has not been used in project {project} before."
        return ""

    def changed(self, kind: str, prior: Object | None, planned: Object | None) -> str:
        """Note what a change creates or deletes, and return its error or an empty text."""
        if kind != "google_monitoring_custom_service":
            return ""
        values = planned or prior or {}
        name = f"{values['project']}/{values['service_id']}"
        if planned is None:
            self.service_ids.discard(name)
        elif prior is None and name in self.service_ids:
            return f"Error 409: Service {name} already exists."
        else:
            self.service_ids.add(name)
        return ""

    def enable(self, api: str) -> None:
        """Enable an API."""
        if api in self.disabled_apis:
            # Long enough that a resource without depends_on comes too early.
            time.sleep(0.05)
            self.disabled_apis.discard(api)


def computed_values(kind: str, values: Object) -> Object:
    """Return the attributes that Google sets, the same for the same resource."""
    project = values.get("project", "")
    match kind:
        case "google_service_account":
            email = f"{values['account_id']}@{project}.iam.gserviceaccount.com"
            return {"email": email}
        case "google_project_iam_custom_role":
            return {"name": f"projects/{project}/roles/{values['role_id']}"}
        case "google_monitoring_alert_policy":
            number = _number(project, values["display_name"])
            return {"name": f"projects/{project}/alertPolicies/{number}"}
        case "google_monitoring_notification_channel":
            number = _number(project, values["display_name"])
            return {"name": f"projects/{project}/notificationChannels/{number}"}
        case "google_monitoring_dashboard":
            title = json.loads(values["dashboard_json"])["displayName"]
            return {"id": f"projects/{_number(project)}/dashboards/{_number(title)}"}
    return {}


def _number(*parts: str) -> int:
    return int.from_bytes(hashlib.sha256(repr(parts).encode()).digest()[:8], "big") >> 1
