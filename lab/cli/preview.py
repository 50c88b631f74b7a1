"""``datastream-lab preview``: the notifications of policies, as they will appear."""

from argparse import ArgumentParser
from collections import Counter
from collections.abc import Sequence

from exporter.logs import LOGGER
from exporter.mistakes import InputError, hint
from exporter.process import INTERRUPTED, OK
from exporter.text import plural, quote
from lab.cli.options import (
    LabContext,
    add_options,
    selected_policies,
    selected_scenarios,
)
from lab.policies.files import Policy
from lab.preview.notification import notification
from lab.preview.received import NOT_SENT, Received, received
from lab.preview.terminal import print_notification
from lab.promql_durations import format_duration
from lab.prove.scenarios import play_all
from lab.terminal import print_table, show_progress

HELP = (
    "Prints each notification as it will appear: subject, text and links, about an"
    " example stream. Below it: the lines that name a label, as they read where Cloud"
    " Monitoring leaves the labels empty. With --scenario: how many notifications one"
    " person gets, each with its time, and the first of each policy."
)


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``preview``."""
    parser.add_argument(
        "names",
        nargs="*",
        metavar="POLICY",
        help="a policy's name (default: all policies)",
    )
    parser.add_argument(
        "--scenario",
        metavar="SCENARIO",
        help="a scenario's name or file: show what one person gets",
    )
    add_options(parser, "policies", "scenarios")


def run(context: LabContext) -> int:
    """Print the notifications; return the exit code."""
    args = context.args
    policies = selected_policies(args)
    wanted = _wanted(policies, args.names)
    if not args.scenario:
        for policy in wanted:
            print_notification(notification(policy), _kind(policy), context.out)
        return OK
    scenarios = selected_scenarios(args, [args.scenario], policies)
    with show_progress(context.err) as progress:
        playing = play_all(scenarios, policies, context.stop)
        results = [
            *progress.track(playing, len(scenarios), description="playing scenarios")
        ]
    if context.stop.is_set():
        LOGGER.warning("Interrupted while playing %s.", args.scenario)
        return INTERRUPTED
    for result in results:
        found = received(result, wanted)
        if found:
            _print_received(context, args.scenario, found)
        else:
            LOGGER.info("%s opens no incident of these policies.", args.scenario)
    return OK


def _wanted(policies: Sequence[Policy], names: Sequence[str]) -> list[Policy]:
    known = {policy.name: policy for policy in policies}
    sentences = [
        f"{quote(name)} is not a policy; {hint(name, sorted(known))}"
        for name in names
        if name not in known
    ]
    if sentences:
        raise InputError(sentences)
    return [known[name] for name in dict.fromkeys(names or known)]


def _kind(policy: Policy) -> str:
    return f"{policy.name} · {policy.severity}"


def _print_received(
    context: LabContext,
    name: str,
    found: Sequence[Received],
) -> None:
    """Print a line for each notification, then the first of each policy in full."""
    counts = Counter(each.kind for each in found)
    sent = len(found) - counts[NOT_SENT]
    how = ", ".join(f"{count} {kind}" for kind, count in counts.items())
    print(
        f"One person gets {plural(sent, 'notification')} in {name}: {how}.",
        file=context.out,
    )
    headings = ("after", "what", "severity", "policy", "subject")
    rows = [_row(each) for each in found]
    print_table(headings, rows, context.out, right=("after",))
    print(file=context.out)
    shown = set()
    for each in found:
        policy = each.notification.policy
        if policy.name in shown:
            continue
        shown.add(policy.name)
        heading = f"{_kind(policy)} · {format_duration(each.at)}"
        heading += f" after the start of {name}"
        print_notification(each.notification, heading, context.out)


def _row(each: Received) -> tuple[str, ...]:
    policy = each.notification.policy
    return (
        format_duration(each.at),
        each.kind,
        policy.severity,
        policy.name,
        each.notification.fill(policy.subject),
    )
