"""``python -m exporter``: the same as ``datastream-exporter``."""

from exporter.cli.main import entry

if __name__ == "__main__":
    entry()
