"""Lists the alert policies, notification channels and snoozes of metrics projects.

https://cloud.google.com/monitoring/api/ref_v3/rpc/google.monitoring.v3
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from google.cloud import monitoring_v3

from lab.emulator.answers import permission_denied
from lab.emulator.server import Method, Services
from lab.emulator.snapshots import Snapshot

_Channel: Any = monitoring_v3.NotificationChannel.pb()
# A thing, several of them as methods and permissions say, and the field of an answer
_KINDS = (
    ("AlertPolicy", "AlertPolicies", "alert_policies"),
    ("NotificationChannel", "NotificationChannels", "notification_channels"),
    ("Snooze", "Snoozes", "snoozes"),
)


@dataclass(frozen=True, slots=True)
class Alerting:
    """What a project has for alerts: raw messages, which tests may change."""

    alert_policies: list[Any] = field(default_factory=list)
    notification_channels: list[Any] = field(default_factory=list)
    snoozes: list[Any] = field(default_factory=list)


class AlertingService:
    """Lists what each project has. Its channels are those of the world."""

    def __init__(self, fleet: Callable[[], Snapshot]) -> None:
        self._fleet = fleet
        self._projects: dict[str, Alerting] = {}

    @property
    def services(self) -> Services:
        """Return the methods by service, as a server takes them."""
        return {
            f"google.monitoring.v3.{kind}Service": {
                f"List{several}": self._lists(several, listed)
            }
            for kind, several, listed in _KINDS
        }

    def of_project(self, id_: str) -> Alerting:
        """Return what a project has, to be read or changed."""
        if id_ not in self._projects:
            found = self._projects[id_] = Alerting()
            project = self._fleet().project(id_)
            channels = project.channels if project else ()
            for number, each in enumerate(channels, start=1):
                channel = _Channel(
                    name=f"projects/{id_}/notificationChannels/{number}",
                    type_=each.type,
                    display_name=each.display_name,
                    enabled={"value": True},
                )
                found.notification_channels.append(channel)
        return self._projects[id_]

    def _lists(self, several: str, listed: str) -> Method:
        """Return the method that lists all things of a kind."""
        request = getattr(monitoring_v3, f"List{several}Request")
        response = getattr(monitoring_v3, f"List{several}Response").pb()
        permission = f"monitoring.{several[0].lower()}{several[1:]}.list"

        def answer(asked: Any) -> Any:
            # Snoozes are listed by parent, the others by name.
            name = getattr(asked, "parent", "") or asked.name
            project = self._fleet().project(name.removeprefix("projects/"))
            if project is None or permission in project.denied:
                raise permission_denied(permission, name)
            return response(**{listed: getattr(self.of_project(project.id), listed)})

        return Method(request.pb(), answer)
