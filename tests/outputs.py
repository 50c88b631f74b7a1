"""All that a test has printed, logged or left on disk, to look for canaries in it.

What pytest captures is only a part: a command's output often goes to a stream or a pipe that the
test reads, or to a file.
"""

from __future__ import annotations

import io
import itertools
import os
import re
import stat
import subprocess
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.canary import kinds_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_LONGEST_TEXT = 1024 * 1024
"""Bytes; a terminal shows fewer."""

# A terminal wraps long words, and moves and colours between letters.
_BETWEEN_LETTERS = re.compile(rb"\s|\x1b\[[0-9;?]*[A-Za-z]")


class Outputs:
    """What one test has printed and written, and where."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._printed: list[tuple[str, list[bytes]]] = []
        self._folders: list[Path] = []
        self._searched: list[Path] = []
        self._known: set[Path | tuple[Path, int, int]] = set()
        """Files that hold inputs, and those that were searched, as they were then."""

    def stream(self, where: str) -> list[bytes]:
        """Return a list for what is printed from now on.

        Args:
            where: What it is printed to, in words.
        """
        printed: list[bytes] = []
        self._printed.append((where, printed))
        return printed

    def add(self, where: str, text: str | bytes | None) -> None:
        """Add what was printed."""
        if text:
            self.stream(where).append(_bytes(text))

    def add_folder(self, folder: Path) -> None:
        """Add a folder, with what the test writes to it."""
        self._folders.append(folder)

    def write_input(self, file: Path, content: str | bytes) -> Path:
        """Write a file that may hold canaries, such as a credentials file; return its path."""
        file.write_bytes(_bytes(content))
        self._known.add(file)
        return file

    def leaks(self, captured: Iterable[tuple[str, str]] = ()) -> list[str]:
        """Return a sentence for each canary, and forget what was printed.

        Args:
            captured: What pytest has captured, by the names that it gives.
        """
        printed = [(where, b"".join(parts)) for where, parts in self._printed]
        printed += [(f"pytest's {name!r}", _bytes(text)) for name, text in captured]
        folders, self._folders, self._printed = self._folders, [], []
        self._searched += folders
        found = [each for where, data in printed for each in _sentences(data, where)]
        for file in self._changed_files(folders):
            found += _sentences_of_file(file)
        return list(dict.fromkeys(found))

    def search_again(self) -> None:
        """Search all folders again, for what was written after a first search."""
        self._folders, self._searched = self._searched, []

    def _changed_files(self, folders: list[Path]) -> Iterator[Path]:
        for root, _, names in itertools.chain(*map(os.walk, folders)):
            for file in map(Path(root).joinpath, names):
                status = file.lstat()
                state = (file, status.st_mtime_ns, status.st_size)
                if stat.S_ISREG(status.st_mode) and not {file, state} & self._known:
                    self._known.add(state)
                    yield file


OUTPUTS = Outputs()
"""Of the test that runs now."""


class Printed(io.StringIO):
    """A stream for a command to print to."""

    def __init__(self) -> None:
        """Start empty."""
        super().__init__()
        self._printed = OUTPUTS.stream("a stream that the test gave to a command")

    def write(self, text: str, /) -> int:
        """Write."""
        self._printed.append(_bytes(text))
        return super().write(text)


class AuditedProcess(subprocess.Popen[Any]):
    """A process whose pipes are read by the test and searched for canaries."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Start it."""
        super().__init__(*args, **kwargs)
        self._name = " ".join(map(str, self.args)) if isinstance(self.args, list) else self.args
        self.stdout = self._audited(self.stdout, "stdout")
        self.stderr = self._audited(self.stderr, "stderr")

    def communicate(self, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
        """Return what it printed."""
        # It reads two pipes with their numbers alone.
        printed = super().communicate(*args, **kwargs)
        for name, text in zip(("stdout", "stderr"), printed, strict=True):
            OUTPUTS.add(self._where(name), text)
        return printed

    def _where(self, name: str) -> str:
        return f"{name} of the process {self._name!s:.200}"

    def _audited(self, stream: Any, name: str) -> Any:
        text = isinstance(stream, io.TextIOWrapper)
        binary = stream.detach() if text else stream
        if not isinstance(binary, io.BufferedReader):
            return stream
        copied = io.BufferedReader(_Copied(binary.detach(), OUTPUTS.stream(self._where(name))))
        return io.TextIOWrapper(copied, stream.encoding, stream.errors) if text else copied


class _Copied(io.RawIOBase):
    """A stream, of which a copy is kept of all that is read."""

    def __init__(self, raw: io.RawIOBase, copy: list[bytes]) -> None:
        self._raw = raw
        self._copy = copy

    def readable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._raw.fileno()

    def readinto(self, buffer: Any, /) -> int | None:
        count = self._raw.readinto(buffer)
        self._copy.append(bytes(buffer[:count]))
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


def audit(monkeypatch: pytest.MonkeyPatch) -> None:
    """See what tests read of processes and of pytest's own fixtures, and where they write."""
    monkeypatch.setattr(subprocess, "Popen", AuditedProcess)
    read, make = pytest.CaptureFixture.readouterr, pytest.TempPathFactory.mktemp

    def readouterr(self: pytest.CaptureFixture[str]) -> Any:
        printed = read(self)
        OUTPUTS.add("stdout, as the test captured it", printed.out)
        OUTPUTS.add("stderr, as the test captured it", printed.err)
        return printed

    def mktemp(self: pytest.TempPathFactory, *args: Any, **kwargs: Any) -> Path:
        folder = make(self, *args, **kwargs)
        OUTPUTS.add_folder(folder)
        return folder

    monkeypatch.setattr(pytest.CaptureFixture, "readouterr", readouterr)
    monkeypatch.setattr(pytest.TempPathFactory, "mktemp", mktemp)


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode(errors="surrogatepass")


def _sentences(data: bytes, where: str) -> list[str]:
    whole = _BETWEEN_LETTERS.sub(b"", data) if len(data) < _LONGEST_TEXT else data
    kinds = kinds_in(whole)
    sentence = (
        f"A credential ({', '.join(kinds)}) is in {where}. Find what shows it. (A file that the "
        f"test writes as an input is none of it: write it with OUTPUTS.write_input.)"
    )
    return [sentence] if kinds else []


def _sentences_of_file(file: Path) -> list[str]:
    try:
        found = _sentences(file.read_bytes(), f"the file {file}")
        if zipfile.is_zipfile(file):  # such as Terraform's plans
            with zipfile.ZipFile(file) as packed:
                for name in packed.namelist():
                    found += _sentences(packed.read(name), f"{name} in the file {file}")
    except (OSError, zipfile.BadZipFile):
        # Tests write files that nobody can read.
        return []
    return found
