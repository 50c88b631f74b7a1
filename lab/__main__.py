"""``python -m lab``: the same as ``datastream-lab``."""

from lab.cli.main import entry

if __name__ == "__main__":
    entry()
