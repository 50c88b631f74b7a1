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
            "google.monitoring.v3.AlertPolicyService": {
                "ListAlertPolicies": self._lists(
                    monitoring_v3.ListAlertPoliciesRequest,
                    monitoring_v3.ListAlertPoliciesResponse,
                    "alert_policies",
                    "monitoring.alertPolicies.list",
                )
            },
            "google.monitoring.v3.NotificationChannelService": {
                "ListNotificationChannels": self._lists(
                    monitoring_v3.ListNotificationChannelsRequest,
                    monitoring_v3.ListNotificationChannelsResponse,
                    "notification_channels",
                    "monitoring.notificationChannels.list",
                )
            },
            "google.monitoring.v3.SnoozeService": {
                "ListSnoozes": self._lists(
                    monitoring_v3.ListSnoozesRequest,
                    monitoring_v3.ListSnoozesResponse,
                    "snoozes",
                    "monitoring.snoozes.list",
                )
            },
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

    def _lists(
        self, request: Any, response: Any, listed: str, permission: str
    ) -> Method:
        """Return a method that lists one kind of what a project has."""

        def answer(asked: Any) -> Any:
            # Snoozes are listed by parent, the others by name.
            name = getattr(asked, "parent", "") or asked.name
            id_ = name.removeprefix("projects/")
            project = self._fleet().project(id_)
            if project is None or permission in project.denied:
                raise permission_denied(permission, name)
            kept = getattr(self.of_project(project.id), listed)
            return response.pb()(**{listed: kept})

        return Method(request.pb(), answer)
