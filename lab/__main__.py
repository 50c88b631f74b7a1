"""Starts ``datastream-lab``; ``python -m lab`` does the same."""

from exporter.process import start


def entry() -> None:
    """Run the command line of this process and exit with its code."""
    start("datastream-lab", "lab.cli.main")


if __name__ == "__main__":
    entry()
