"""``datastream-lab preview``: the notifications of policies, as they will appear."""

from argparse import ArgumentParser

from exporter.documents.mistakes import InputError, hint
from exporter.process import OK
from exporter.text import quote
from lab.cli.options import LabContext, add_options, selected_policies
from lab.preview.notification import notification
from lab.preview.terminal import print_notification

HELP = (
    "Prints the notification of a policy as it will appear: subject, text and links,"
    " about an example stream."
)
EXAMPLE = "stream-failed"


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``preview``."""
    parser.add_argument(
        "names",
        nargs="+",
        metavar="POLICY",
        help="a policy's name, as `datastream-lab list` shows it",
    )
    add_options(parser, "policies")


def run(context: LabContext) -> int:
    """Print the notifications; return the exit code."""
    policies = {policy.name: policy for policy in selected_policies(context.args)}
    names = dict.fromkeys(context.args.names)
    sentences = [
        f"{quote(name)} is not a policy; {hint(name, policies)}"
        for name in names
        if name not in policies
    ]
    if sentences:
        raise InputError(sentences)
    for name in names:
        policy = policies[name]
        heading = f"{name} · {policy.severity}"
        print_notification(notification(policy), heading, context.out)
    return OK
