"""Checks what tests of the lab and of Terraform print, and writes their inputs."""

import io
from pathlib import Path

from tests.canary import canaries_in

Printed = io.StringIO


class Outputs:
    """Looks for canaries in what it is given."""

    def add(
        self,
        where: str,
        text: str,
    ) -> None:
        """Check that a text shows no credential."""
        assert not canaries_in(text), where

    def write_input(
        self,
        file: Path,
        content: str | bytes,
    ) -> Path:
        """Write a file; return its path."""
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return file


OUTPUTS = Outputs()
