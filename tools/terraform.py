"""The generated parts of terraform/README.md, except for the cost."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hcl2
import yaml

from lab.markdown import fenced, table

if TYPE_CHECKING:
    from collections.abc import Mapping

MODULE = Path(__file__).parent.parent / "terraform"
APPLIERS = yaml.safe_load((Path(__file__).parent / "appliers.yaml").read_text("utf-8"))
"""The roles needed to apply the module."""

INPUT_RULES = yaml.safe_load((MODULE / "input_rules.yaml").read_text("utf-8"))
"""What the inputs of type ``any`` must be."""

SHOWN_EXAMPLES = {
    "function": "A function",
    "one-project": "A job, with your image",
    "worker-pool": "A worker pool",
    "organisation": "An organisation, with a route for each team",
    "own-accounts": "Accounts and grants managed elsewhere",
    "slack-existing": "A Slack channel that exists",
    "slack-created": "",
}
"""The heading of each example, in order; without one, the page only links to it."""

SOURCE = '"./datastream-exporter/terraform"'
IMAGE = '"europe-west1-docker.pkg.dev/orders-prod/tools/datastream-exporter@sha256:DIGEST"'
"""What the page has in place of an example's path to the module, and of its input."""

PERMISSIONS = {
    "datastream.streams.list": "always",
    "datastream.locations.list": "if the project's source has no `locations`",
    "datastream.objects.list": "with `collect.objects` in config.yaml, or with "
    "`collect_objects_schedule`",
    "datastream.privateConnections.list": "with `collect.private_connections` in config.yaml",
}
"""When the exporter's custom role has a permission."""

_WHY = {
    "google_project_iam_member.build_source": "reads the source: Google's own copy in a bucket "
    "whose name begins with `gcf-v2-sources-`, which a condition says",
    "google_project_iam_member.build_log": "writes the build's log",
    "google_artifact_registry_repository_iam_member.build": "stores the function's image",
    "google_cloud_run_v2_service_iam_member.scheduler": "calls the function every minute, and can "
    "do nothing else",
    "google_cloud_run_v2_service_iam_member.push": "calls the function when Datastream logs "
    "something, and can do nothing else",
    "google_pubsub_topic_iam_member.sink": "sends log entries to the function's topic",
    "google_project_iam_member.lister": "lists streams, and what else config.yaml collects; "
    "`roles/datastream.viewer` would also show hosts and users of connection profiles",
    "google_project_iam_member.metric_writer": "writes the series",
    "google_cloud_run_v2_job_iam_member.scheduler": "starts an execution every minute, and can do "
    "nothing else",
}

_ON = {
    "${local.job_project}": "the function's project",
    "google_artifact_registry_repository_iam_member.build": "the function's repository",
    "google_cloud_run_v2_service_iam_member.scheduler": "the function",
    "google_cloud_run_v2_service_iam_member.push": "the function",
    "google_pubsub_topic_iam_member.sink": "the function's topic",
    "${google_project_iam_custom_role.lister}": "each watched project",
    "${local.metrics_project}": "the metrics project",
    "${var.manage_iam ? google_cloud_run_v2_job.exporter : {}}": "each job of the module, not the "
    "project",
}

_FIRST_COMMENT = re.compile(r"\A(?:#.*\n)+")
_BLOCKS = re.DOTALL | re.MULTILINE

_CUSTOM = "${each.value.name}"

_SINKS = "each log sink's own account"


def inputs() -> str:
    """Return every input of the module."""
    return table(
        ("input", "type", "default", "what it is"),
        (
            (
                f"`{name}`",
                _object_type(name) if name in INPUT_RULES else _type(body["type"]),
                _default(body),
                _unescaped(body["description"]),
            )
            for name, body in sorted(blocks("variable").items())
        ),
    )


def outputs() -> str:
    """Return every output of the module."""
    return table(
        ("output", "what it is"),
        ((f"`{name}`", _unescaped(body["description"])) for name, body in blocks("output").items()),
    )


def examples() -> str:
    """Return every example with its first comment, and the text of those with a heading."""
    paths = {name: MODULE / "examples" / name / "main.tf" for name in SHOWN_EXAMPLES}
    first, *_ = paths
    overview = table(
        ("example", "shows"),
        (
            (f"[{name}](examples/{name}/main.tf)", _first_comment(path))
            for name, path in paths.items()
        ),
    )
    shown = [overview]
    for name, heading in SHOWN_EXAMPLES.items():
        if not heading:
            continue
        shown += [f"### {heading}", fenced("hcl", example(name))]
        config = _config(name)
        if name == first or yaml.safe_load(config) != yaml.safe_load(_config(first)):
            shown += ["`config.yaml`:", fenced("yaml", config)]
    return "\n\n".join(shown)


