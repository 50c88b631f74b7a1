"""``python -m exporter``, which is ``datastream-exporter``."""

from exporter.cli.start import start


def entry() -> None:
    """Run the command line of this process and exit with its code."""
    start("datastream-exporter", "exporter.cli.main")


if __name__ == "__main__":
    entry()
