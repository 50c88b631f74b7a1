"""What a page can be about, and what it is called."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from lab.policies.files import Policy

_EXPORTERS = "exporters"
_ITS_JOB = "run_googleapis_com:"


class Kind(IntEnum):
    """Of what kind a thing is, in the order in which they are shown."""

    EXPORTER = 0
    PROJECT = 1
    LOCATION = 2
    STREAM = 3
    CONNECTION = 4
    NAMELESS = 5


WORDS = {
    Kind.EXPORTER: "exporter",
    Kind.PROJECT: "project",
    Kind.LOCATION: "location",
    Kind.STREAM: "stream",
    Kind.CONNECTION: "private connection",
    Kind.NAMELESS: "a page that names nothing",
}

_KINDS = {
    "projects": Kind.PROJECT,
    "locations": Kind.LOCATION,
    "streams": Kind.STREAM,
    "privateConnections": Kind.CONNECTION,
    _EXPORTERS: Kind.EXPORTER,
}


class Thing(NamedTuple):
    """A thing that pages can be about.

    Attributes:
        kind: Of what kind.
        name: Its full name; all exporters of a scenario are one.
    """

    kind: Kind
    name: str

    @property
    def parts(self) -> dict[str, str]:
        """The parts of the name, by what stands before each: ``{"projects": …}``."""
        parts = self.name.split("/")
        return dict(zip(parts[::2], parts[1::2], strict=False))

    @property
    def short(self) -> str:
        """What it is called where it is clear what it is."""
        return self.name.rpartition("/")[2]

    @property
    def where(self) -> str:
        """The project and location that it is in, as far as it is in some."""
        return " / ".join([*self.parts.values()][:-1])


EXPORTER = Thing(Kind.EXPORTER, "")


def named(name: str) -> Thing:
    """Return the thing of a full name, which is no exporter's if it is empty."""
    parts = name.split("/")
    kind = _KINDS.get(parts[-2]) if len(parts) > 1 else None
    if kind is Kind.EXPORTER:
        return EXPORTER
    return Thing(Kind.NAMELESS if kind is None else kind, name)


def thing(about: str, policy: Policy | None) -> Thing:
    """Return what an incident is about.

    Args:
        about: The name that it has; empty where it names nothing.
        policy: The policy that opened it.
    """
    if not about and policy is not None and is_of_exporter(policy):
        return EXPORTER
    return named(about)


def is_of_exporter(policy: Policy) -> bool:
    """Say whether a policy looks at the exporter itself."""
    return policy.watches_exporter or _ITS_JOB in (policy.query or "")