def example(name: str) -> str:
    """Return an example as the page shows it: beside a clone, with an image, without outputs."""
    text = (MODULE / "examples" / name / "main.tf").read_text("utf-8")
    text = _FIRST_COMMENT.sub("", text)
    text = re.sub(r'^(?:output "\w+"|variable "image") {\n.*?^}\n', "", text, flags=_BLOCKS)
    text = text.replace('"../.."', SOURCE).replace("var.image", IMAGE)
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def grants() -> str:
    """Return who gets which role on what, and why."""
    members = {
        f"${{local.{address.rpartition('.')[2]}_member}}": _named(body["account_id"])
        for address, body in resources("google_service_account").items()
    }
    return table(
        ("account", "role", "on", "why"),
        (
            (
                f"`{members[body['member']]}`" if body["member"] in members else _SINKS,
                "the custom role below" if body["role"] == _CUSTOM else f"`{body['role']}`",
                _ON.get(address) or _ON[body.get("for_each", body["project"])],
                _WHY[address],
            )
            for address, body in resources("_iam_member").items()
        ),
    )


def permissions() -> str:
    """Return the permissions of the exporter's custom role, and when it has them."""
    names = re.findall(r'"(datastream\.[\w.]+)"', (MODULE / "iam.tf").read_text("utf-8"))
    return table(
        ("permission", "in the role"), ((f"`{name}`", PERMISSIONS[name]) for name in names)
    )


def appliers() -> str:
    """Return the roles needed to apply the module."""
    return table(
        ("role", "on", "for", "when"),
        (
            (
                ", ".join(f"`{role}`" for role in applier["roles"]),
                applier["granted_on"],
                ", ".join(f"`{name}`" for name in applier["types"]),
                applier.get("when", "always"),
            )
            for applier in APPLIERS
        ),
    )


def blocks(kind: str) -> Mapping[str, Any]:
    """Return the module's blocks of a kind with one label, such as ``variable``, by name."""
    return {name: body for block in _module()[kind] for name, body in block.items()}


def resources(ending: str, kind: str = "resource") -> Mapping[str, Any]:
    """Return the module's resources with a type that ends this way, by ``TYPE.NAME``.

    Args:
        ending: The end of the type; empty for all.
        kind: ``resource``, ``data`` or ``ephemeral``.
    """
    return {
        f"{resource_type}.{name}": body
        for block in _module().get(kind, ())
        for resource_type, named in block.items()
        if resource_type.endswith(ending)
        for name, body in named.items()
    }


@cache
def _module() -> dict[str, Any]:
    """Return the blocks of all files of the module, by kind."""
    options = hcl2.SerializationOptions(
        with_comments=False, explicit_blocks=False, strip_string_quotes=True
    )
    files = sorted(MODULE.glob("*.tf"))
    text = "\n".join(path.read_text("utf-8") for path in files)
    return hcl2.loads(text, serialization_options=options)


def _named(text: str) -> str:
    """Return a name with the default of the input ``name``."""
    return text.replace("${var.name}", str(blocks("variable")["name"]["default"]))


def _type(text: str) -> str:
    """Return a type in Markdown, with one line per field of an object."""
    plain = text.removeprefix("${").removesuffix("}") if text.startswith("${") else text
    found = re.fullmatch(r"(.*object\(\{)(.*)(\}\)+)", plain)
    if not found:
        return f"`{plain}`"
    # Commas in brackets don't separate fields.
    fields = re.split(r", (?=\w+ = )", found[2])
    return "<br>".join(f"`{line}`" for line in (found[1], *fields, found[3]))


def _object_type(name: str) -> str:
    """Return the type of an input that is declared as ``any``, from the rules it is checked by."""
    rules = INPUT_RULES[name]
    key = ".*" if ".*" in rules else ""
    required = rules[key].get("required", ())
    fields = ", ".join(
        f"{each} = {kind if each in required else f'optional({kind}{default})'}"
        for each in rules[key]["keys"]
        for kind in [_rule_type(rules, f"{key}.{each}")]
        for default in [_optional_default(rules[f"{key}.{each}"])]
    )
    return _type(f"map(object({{{fields}}}))" if key else f"object({{{fields}}})")


def _optional_default(rule: Mapping[str, Any]) -> str:
    return f", {json.dumps(rule['default'])}" if "default" in rule else ""


def _rule_type(rules: Mapping[str, Any], path: str) -> str:
    name: str = rules[path]["types"][0]
    if name == "array":
        return f"list({_rule_type(rules, f'{path}[]')})"
    return {"boolean": "bool"}.get(name, name)


def _default(body: Mapping[str, Any]) -> str:
    if "default" not in body:
        return "**required**"
    return "none" if body["default"] is None else f"`{json.dumps(body['default'])}`"


def _unescaped(text: str) -> str:
    return text.replace('\\"', '"')


def _config(name: str) -> str:
    return (MODULE / "examples" / name / "config.yaml").read_text("utf-8").strip()


def _first_comment(path: Path) -> str:
    """Return the comment that a file begins with, on one line."""
    found = _FIRST_COMMENT.match(path.read_text("utf-8"))
    if not found:
        raise ValueError(f"{path} does not begin with a comment; say there what the example shows.")
    return " ".join(line.removeprefix("#").strip() for line in found[0].splitlines())
