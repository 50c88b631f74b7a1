"""The generated parts of terraform/README.md, except for the cost."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hcl2
import yaml

from lab.markdown import table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MODULE = Path(__file__).parent.parent / "terraform"
APPLIERS = yaml.safe_load((Path(__file__).parent / "appliers.yaml").read_text("utf-8"))
"""The roles needed to apply the module."""

PERMISSIONS = {
    "datastream.streams.list": "always",
    "datastream.locations.list": "where the project's source lists no `locations`",
    "datastream.objects.list": "with `collect.objects` in config.yaml, or with "
    "`collect_objects_schedule`",
    "datastream.privateConnections.list": "with `collect.private_connections` in config.yaml",
}
"""When the exporter's custom role holds a permission."""

_WHY = {
    "google_project_iam_member.lister": "lists streams, and what else config.yaml collects; "
    "`roles/datastream.viewer` would show hosts and users of connection profiles as well",
    "google_project_iam_member.metric_writer": "writes the series",
    "google_cloud_run_v2_job_iam_member.scheduler": "starts an execution each minute; it can do "
    "nothing else",
}

_ON = {
    "${local.watched_projects}": "each watched project",
    "${local.metrics_project}": "the metrics project",
    "${google_cloud_run_v2_job.exporter}": "each job of the module, not the project",
}

_CUSTOM = "${google_project_iam_custom_role.lister[each.key].name}"


def inputs() -> str:
    """Return every input of the module."""
    return table(
        ("input", "type", "default", "what it is"),
        (
            (
                f"`{name}`",
                _type(body["type"]),
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
    """Return every example, with what its first comment says of it."""
    return table(
        ("example", "what it shows"),
        (
            (f"[{path.parent.name}](examples/{path.parent.name}/main.tf)", _first_comment(path))
            for path in sorted(MODULE.glob("examples/*/main.tf"))
        ),
    )


def grants() -> str:
    """Return who gets which role on what, and why."""
    members = {
        f"${{google_service_account.{address.rpartition('.')[2]}{index}.member}}": _named(
            body["account_id"]
        )
        for address, body in resources("google_service_account").items()
        for index in ("", "[0]")
    }
    return table(
        ("account", "role", "on", "why"),
        (
            (
                f"`{members[body['member']]}`",
                "the custom role below" if body["role"] == _CUSTOM else f"`{body['role']}`",
                _ON[body.get("for_each", body["project"])],
                _WHY[address],
            )
            for address, body in resources("_iam_member").items()
        ),
    )


def permissions() -> str:
    """Return what the exporter's custom role holds, and when."""
    (role,) = resources("_custom_role").values()
    held = re.findall(r'"(datastream\.[\w.]+)"', role["permissions"])
    return table(("permission", "in the role"), ((f"`{each}`", PERMISSIONS[each]) for each in held))


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
    """Return the module's blocks of a kind with one label, such as ``variable``, by their name."""
    return {
        name: body
        for file in _parsed()
        for block in file.get(kind, ())
        for name, body in block.items()
    }


def resources(ending: str, kind: str = "resource") -> Mapping[str, Any]:
    """Return the module's resources whose type ends so, by ``TYPE.NAME``.

    Args:
        ending: The end of the type; empty for all.
        kind: ``resource``, ``data`` or ``ephemeral``.
    """
    return {
        f"{each}.{name}": body
        for each, named in _labelled(kind)
        if each.endswith(ending)
        for name, body in named.items()
    }


def _labelled(kind: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for file in _parsed():
        for block in file.get(kind, ()):
            yield from block.items()


@cache
def _parsed() -> tuple[dict[str, Any], ...]:
    """Return every file of the module as it was parsed."""
    how = hcl2.SerializationOptions(
        with_comments=False, explicit_blocks=False, strip_string_quotes=True
    )
    paths = sorted(MODULE.glob("*.tf"))
    return tuple(hcl2.loads(path.read_text("utf-8"), serialization_options=how) for path in paths)


def _named(text: str) -> str:
    """Return a name with the default of the input ``name`` put in."""
    return text.replace("${var.name}", str(blocks("variable")["name"]["default"]))


def _type(text: str) -> str:
    """Return a type; an object has a line for each of its fields."""
    plain = text.removeprefix("${").removesuffix("}") if text.startswith("${") else text
    found = re.fullmatch(r"(.*object\(\{)(.*)(\}\)+)", plain)
    if not found:
        return f"`{plain}`"
    # Commas within brackets part nothing.
    fields = re.split(r", (?=\w+ = )", found[2])
    return "<br>".join(f"`{line}`" for line in (found[1], *fields, found[3]))


def _default(body: Mapping[str, Any]) -> str:
    if "default" not in body:
        return "**required**"
    return "none" if body["default"] is None else f"`{json.dumps(body['default'])}`"


def _unescaped(text: str) -> str:
    return text.replace('\\"', '"')


def _first_comment(path: Path) -> str:
    """Return the lines of comment that a file begins with, as one."""
    found = re.match(r"(?:#.*\n)+", path.read_text("utf-8"))
    if not found:
        raise ValueError(f"{path} does not begin with a comment that says what it shows.")
    return " ".join(line.removeprefix("#").strip() for line in found[0].splitlines())
