"""What exists in the Google Cloud projects that the fake provider manages."""

from __future__ import annotations

import hashlib
import json
import time
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from tests.terraform.cty_values import Object

_APIS = {
    "google_artifact_registry_": ("artifactregistry",),
    "google_cloud_run_": ("run",),
    "google_cloud_scheduler_": ("cloudscheduler",),
    # The function is built and run by others.
    "google_cloudfunctions2_": ("artifactregistry", "cloudbuild", "cloudfunctions", "run"),
    "google_logging_": ("logging",),
    "google_monitoring_": ("monitoring",),
    "google_project_iam_custom_role": ("iam",),
    "google_pubsub_": ("pubsub",),
    "google_secret_manager_": ("secretmanager",),
    "google_service_account": ("iam",),
    "google_storage_bucket": ("storage",),
}
"""The APIs that serve each type, by the start of its name."""

_BUILD_ROLES = ("artifactregistry.writer", "logging.logWriter", "storage.objectViewer")
"""What the account that builds a function needs."""

_PROPAGATION_SECONDS = 120
"""How long a new grant or a newly enabled API may take until a build can use it."""


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

    grants: set[tuple[str, str]] = field(default_factory=set)
    """Member and role of each grant."""
    function_state: str = "ACTIVE"
    """What Google says of each function."""

    directory: Path = Path()
    """Where Terraform runs; a real provider runs there too."""
    objects: dict[str, bytes] = field(default_factory=dict)
    """The contents of buckets, by ``BUCKET/OBJECT``."""
    service_ids: set[str] = field(default_factory=set)
    """``PROJECT/ID`` of each Monitoring service."""
    _usable_grants: set[tuple[str, str]] = field(default_factory=set)

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
        if kind == "archive_file":
            return {"output_sha256": _write_archive(self.directory / config["output_path"], config)}
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
        for prefix, apis in _APIS.items():
            for api in apis if kind.startswith(prefix) else ():
                if f"{project}/{api}.googleapis.com" in self.disabled_apis:
                    return f"Error 403: {api}.googleapis.com has not been used in project {project}"
        return ""

    def changed(self, kind: str, prior: Object | None, planned: Object | None) -> str:
        """Note what a change creates or deletes, and return its error or an empty text."""
        values = planned or prior or {}
        match kind:
            case "google_monitoring_custom_service":
                return self._service_changed(
                    f"{values['project']}/{values['service_id']}", prior, planned
                )
            case "google_storage_bucket_object":
                name = f"{values['bucket']}/{values['name']}"
                if planned is None:
                    del self.objects[name]
                else:
                    self.objects[name] = (self.directory / values["source"]).read_bytes()
            case "time_sleep" if planned:
                if int(values["create_duration"].removesuffix("s")) >= _PROPAGATION_SECONDS:
                    self._usable_grants = set(self.grants)
            case "google_cloudfunctions2_function" if planned and _source(prior) != _source(
                planned
            ):
                return self._build_error(planned)
            case _ if kind.endswith("_iam_member"):
                for each in filter(None, (prior, planned)):
                    change = self.grants.add if each is planned else self.grants.discard
                    change((each["member"], each["role"]))
        return ""

    def refreshed(self, kind: str, _state: Object) -> Object:
        """Return what Google has changed by itself since the last apply."""
        if kind == "google_cloudfunctions2_function":
            return {"state": self.function_state}
        return {}

    def _service_changed(self, name: str, prior: Object | None, planned: Object | None) -> str:
        if planned is None:
            self.service_ids.discard(name)
        elif prior is None and name in self.service_ids:
            return f"Error 409: Service {name} already exists."
        else:
            self.service_ids.add(name)
        return ""

    def _build_error(self, function: Object) -> str:
        """Return why Google can't build a function, or an empty text. It tries only once."""
        (build,) = function["build_config"]
        source = build["source"][0]["storage_source"][0]
        name = f"{source['bucket']}/{source['object']}"
        if name not in self.objects or source["generation"] != _number(name):
            return f"Build failed: {name} of generation {source['generation']} doesn't exist."
        member = f"serviceAccount:{build['service_account'].rpartition('/')[2]}"
        for role in _BUILD_ROLES:
            if (member, f"roles/{role}") not in self._usable_grants:
                return f"Build failed: {member} lacks {role}, or got it less than two minutes ago."
        return ""

    def enable(self, api: str) -> None:
        """Enable an API."""
        if api in self.disabled_apis:
            # Long enough that a resource without depends_on comes too early.
            time.sleep(0.05)
            self.disabled_apis.discard(api)


def computed_values(kind: str, values: Object) -> Object:
    """Return the attributes that Google sets, the same for the same resource, by dotted path."""
    project = values.get("project", "")
    name: Any = values.get("display_name", values.get("name"))
    computed: Object = {}
    match kind:
        case "google_service_account":
            email = f"{values['account_id']}@{project}.iam.gserviceaccount.com"
            computed = {"email": email, "id": f"projects/{project}/serviceAccounts/{email}"}
        case "google_cloudfunctions2_function":
            computed = {
                "id": f"projects/{project}/locations/{values['location']}/functions/{name}",
                "state": "ACTIVE",
                "service_config.uri": f"https://{name}-{_number(project) % 10**6}.a.run.app",
            }
        case "google_pubsub_topic":
            computed = {"id": f"projects/{project}/topics/{name}"}
        case "google_logging_project_sink":
            agent = f"service-{_number(project)}@gcp-sa-logging.iam.gserviceaccount.com"
            computed = {"writer_identity": f"serviceAccount:{agent}"}
        case "google_storage_bucket_object":
            computed = {"generation": _number(f"{values['bucket']}/{name}")}
        case "google_project_iam_custom_role":
            computed = {"name": f"projects/{project}/roles/{values['role_id']}"}
        case "google_monitoring_alert_policy":
            computed = {"name": f"projects/{project}/alertPolicies/{_number(project, name)}"}
        case "google_monitoring_notification_channel":
            computed = {"name": f"projects/{project}/notificationChannels/{_number(project, name)}"}
        case "google_monitoring_dashboard":
            title = json.loads(values["dashboard_json"])["displayName"]
            computed = {"id": f"projects/{_number(project)}/dashboards/{_number(title)}"}
    return computed


def _source(function: Object | None) -> Object | None:
    return function and function["build_config"][0]


def _write_archive(path: Path, config: Object) -> str:
    """Write what ``archive_file`` makes of its ``source`` blocks, and return its hash.

    They are sorted, and have neither times nor modes:
    https://github.com/hashicorp/terraform-provider-archive, ``ArchiveMultiple``.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in sorted((each["filename"], each["content"]) for each in config["source"]):
            archive.writestr(zipfile.ZipInfo(name), text, zipfile.ZIP_DEFLATED)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _number(*parts: str) -> int:
    # A number in JSON has 53 bits.
    return int.from_bytes(hashlib.sha256(repr(parts).encode()).digest()[:6], "big")
