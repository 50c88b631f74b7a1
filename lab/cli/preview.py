"""``datastream-lab preview``: the policies, and their notifications."""

from argparse import ArgumentParser
from operator import attrgetter

from exporter.documents.mistakes import InputError, hint
from exporter.process import OK
from exporter.text import quote
from lab.cli.options import LabContext, add_options, selected_policies
from lab.preview.notification import notification
from lab.preview.terminal import print_notification
from lab.promql_durations import format_duration
from lab.terminal import print_table

HELP = (
    "Prints the notification of a policy as it will appear: subject, text and links,"
    " about an example stream. Without POLICY, lists the policies by severity: what"
    " each fires for, whether it uses metrics or log entries, and its retest window."
)
EXAMPLE = "stream-failed"


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``preview``."""
    parser.add_argument(
        "names",
        nargs="*",
        metavar="POLICY",
        help="a policy's name (default: list the policies)",
    )
    add_options(parser, "policies")


def run(context: LabContext) -> int:
    """Print the notifications, or the policies; return the exit code."""
    policies = {policy.name: policy for policy in selected_policies(context.args)}
    names = dict.fromkeys(context.args.names)
    sentences = [
        f"{quote(name)} is not a policy; {hint(name, policies)}"
        for name in names
        if name not in policies
    ]
    if sentences:
        raise InputError(*sentences)
    if not names:
        rows = []
        for policy in sorted(policies.values(), key=attrgetter("urgency")):
            severity = policy.severity if policy.enabled else "off"
            retest = "log" if policy.is_log else format_duration(policy.retest_window)
            fires_for = policy.display_name.removeprefix("Datastream: ")
            rows.append((policy.name, severity, retest, fires_for))
        headings = ("POLICY", "SEVERITY", "RETEST", "FIRES FOR")
        print_table(headings, rows, context.out)
    for name in names:
        policy = policies[name]
        heading = f"{name} · {policy.severity}"
        print_notification(notification(policy), heading, context.out)
    return OK
