"""The Google Cloud projects that the fake provider manages.

What Google rejects, and what it stores differently from what it was given (every plan
would show a difference), was each seen with the real provider, or is on the page that
is named beside it. Only cases of the module's resources are here.
"""

import hashlib
import json
import re
import time
import zipfile
from dataclasses import dataclass, field
from itertools import count
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

from google.cloud.monitoring_dashboard_v1 import Dashboard
from google.protobuf import json_format

from tests.tables import beside

Object = dict[str, Any]
"""A block's values by argument and nested block; None for what isn't set."""

_KNOWN = beside(__file__, "google_names.yaml")
_NAMES: dict[str, str] = _KNOWN["names"]
_TARGETS: dict[str, tuple[str, str]] = _KNOWN["targets"]

_BUILD_ROLES = ("artifactregistry.writer", "logging.logWriter", "storage.objectViewer")
"""What the account that builds a function needs."""

_PROPAGATION_SECONDS = 120
"""How long a new grant or a newly enabled API may take until a build can use it."""

_CREATED = count(1)

_NAMED = re.compile(r'("column": ?"\w+)", ?"displayName": ?"')
"""The API knows a column's displayName, its client doesn't: it goes into the column."""


class Channel(NamedTuple):
    """A notification channel that existed before the first apply."""

    project: str
    display_name: str


