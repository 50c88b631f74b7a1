"""Reading the files that a person names on the command line."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from exporter.inputs.input_errors import InputError
from exporter.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def reading(path: str) -> Iterator[None]:
    """Turn what goes wrong while the block reads a file into an error message.

    Raises:
        InputError: In one sentence: the file doesn't exist, or can't be read.
    """
    try:
        yield
    except FileNotFoundError:
        problem = "there is no such file; check the path"
    except IsADirectoryError:
        problem = "is a directory; name the file in it"
    except (OSError, EOFError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error) or "it is cut off"
        problem = f"cannot be read ({reason}); check the file"
    else:
        return
    raise InputError([f"{printable(path)}: {problem}"])


def read_bytes(path: str, most: int) -> bytes:
    """Return the bytes of a file, at most one more than ``most``: a device never ends.

    Raises:
        InputError: It doesn't exist, or can't be read.
    """
    with reading(path), Path(path).open("rb") as file:
        return file.read(most + 1)
