"""The arguments that several commands shard."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import ArgumentParser

FOLDER = "alerting_policies"
"""Where the policies are, in the project's root."""

SCENARIOS = "scenarios"
"""Where their scenarios are, in the same folder."""


def add_policies(parser: ArgumentParser) -> None:
    """Add what names the folders of policies."""
    parser.add_argument(
        "--policies",
        action="append",
        metavar="FOLDER",
        help=f"the policies' folder (default: {FOLDER}, here or in a folder above); given twice, "
        f"the policies of both are taken together",
    )


def add_scenarios(parser: ArgumentParser) -> None:
    """Add what names the folders of scenarios."""
    parser.add_argument(
        "--scenarios",
        action="append",
        metavar="FOLDER",
        help=f"the scenarios' folder (default: {SCENARIOS} in the policies' folder); may be given "
        f"twice",
    )


def add_json(parser: ArgumentParser) -> None:
    """Add ``--json``, for whoever reads the data by machine."""
    parser.add_argument("--json", action="store_true", help="print it as JSON")
