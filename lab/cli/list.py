"""``datastream-lab list``: the policies at a glance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from exporter.cli import OK
from exporter.terminal import print_table
from exporter.terminal import print_json
from exporter.durations import format_duration
from lab.backtest.output import severity_cell
from lab.cli.selection import add_json, add_policies, selected_policies
from lab.policies.model import SEVERITIES

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from lab.cli.context import Context
    from lab.policies.files import Policy

HELP = (
    "Lists the policies by severity: what each fires for, whether it uses metrics or log entries, "
    "its retest window, and how many notification channels its file names. Terraform adds channels "
    "by severity. `datastream-lab test --list` lists the scenarios."
)


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``list``."""
    add_policies(parser)
    add_json(parser)


def run(context: Context) -> int:
    """Print the policies; return the exit code.

    Raises:
        InputError: A policy is invalid.
    """
    policies = sorted(
        selected_policies(context.args),
        key=lambda policy: (not policy.enabled, SEVERITIES.index(policy.severity)),
    )
    if context.args.json:
        print_json({"policies": [_policy_json(policy) for policy in policies]}, context.out)
        return OK
    print_table(
        ("policy", "severity", "source", "retest window", "channels", "fires for"),
        (
            (
                policy.name,
                severity_cell(policy.severity) if policy.enabled else "off",
                _source(policy),
                _retest_window(policy),
                str(len(policy.proto.notification_channels) or "none"),
                policy.summary,
            )
            for policy in policies
        ),
        context.out,
    )
    return OK


def _source(policy: Policy) -> str:
    return "log" if policy.is_log else "metrics"


def _retest_window(policy: Policy) -> str:
    if policy.is_log:
        return "-"
    return format_duration(policy.retest_window) if policy.retest_window else "none"


def _policy_json(policy: Policy) -> dict[str, Any]:
    return {
        "name": policy.name,
        "file": str(policy.path),
        "display_name": policy.display_name,
        "severity": policy.severity,
        "enabled": policy.enabled,
        "fires_for": policy.summary,
        "source": _source(policy),
        "retest_window_seconds": None if policy.is_log else policy.retest_window,
        "threshold": policy.threshold,
        "yields_to": policy.yields_to,
        "channels": list(policy.proto.notification_channels),
    }
