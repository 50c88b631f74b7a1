"""Reading the files that a person names."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from exporter.inputs.input_errors import InputError
from exporter.text import printable, quote

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def reading(path: str) -> Iterator[None]:
    """Turn what goes wrong while the block reads a file into an error message.

    Raises:
        InputError: In one sentence: the file doesn't exist, can't be read, or is not text.
    """
    try:
        yield
    except FileNotFoundError:
        problem = "there is no such file; check the path"
    except IsADirectoryError:
        problem = "is a directory; name the file in it"
    except PermissionError:
        problem = "this user may not read it; give it read permission"
    except UnicodeDecodeError as error:
        problem = f"is not UTF-8 (byte {error.start} from its start); save it as UTF-8"
    except (OSError, EOFError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error) or "it is cut off"
        problem = f"cannot be read ({reason}); check the path"
    else:
        return
    raise InputError([f"{printable(path) or quote(path)}: {problem}"])


def read_bytes(path: str, most: int, too_large: str) -> bytes:
    """Return the bytes of a file; a device never ends.

    Args:
        path: The file.
        most: The bytes that it may have.
        too_large: What to say if it has more.

    Raises:
        InputError: It doesn't exist, can't be read, or is too large.
    """
    with reading(path), Path(path).open("rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise InputError([f"{printable(path)}: {too_large}"])
    return content
