"""The exit codes of every command."""

from __future__ import annotations

OK = 0
INCOMPLETE = 1
USAGE = 2
INTERRUPTED = 130
TERMINATED = 143

MEANINGS = {
    OK: "All that could be observed was observed and written. A location that could not be read "
    "is an observation too: it is written as `location/up` 0.",
    INCOMPLETE: "Points were lost, a collector failed, or nothing at all could be read, for want "
    "of credentials for instance; of `check`: something does not work.",
    USAGE: "A mistake in config.yaml, in the environment or on the command line.",
    INTERRUPTED: "Interrupted by SIGINT (Ctrl-C), after the write under way.",
    TERMINATED: "Ended by SIGTERM, after the write under way.",
}
