"""Starts ``datastream-lab``; ``python -m lab`` does the same."""

from exporter import __main__ as exporter


def entry() -> None:
    """Run the command line of this process and exit with its code."""
    exporter.entry("datastream-lab", "lab.cli.main")


if __name__ == "__main__":
    entry()
