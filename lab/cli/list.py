"""``datastream-lab list``: the policies at a glance."""

from argparse import ArgumentParser

from exporter.process import OK
from lab.cli.options import LabContext, add_options, selected_policies
from lab.policies.model import SEVERITIES
from lab.promql_durations import format_duration
from lab.terminal import print_table

HELP = (
    "Lists the policies by severity: what each fires for, whether it uses metrics or"
    " log entries, and its retest window. `datastream-lab test --list` lists the"
    " scenarios."
)
EXAMPLE = "--policies my-policies"


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``list``."""
    add_options(parser, "policies")


def run(context: LabContext) -> int:
    """Print the policies; return the exit code."""
    policies = sorted(
        selected_policies(context.args),
        key=lambda each: (not each.enabled, SEVERITIES.index(each.severity)),
    )
    rows = [
        (
            policy.name,
            policy.severity if policy.enabled else "off",
            "log" if policy.is_log else format_duration(policy.retest_window),
            policy.display_name.removeprefix("Datastream: "),
        )
        for policy in policies
    ]
    headings = ("policy", "severity", "retest", "fires for")
    print_table(headings, rows, context.out)
    return OK
