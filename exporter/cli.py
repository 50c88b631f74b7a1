"""The command line: what a person types, what the process answers with."""

from __future__ import annotations

import argparse
import gc
import io
import os
import sys
from contextlib import redirect_stderr, redirect_stdout
from datetime import timedelta
from importlib import metadata
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, TextIO

from exporter.exit_codes import INTERRUPTED
from exporter.signals import Signals

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

PROGRAM = "datastream-exporter"

SHORTEST_INTERVAL = timedelta(seconds=10)
"""Cloud Monitoring takes a point of a series every five seconds; ten are always safe."""

DEFAULT_WORLD = ""
"""What ``--local`` without a file stands for."""

_NO_SERVERS = (
    "the embedded Google Cloud is not part of this installation, an image of the job alone; use a "
    "checkout of the project"
)

_LAB = ("jinja2", "promql_parser")
_NO_POLICIES = (
    "what proves and shows policies is not part of this installation, an image of the job alone; "
    "use a checkout of the project"
)
_NO_LAB = "{} is not installed, which policies need; run: pip install 'datastream-exporter[lab]'"


def entry() -> None:
    """Run the command line of this process and exit with its code."""
    called = sys.argv[0]
    if called.endswith("__main__.py"):
        called = "python -m exporter"
    elif not called.endswith(PROGRAM):
        called = PROGRAM
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal that cannot show a letter gets its number, not a traceback.
        sys.stdout.reconfigure(errors="backslashreplace")
    sys.exit(main(sys.argv[1:], os.environ, sys.stdout, sys.stderr, called))


def main(
    argv: Sequence[str],
    environ: Mapping[str, str],
    out: TextIO,
    err: TextIO,
    program: str = PROGRAM,
) -> int:
    """Run one command line; return the exit code.

    Args:
        argv: The arguments after the program's name.
        environ: The environment.
        out: Gets data; on Cloud Run the log.
        err: Gets talk.
        program: How the program was called.
    """
    serving = "local" in argv[:1]
    try:
        with redirect_stdout(out), redirect_stderr(err):
            whole = parser(servers=serving)
            args = whole.parse_args(argv)
            if getattr(args, "local", None) is not None and not _has_servers():
                whole.error(_NO_SERVERS)
            if args.command == "run" and args.json and not args.dry_run:
                whole.error("--json goes with --dry-run: a run that writes prints no data")
    except SystemExit as stop:
        # argparse has said what is wrong, or has printed the help that was asked for.
        return int(stop.code or 0)
    except KeyboardInterrupt:
        # Some commands take a moment until they know their arguments.
        return INTERRUPTED
    with Signals() as signals:

        def work() -> int:
            # Google's clients take a moment to import: help and usage need none of them, and a
            # signal in that moment ends the process as any other does.
            # Nothing of what an import makes is garbage; to look for it is a noticeable part of
            # a short run.
            gc.disable()
            from exporter.commands import answer

            gc.freeze()
            gc.enable()
            return answer(args, environ, out, err, signals, program)

        code = signals.attended(work)
    return code if signals.exit_code is None else signals.exit_code


