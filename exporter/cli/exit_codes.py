"""The exit codes of every command."""

from __future__ import annotations

OK = 0
INCOMPLETE = 1
USAGE = 2
INTERRUPTED = 130
TERMINATED = 143

MEANINGS = {
    OK: "Everything that could be read was read and written. An unreadable location is written "
    "too, as `location/up` 0.",
    INCOMPLETE: "Points were lost, a collector failed, the exporter's own location is unknown, or "
    "nothing could be read, for example without credentials. For `check`: a check failed.",
    USAGE: "An error in config.yaml, in the environment or on the command line.",
    INTERRUPTED: "Interrupted by SIGINT (Ctrl-C), after the write under way.",
    TERMINATED: "Ended by SIGTERM, after the write under way.",
}
