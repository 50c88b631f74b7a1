"""The licences of what is deployed: the packages of the image and of the function."""

from __future__ import annotations

import re
from importlib import metadata
from pathlib import Path

from lab.markdown import table

_REQUIREMENTS = Path(__file__).parent.parent / "requirements"
LOCKS = {"image": _REQUIREMENTS / "job.txt", "function": _REQUIREMENTS / "function.txt"}

ALLOWED = frozenset(
    {
        "Apache-2.0",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "MIT",
        "MIT-0",
        # Weak copyleft for its own files, which nobody changes here.
        "MPL-2.0",
        "PSF-2.0",
    }
)
"""SPDX identifiers; a package may offer one of them among others."""

_SPDX = {
    "Apache 2": "Apache-2.0",
    "Apache 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "3-Clause BSD License": "BSD-3-Clause",
    "BSD License": "BSD-3-Clause",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
}
"""What packages without an SPDX identifier call their licence."""


def locked(lock: Path) -> dict[str, str]:
    """Return the versions of a lock by package."""
    return dict(re.findall(r"^([\w.-]+)==([^ ;\\]+)", lock.read_text("utf-8"), re.MULTILINE))


def licence(package: str) -> str:
    """Return a package's licence as an SPDX expression, from its own metadata.

    Source: https://packaging.python.org/specifications/core-metadata (License-Expression, License,
    Classifier).
    """
    about = metadata.metadata(package)
    classifiers = [
        classifier.rpartition(" :: ")[2]
        for classifier in about.get_all("Classifier") or ()
        if classifier.startswith("License ::")
    ]
    found = about["License-Expression"] or next(iter(classifiers), None) or about["License"]
    return _SPDX.get(found, found) if found else "unknown"


def is_allowed(expression: str) -> bool:
    """Return whether a licence, or one of those to choose from, is allowed."""
    return any(each.strip() in ALLOWED for each in expression.split(" OR "))


def deployed() -> str:
    """Return every package that is deployed, with its licence and where it is."""
    locks = {place: locked(lock) for place, lock in LOCKS.items()}
    packages = sorted({package for lock in locks.values() for package in lock})
    return table(
        ("package", "licence", "in"),
        (
            (
                package,
                licence(package),
                ", ".join(place for place, lock in locks.items() if package in lock),
            )
            for package in packages
        ),
    )