@dataclass
class FakeProject:
    """What the provider finds. A test may change it between two commands."""

    channels: list[Channel] = field(default_factory=list)
    secrets: dict[str, str] = field(default_factory=dict)  # latest texts, by full name
    streams: list[str] = field(default_factory=list)  # full names, for Asset Inventory
    default_project: str = ""  # of the provider's block
    enabled_apis: set[str] | None = None
    """``PROJECT/API`` of each API that is on in new projects. None: all are on."""
    directory: Path = Path()  # Terraform's own, and so the provider's
    objects: dict[str, bytes] = field(default_factory=dict)  # by BUCKET/OBJECT
    resources: dict[tuple[str, str], Object] = field(default_factory=dict)
    """What exists, by type and name: grants, and the types that have names."""
    deleted: list[tuple[str, Object]] = field(default_factory=list)  # not forgotten
    _usable_grants: set[tuple[str, str]] = field(default_factory=set)

    def read(self, kind: str, config: Object) -> Object:
        """Return what a data source or an ephemeral resource reads.

        Raise LookupError if its API is off, it doesn't exist or the name is ambiguous.
        """
        if disabled := self._disabled_api(kind, config):
            raise LookupError(disabled)
        if kind == "google_secret_manager_secret_version":
            name = f"projects/{config['project']}/secrets/{config['secret']}"
            return {"secret_data": self.secrets[name]}
        if kind == "archive_file":
            _write_archive(self.directory / config["output_path"], config)
            return {}
        if kind == "google_cloud_asset_search_all_resources":
            # https://docs.cloud.google.com/app-hub/docs/supported-resources
            prefix = "//datastream.googleapis.com/"
            return {"results": [{"name": prefix + name} for name in self.streams]}
        wanted = Channel(config["project"], config["display_name"])
        # Display names aren't unique in Cloud Monitoring; the provider takes one match.
        if self.channels.count(wanted) != 1:
            raise LookupError(f"No NotificationChannel, or more than one: {wanted}")
        name = f"projects/{wanted.project}/notificationChannels/{_number(*wanted)}"
        return {"name": name}

    def holds(self, kind: str, values: Object) -> bool:
        """Return whether a resource still exists; types without a name always do."""
        name = _name(kind, values)
        return not name or (kind, name) in self.resources

    def imported(self, kind: str, given: str) -> Object:
        """Return what an import finds; raise LookupError if there is none.

        A policy's id is its name alone, and its project that of the provider's block.
        """
        match kind:
            case "google_monitoring_custom_service":
                project, _, name = given.partition(" ")
            case "google_monitoring_dashboard":
                _, project, _, name = given.split("/")
            case "google_storage_bucket":
                project, _, name = given.partition("/")
            case "google_monitoring_alert_policy":
                project, name = self.default_project, given
                if not project:
                    raise LookupError("project: required field is not set")
            case _:
                project, name = "", given
        found = self.resources.get((kind, name))
        if not found:
            raise LookupError(f"Cannot import non-existent remote object: {given}")
        return {**found, "project": project} if project else found

    def change(self, kind: str, prior: Object | None, planned: Object | None) -> str:
        """Create, change or delete a resource; return Google's error, or nothing."""
        if planned is None:
            return self._delete(kind, prior or {})
        error = self._disabled_api(kind, planned) or self._refusal(kind, prior, planned)
        if error:
            return error
        match kind:
            case "google_project_service":
                # Long enough that a resource without depends_on comes too early.
                time.sleep(0.05)
                if self.enabled_apis is not None:
                    api = planned["service"].removesuffix(".googleapis.com")
                    self.enabled_apis.add(f"{planned['project']}/{api}")
            case "google_monitoring_dashboard":
                return _dashboard_error(planned["dashboard_json"])
            case "google_storage_bucket_object":
                content = (self.directory / planned["source"]).read_bytes()
                self.objects[f"{planned['bucket']}/{planned['name']}"] = content
            case "time_sleep":
                seconds = int(planned["create_duration"].removesuffix("s"))
                if seconds >= _PROPAGATION_SECONDS:
                    grants = {key for key in self.resources if "_iam_" in key[0]}
                    self._usable_grants = grants
            case "google_cloudfunctions2_function":
                # https://cloud.google.com/functions/docs/securing/cmek: a key needs a
                # new build.
                built = ("build_config", "kms_key_name")
                if not prior or any(prior[name] != planned[name] for name in built):
                    return self._build_error(planned)
        return ""

    def store(self, kind: str, values: Object) -> None:
        """Keep a resource that was created or changed."""
        if name := _name(kind, values):
            self.resources[kind, name] = values
        if kind == "google_storage_bucket_object":
            self.objects.setdefault(name, b"")

    def _refusal(self, kind: str, prior: Object | None, planned: Object) -> str:
        """Return why Google refuses a resource, or an empty text."""
        name = _name(kind, planned)
        exists = (kind, name) in self.resources
        # Creating an object or a grant that exists takes it over.
        is_adopted = kind == "google_storage_bucket_object" or "_iam_member" in kind
        if exists and not prior and not is_adopted:
            # https://cloud.google.com/apis/design/errors
            return f"Error 409: {name} already exists."
        if kind in _TARGETS and _target(kind, planned) not in self.resources:
            return f"Error 404: {_target(kind, planned)[1]} doesn't exist."
        if kind == "google_cloud_scheduler_job":
            # https://cloud.google.com/scheduler/docs/http-target-auth
            (target,) = planned["http_target"]
            for token in (*target["oauth_token"], *target["oidc_token"]):
                email = token["service_account_email"]
                if not email.endswith(f"@{planned['project']}.iam.gserviceaccount.com"):
                    return f"Error 400: {email} isn't an account of the project."
        return ""

    def _delete(self, kind: str, prior: Object) -> str:
        name = _name(kind, prior)
        # The state's value counts, so an apply with false must come first.
        if prior.get("deletion_protection", False) is not False:
            return f"Cannot destroy {name}: first apply without deletion protection."
        if "_channel" in kind and not prior["force_delete"]:
            # https://cloud.google.com/monitoring/api/ref_v3/rest/v3/projects.notificationChannels/delete
            for policy in self.resources.values():
                if name in (policy.get("notification_channels") or ()):
                    return f"Error 400: {name} is used by {policy['name']}."
        self._forget(kind, name)
        if prior.get("deletion_policy") != "ABANDON":
            self.deleted.append((kind, prior))
        return ""

    def _forget(self, kind: str, name: str) -> None:
        """Remove a resource with its grants, and a bucket with its objects."""
        removed = self.resources.pop((kind, name), {})
        self._usable_grants.discard((kind, name))
        if kind == "google_storage_bucket_object":
            del self.objects[name]
        for other, values in list(self.resources.items()):
            if other[0] in _TARGETS:
                owner = _target(other[0], values)
            elif other[0] == "google_storage_bucket_object":
                owner = ("google_storage_bucket", values["bucket"])
            else:
                owner = ("", "")
            # https://cloud.google.com/iam/docs/service-accounts-delete-undelete: an
            # account of the same name has none of the grants.
            member = f"serviceAccount:{removed.get('email')}"
            if owner == (kind, name) or values.get("member") == member:
                self._forget(*other)

    def _disabled_api(self, kind: str, values: Object) -> str:
        project = values.get("metrics_scope") or values.get("project")
        if not project or self.enabled_apis is None:
            return ""
        for prefix, apis in _KNOWN["apis"].items():
            for api in apis if kind.startswith(prefix) else ():
                if f"{project}/{api}" not in self.enabled_apis:
                    return f"Error 403: the API {project}/{api} is off"
        return ""

    def _build_error(self, function: Object) -> str:
        """Return why Google can't build a function, or nothing. It tries only once."""
        (build,) = function["build_config"]
        account = re.fullmatch(
            r"projects/[^/]+/serviceAccounts/(.+)", build["service_account"]
        )
        if not account:
            return f"Error 400: {build['service_account']} isn't an account's name."
        source = build["source"][0]["storage_source"][0]
        name = f"{source['bucket']}/{source['object']}"
        generation = _number("", source["object"])
        if name not in self.objects or source["generation"] != generation:
            return f"Build failed: no generation {source['generation']} of {name}."
        for role in _BUILD_ROLES:
            grant = f" roles/{role} serviceAccount:{account[1]}"
            if not any(name.endswith(grant) for _, name in self._usable_grants):
                return f"Build failed: {account[1]} lacks {role}, or it's too new."
        return ""


