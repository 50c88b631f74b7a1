"""Starts ``datastream-lab``; ``python -m lab`` does the same."""

from exporter.cli import start
from lab.cli.main import PROGRAM, main


def entry() -> None:
    """Run the command line of this process and exit with its code."""
    start(PROGRAM, main)


if __name__ == "__main__":
    entry()
