"""``datastream-lab list``: the policies at a glance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TextIO

from exporter.cli.exit_codes import OK
from exporter.cli.tables import print_table
from exporter.cli.terminal import print_json
from exporter.inputs.durations import format_duration
from lab.backtest.incidents_table import severity_cell
from lab.cli.inputs import policies_of
from lab.cli.options import add_json, add_policies
from lab.policies.model import SEVERITIES

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from lab.policies.files import Policy

HELP = (
    "Lists the policies, the severest first: what each pages for, whether metrics or log entries "
    "tell it, how long it has to be so, and which channels the file names. Terraform adds channels "
    "by severity."
)


def add_arguments(parser: ArgumentParser) -> None:
    """Add what :func:`run` reads."""
    add_policies(parser)
    add_json(parser)


def run(args: Namespace) -> int:
    """Print the policies; return the exit code.

    Raises:
        InputError: All that is wrong with them.
    """
    out: TextIO = args.out
    policies = sorted(policies_of(args), key=lambda each: SEVERITIES.index(each.severity))
    if args.json:
        print_json({"policies": [_fields(policy) for policy in policies]}, out)
        return OK
    print_table(
        ("policy", "severity", "told by", "hold", "channels", "pages for"),
        (
            (
                policy.name,
                severity_cell(policy.severity) if policy.enabled else "off",
                told_by(policy),
                retest_window(policy),
                str(len(policy.proto.notification_channels) or "none"),
                policy.summary,
            )
            for policy in policies
        ),
        out,
    )
    return OK


def told_by(policy: Policy) -> str:
    """Return what a policy looks at."""
    return "log" if policy.is_log else "metrics"


def retest_window(policy: Policy) -> str:
    """Return how long it has to be so, in words."""
    if policy.is_log:
        return "-"
    return format_duration(policy.retest_window) if policy.retest_window else "none"


def _fields(policy: Policy) -> dict[str, Any]:
    return {
        "name": policy.name,
        "file": str(policy.path),
        "display_name": policy.display_name,
        "severity": policy.severity,
        "enabled": policy.enabled,
        "pages_for": policy.summary,
        "told_by": told_by(policy),
        "hold_seconds": None if policy.is_log else policy.retest_window,
        "threshold": policy.threshold,
        "yields_to": policy.yields_to,
        "channels": list(policy.proto.notification_channels),
    }
