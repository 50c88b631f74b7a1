"""The parser of command lines, of the exporter and of the lab."""

from __future__ import annotations

import argparse
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NoReturn

from exporter.cli.exit_codes import USAGE
from exporter.inputs.spelling import hint, nearest
from exporter.text import printable, quote

if TYPE_CHECKING:
    from collections.abc import Iterable


class ArgumentParser(argparse.ArgumentParser):
    """Parses arguments; a mistake is one printable sentence, with what may have been meant."""

    def parse_known_args(
        self, args: Iterable[str] | None = None, namespace: Any = None
    ) -> tuple[Any, list[str]]:
        """Parse all arguments; those that are not known are an error of this command.

        argparse itself would show the usage of the program, not of the command that was named.
        """
        parsed, unknown = super().parse_known_args(args, namespace)
        if unknown:
            guess = nearest(unknown[0].partition("=")[0], self._option_string_actions)
            meant = f"; did you mean {guess}?" if guess else ""
            self.error(f"unrecognized arguments: {' '.join(unknown)}{meant}")
        return parsed, unknown

    def error(self, message: str) -> NoReturn:
        """Exit with one printable sentence: shells pass on any character."""
        if message.startswith("the following arguments are required"):
            message += f"; {self.prog} --help describes them"
        # The exit code is the same where stderr is full.
        with suppress(OSError):
            super().error(printable(message))
        sys.exit(USAGE)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        # argparse calls this for every argument; newer versions suggest words too, in other ways.
        if action.choices is not None and value not in action.choices:
            what = "allowed" if action.option_strings else "a command"
            text = f"{quote(value)} is not {what}; {hint(str(value), action.choices)}"
            raise argparse.ArgumentError(action, text)
