"""What exists at Google before a test's first plan, and what Google makes of what it is given."""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.terraform.values import UNKNOWN, Object, changed

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.terraform.schema import Attribute, Block


@dataclass(frozen=True)
class Channel:
    """A notification channel that somebody made."""

    project: str
    display_name: str

    @property
    def name(self) -> str:
        """Return ``projects/…/notificationChannels/…``; two of one name have the same."""
        return f"projects/{self.project}/notificationChannels/{number(self)}"


@dataclass
class World:
    """What the stand-in finds. A test may change it between two commands."""

    channels: list[Channel] = field(default_factory=list)
    secrets: dict[str, str] = field(default_factory=dict)
    """The latest version's text, by ``projects/PROJECT/secrets/SECRET``."""
    disabled: set[str] = field(default_factory=set)
    """APIs that are off, as ``PROJECT/SERVICE``, until a google_project_service enables them."""

    def channel(self, project: str, display_name: str) -> Object | str:
        """Return what is told of the one channel of that display name, or why none is."""
        channel = Channel(project, display_name)
        found = self.channels.count(channel)
        if found != 1:
            # Google takes any number of one display name, and the provider none of several.
            how = "More than one" if found else "No"
            return f'{how} NotificationChannel with display_name="{display_name}" in {project}'
        return {"name": channel.name, "id": channel.name, "project": project}

    def secret(self, project: str, secret: str) -> Object | str:
        """Return what is told of a secret's latest version, or why nothing is."""
        name = secret if "/" in secret else f"projects/{project}/secrets/{secret}"
        if name not in self.secrets:
            return f"googleapi: Error 404: Secret [{name}] not found or has no versions."
        return {"secret_data": self.secrets[name], "project": project}

    def enable(self, api: str) -> None:
        """Switch an API on, which takes a while."""
        if api in self.disabled:
            # Long enough for whatever does not wait for it to come too early.
            time.sleep(0.05)
            self.disabled.discard(api)


def number(*of: object) -> int:
    """Return a number as Google gives to what it makes: long, and the same for the same thing."""
    return int.from_bytes(hashlib.sha256(repr(of).encode()).digest()[:8], "big") >> 1


def completed(kind: str, block: Block, planned: Object, project: str) -> Object:
    """Return a resource with all that Google fills in: the same at each apply of the same.

    Args:
        kind: Its type, such as ``google_service_account``.
        block: Its schema.
        planned: Its values, unknown where Google decides.
        project: The provider's own project, which stands in where a resource names none.
    """
    if planned.get("project", project) in (None, UNKNOWN):
        planned = {**planned, "project": project}
    made = _NAMES.get(kind, _nothing)(planned)

    def filled(path: tuple[str, ...], attribute: Attribute, value: Any) -> Any:
        if value is not UNKNOWN and not (value is None and attribute.computed):
            return value
        if len(path) == 1 and path[0] in made:
            return made[path[0]]
        return _some(kind, path, attribute.type)

    new: Object = changed(block, planned, filled)
    return new


def _nothing(_values: Object) -> Object:
    return {}


def _service(values: Object) -> Object:
    return {"id": f"{values['project']}/{values['service']}"}


def _account(values: Object) -> Object:
    email = f"{values['account_id']}@{values['project']}.iam.gserviceaccount.com"
    name = f"projects/{values['project']}/serviceAccounts/{email}"
    return {
        "email": email,
        "member": f"serviceAccount:{email}",
        "name": name,
        "id": name,
        "unique_id": str(number(email)),
    }


def _role(values: Object) -> Object:
    name = f"projects/{values['project']}/roles/{values['role_id']}"
    return {"name": name, "id": name}


def _grant(values: Object) -> Object:
    return {"id": f"{values['project']}/{values['role']}/{values['member']}"}


def _located(collection: str, where: str = "location") -> Callable[[Object], Object]:
    def made(values: Object) -> Object:
        place = f"projects/{values['project']}/locations/{values[where]}"
        return {"id": f"{place}/{collection}/{values['name']}"}

    return made


def _descriptor(values: Object) -> Object:
    name = f"projects/{values['project']}/metricDescriptors/{values['type']}"
    return {"name": name, "id": name}


def _numbered(collection: str) -> Callable[[Object], Object]:
    def made(values: Object) -> Object:
        mark = number(collection, values["project"], values["display_name"])
        name = f"projects/{values['project']}/{collection}/{mark}"
        return {"name": name, "id": name}

    return made


def _dashboard(values: Object) -> Object:
    project = number(values["project"]) % 10**12
    title = json.loads(values["dashboard_json"])["displayName"]
    mark = uuid.uuid5(uuid.NAMESPACE_URL, f"{project} {title}")
    return {"id": f"projects/{project}/dashboards/{mark}"}


def _monitored(values: Object) -> Object:
    scope = f"locations/global/metricsScopes/{values['metrics_scope']}"
    return {"id": f"{scope}/projects/{values['name']}"}


_NAMES: dict[str, Callable[[Object], Object]] = {
    # What each is called, as the end of its documentation page ("Attributes Reference") says it.
    "google_cloud_run_v2_job": _located("jobs"),
    "google_cloud_run_v2_worker_pool": _located("workerPools"),
    "google_cloud_scheduler_job": _located("jobs", "region"),
    "google_monitoring_alert_policy": _numbered("alertPolicies"),
    "google_monitoring_dashboard": _dashboard,
    "google_monitoring_metric_descriptor": _descriptor,
    "google_monitoring_monitored_project": _monitored,
    "google_monitoring_notification_channel": _numbered("notificationChannels"),
    "google_project_iam_custom_role": _role,
    "google_project_iam_member": _grant,
    "google_project_service": _service,
    "google_service_account": _account,
}


def _some(kind: str, path: tuple[str, ...], of: Any) -> Any:
    """Return some value of a type, for what no test looks at closely."""
    if isinstance(of, list):
        return {} if of[0] in ("map", "object") else []
    name = f"{kind.removeprefix('google_')}.{'.'.join(path)}"
    return {"string": name, "number": 1, "bool": False}[of]
