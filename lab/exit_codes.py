"""The exit codes of ``datastream-lab``."""

from __future__ import annotations

from exporter.cli.exit_codes import INCOMPLETE, INTERRUPTED, OK, TERMINATED, USAGE

NO_PROMETHEUS = 3

MEANINGS = {
    OK: "Everything is as expected. `demo` returns the exporter's exit code, `serve` 0.",
    INCOMPLETE: "A scenario failed, a bound was exceeded, a stricter review failed, history could "
    "not be read, or Prometheus failed.",
    USAGE: "An error on the command line or in a file, a port in use, or a missing Python package.",
    NO_PROMETHEUS: "Prometheus is not installed.",
    INTERRUPTED: "Interrupted by SIGINT (Ctrl-C).",
    TERMINATED: "Ended by SIGTERM.",
}