def _name(kind: str, values: Object) -> str:
    """Return a resource's name, or an empty text."""
    if kind == "google_monitoring_dashboard":
        # Before this is the project's id or its number.
        return str(values["id"]).rpartition("/")[2]
    if kind.endswith("_iam_member"):
        target = _target(kind, values)[1] if kind in _TARGETS else values["project"]
        return f"{target} {values['role']} {values['member']}"
    return _NAMES.get(kind, "").format(**values)


def _target(kind: str, values: Object) -> tuple[str, str]:
    """Return the type and the name of what a grant is on."""
    target, name = _TARGETS[kind]
    return target, name.format(**values)


def computed_values(kind: str, values: Object) -> Object:
    """Return the attributes that Google sets, by dotted path."""
    named = {"name": "", "project": "", **values}
    named["number"] = _number(
        named["project"], str(named.get("display_name", named["name"]))
    )
    # A resource that is created again is another one.
    computed = dict.fromkeys(("create_time", "uid", "unique_id"), str(next(_CREATED)))
    formats = {"id": _NAMES.get(kind, ""), **_KNOWN["computed"].get(kind, {})}
    for path, written in formats.items():
        computed[path] = written.format_map(named)
    return computed


def known_at_plan(kind: str, values: Object) -> Object:
    """Return the attributes that Google sets and the provider predicts."""
    if kind != "google_service_account":
        return {}
    domain = f"{values['project']}.iam.gserviceaccount.com"
    return {"email": f"{values['account_id']}@{domain}"}


def stored(kind: str, values: Object) -> Object:
    """Return a resource as the API stores it and the provider reads it."""
    if kind != "google_monitoring_dashboard":
        return values
    # The API stores a proto. Its JSON leaves out unset and zero values, and writes
    # 64-bit numbers as strings.
    text = _NAMED.sub(r"\1|", values["dashboard_json"])
    message = json_format.Parse(text, Dashboard.pb()())
    content = json.dumps({**json_format.MessageToDict(message), "etag": "0"})
    named = re.sub(r'("column": "\w+)\|', r'\1", "displayName": "', content)
    return {**values, "dashboard_json": named}


def kept(prior: Object, proposed: Object) -> Object:
    """Return the proposed values, or the state's where the provider sees no change."""
    new = proposed.get("dashboard_json")
    if not isinstance(new, str):
        return proposed
    # The provider compares the keys of the new JSON only: the API adds a name, an etag
    # and more.
    old = prior["dashboard_json"]
    if _common(json.loads(old), json.loads(new)) != json.loads(new):
        return proposed
    return {**proposed, "dashboard_json": old}


def _dashboard_error(text: str) -> str:
    try:
        json_format.Parse(_NAMED.sub(r"\1|", text), Dashboard.pb()())
    except json_format.ParseError as error:
        return f"Error 400: {error}"
    return ""


def _common(old: Any, new: Any) -> Any:
    """Return the old value without keys that the new one doesn't have."""
    if isinstance(old, dict) and isinstance(new, dict):
        return {
            key: _common(value, new[key]) for key, value in old.items() if key in new
        }
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return [_common(a, b) for a, b in zip(old, new, strict=True)]
    return old


def _write_archive(path: Path, config: Object) -> None:
    """Write what ``archive_file`` makes of its ``source`` blocks.

    They are sorted, and have neither times nor modes:
    https://github.com/hashicorp/terraform-provider-archive, ``ArchiveMultiple``.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for each in sorted(config["source"], key=itemgetter("filename")):
            info = zipfile.ZipInfo(each["filename"])
            archive.writestr(info, each["content"], zipfile.ZIP_DEFLATED)


def _number(*parts: str) -> int:
    # A number in JSON has 53 bits.
    return int.from_bytes(hashlib.sha256(repr(parts).encode()).digest()[:6], "big")
