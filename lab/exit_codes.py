"""The exit codes of ``datastream-lab``."""

from exporter.process import INCOMPLETE, INTERRUPTED, OK, TERMINATED, USAGE

NO_PROMETHEUS = 3

MEANINGS = {
    OK: "Everything is as expected. `demo` returns the exporter's own exit code.",
    INCOMPLETE: (
        "A scenario failed, `review --strict` found what nobody"
        " watches or is told, or a lost or later alert, the history could not be read,"
        " `verify` found a failure, or with `--strict` a warning, or Prometheus failed."
    ),
    USAGE: "An error on the command line or in a file, or a missing Python package.",
    NO_PROMETHEUS: "Prometheus is not installed.",
    INTERRUPTED: "Interrupted by SIGINT (Ctrl-C).",
    TERMINATED: "Ended by SIGTERM.",
}
