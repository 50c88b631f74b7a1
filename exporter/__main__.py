"""Starts ``datastream-exporter``; ``python -m exporter`` does the same."""

from exporter import PROGRAM
from exporter.process import start


def entry() -> None:
    """Run the command line of this process and exit with its code."""
    start(PROGRAM, "exporter.command.cli")


if __name__ == "__main__":
    entry()
