"""``datastream-lab preview``: the notifications of policies, as they will appear."""

from argparse import ArgumentParser
from collections.abc import Iterator, Sequence

from exporter.cli import INTERRUPTED, OK
from exporter.documents import InputError, hint
from exporter.logs import LOGGER
from exporter.text import plural, printable, quote
from lab.cli.options import Context, add_options, selected_policies, selected_scenarios
from lab.durations import format_duration
from lab.policies.files import Policy
from lab.preview.notification import Notification, notification
from lab.preview.terminal import print_notification
from lab.prove.incidents import Incident
from lab.prove.outcomes import first_and_more
from lab.prove.scenarios import ScenarioResult, play_all
from lab.terminal import show_progress

HELP = (
    "Prints each notification as it will appear: subject, text and links, about an example stream "
    "or about the incidents of a scenario. Below it: the lines that name a label, as they read "
    "where Cloud Monitoring leaves the labels empty. A warning names each value that Cloud "
    "Monitoring or Slack could read as markup."
)

_MOST_NAMES = 3


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``preview``."""
    parser.add_argument(
        "names", nargs="*", metavar="POLICY", help="a policy's name (default: all policies)"
    )
    parser.add_argument(
        "--scenario", metavar="SCENARIO", help="a scenario's name or file: show its incidents"
    )
    add_options(parser, "policies", "scenarios")


def run(context: Context) -> int:
    """Print the notifications; return the exit code."""
    args = context.args
    policies = selected_policies(args)
    wanted = _wanted(policies, args.names)
    if not args.scenario:
        for policy in wanted:
            _print(context, notification(policy), _kind(policy), "")
        return OK
    scenarios = selected_scenarios(args, [args.scenario], policies)
    with show_progress(context.err) as progress:
        playing = play_all(scenarios, policies, context.stop)
        results = [*progress.track("playing scenarios", playing, len(scenarios))]
    if context.stop.is_set():
        LOGGER.warning("Interrupted while playing %s.", args.scenario)
        return INTERRUPTED
    shown = [each for result in results for each in _notifications(result, wanted)]
    for notice, heading, note in shown:
        _print(context, notice, f"{heading} after the start of {args.scenario}", note)
    if not shown:
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
    return [known[name] for name in dict.fromkeys(names)] if names else [*policies]


def _kind(policy: Policy) -> str:
    return f"{policy.name} · {policy.severity}"


def _notifications(
    result: ScenarioResult, wanted: Sequence[Policy]
) -> Iterator[tuple[Notification, str, str]]:
    """Yield the first notification of each policy, when it comes, and how many are like it."""
    first: dict[str, dict[str, Incident]] = {}
    for incident in sorted(result.incidents, key=lambda each: (each.opened, each.about)):
        labels = str(sorted(incident.labels.items()))
        first.setdefault(incident.policy, {}).setdefault(labels, incident)
    by_name = {policy.name: policy for policy in wanted}
    for policy in (by_name[name] for name in first if name in by_name):
        incident, *similar = first[policy.name].values()
        project = incident.labels.get("project_id") or result.scenario.configs[0].metrics.project
        if policy.is_log:
            # A log's policy lives in the project of the log.
            project = incident.about.split("/")[1]
        names = [printable(each.about.rpartition("/")[2]) for each in similar]
        listed = first_and_more([name for name in names if name], _MOST_NAMES)
        yield (
            notification(policy, incident.labels, project),
            f"{_kind(policy)} · opens {format_duration(incident.opened)}",
            f"{plural(len(similar), 'more notification')} like this one: {listed}" * bool(similar),
        )


def _print(context: Context, shown: Notification, heading: str, note: str) -> None:
    for name in shown.dangerous:
        LOGGER.warning(
            "%s: Cloud Monitoring or Slack could read %s, the value of %s, as markup.",
            shown.policy.name,
            quote(shown.values[name]),
            name,
        )
    print_notification(shown, heading, note, context.out)