class Lazy(argparse.ArgumentParser):
    """A parser that gets its arguments once it is known to be the one that is asked."""

    def __init__(
        self, *args: Any, fill: Callable[[argparse.ArgumentParser], None] | None = None, **how: Any
    ) -> None:
        """Take what adds the arguments, beside what every parser takes."""
        super().__init__(*args, **how)
        self._fill = fill

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Add the arguments, then do as every parser does."""
        fill, self._fill = self._fill, None
        if fill:
            fill(self)
        return super().parse_known_args(args, namespace)


def parser(*, servers: bool = False) -> argparse.ArgumentParser:
    """Return the parser of the whole command line.

    Args:
        servers: Whether ``local serve`` is wanted, with its own arguments.
    """
    whole = Lazy(
        prog=PROGRAM,
        description="Writes every Datastream stream's state to Cloud Monitoring.",
        allow_abbrev=False,
    )
    whole.add_argument(
        "--version", action="version", version=f"%(prog)s {metadata.version(PROGRAM)}"
    )
    some = whole.add_subparsers(metavar="COMMAND", required=True)

    run = _command(some, "run", "read every stream's state and write it, once")
    run.add_argument(
        "--dry-run", action="store_true", help="print what would be written, and write nothing"
    )
    run.add_argument("--json", action="store_true", help="print it as JSON (with --dry-run)")
    run.add_argument(
        "--collect",
        choices=["objects"],
        help="collect the streams' objects and nothing else, for a slower schedule of its own",
    )
    _add_local(run)

    watch = _command(some, "watch", "run again and again, in one process")
    _add_interval(
        watch,
        "--interval",
        timedelta(seconds=10),
        "from one run to the next, 10s at least (default: 10s); a run that is slower than "
        "that is cut short",
    )
    _add_interval(
        watch,
        "--objects-interval",
        timedelta(minutes=15),
        "from one collection of objects to the next, where collect.objects is on (default: 15m)",
    )
    _add_local(watch)

    check = _command(some, "check", "say whether everything that a run needs is in place")
    _add_local(check)

    local = some.add_parser("local", help="the embedded Google Cloud", allow_abbrev=False)
    parts = local.add_subparsers(metavar="COMMAND", required=True)
    serve = parts.add_parser(
        "serve",
        help="keep Datastream and Cloud Monitoring up on this machine",
        description="Keeps an embedded Datastream and Cloud Monitoring up for other programs.",
        allow_abbrev=False,
    )
    if servers and not _has_servers():
        serve.error(_NO_SERVERS)
    if servers:
        # Nothing else needs the servers, and the job never imports them.
        from exporter.local.cli import add_arguments

        add_arguments(serve)
    serve.set_defaults(command="serve")

    some.add_parser(
        "policies",
        help="prove, show and review the alert policies",
        description="Proves, shows and reviews the alert policies.",
        allow_abbrev=False,
        fill=_fill_policies,
    )
    return whole


def _fill_policies(policies: argparse.ArgumentParser) -> None:
    if find_spec("exporter.policies") is None:
        policies.error(_NO_POLICIES)
    for name in _LAB:
        if find_spec(name) is None:
            policies.error(_NO_LAB.format(name))
    # The job never imports them.
    from exporter.policies.cli import add_commands

    add_commands(policies)
    policies.set_defaults(command="policies")


def _has_servers() -> bool:
    return find_spec("exporter.local") is not None


def _command(some: Any, name: str, text: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = some.add_parser(
        name, help=text, description=f"{text[0].upper()}{text[1:]}.", allow_abbrev=False
    )
    parser.add_argument(
        "--config",
        metavar="FILE",
        help="the config file (default: the text in DATASTREAM_EXPORTER_CONFIG, else config.yaml)",
    )
    parser.add_argument(
        "--impersonate-service-account",
        metavar="ACCOUNT",
        help="act as this service account",
    )
    parser.add_argument(
        "--quota-project",
        metavar="PROJECT",
        help="the project whose quota and billing the calls count against",
    )
    parser.set_defaults(command=name)
    return parser


def _add_interval(
    parser: argparse.ArgumentParser, flag: str, default: timedelta, text: str
) -> None:
    parser.add_argument(flag, type=_interval, default=default, metavar="DURATION", help=text)


def _add_local(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--local",
        nargs="?",
        const=DEFAULT_WORLD,
        metavar="WORLD",
        help="use an embedded Google Cloud on this machine, without an account: the default "
        "fleet, or the world of a file",
    )


def _interval(text: str) -> timedelta:
    from exporter import durations

    try:
        interval = durations.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if interval < SHORTEST_INTERVAL:
        raise argparse.ArgumentTypeError(
            f"{text} is too short: {durations.text(SHORTEST_INTERVAL)} is the shortest, as Cloud "
            f"Monitoring takes no more"
        )
    return interval
