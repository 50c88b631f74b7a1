"""What the stand-in answers to each call of the provider protocol.

It keeps nothing: what it made lies in Terraform's state. What it was asked is there to look at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from pyvider.protocols.tfprotov6.protobuf import tfplugin6_pb2 as pb

from tests.terraform import forms, rules, schema
from tests.terraform.rules import Refusal
from tests.terraform.values import UNKNOWN, Object, changed, decode, encode, from_state
from tests.terraform.world import World, completed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tests.terraform.schema import Attribute, Block, Provider


class Request(NamedTuple):
    """What Terraform asked."""

    call: str
    """The protocol's name of it, such as ``ApplyResourceChange``."""
    kind: str
    """The resource's type; empty where the provider itself is meant."""
    config: Object | None
    """What stands in the configuration, write-only and ephemeral values among it."""
    prior: Object | None = None
    """What was there before."""
    planned: Object | None = None
    """What is to be there."""


class Answering:
    """A provider, without what it listens on."""

    def __init__(self, world: World | None = None, offered: Provider | None = None) -> None:
        """Take what exists and what is offered; nothing listens yet.

        Args:
            world: What exists at Google; nothing where it is None.
            offered: The schema that is served; where it is None, that of ``google.yaml``.
        """
        self.world = world or World()
        self.offered = offered or schema.load()
        self.requests: list[Request] = []
        """All that was asked, in order of arrival."""
        self._project = ""

    def calls(self) -> dict[str, Callable[[Any], Any]]:
        """Return what answers each call of the protocol that Terraform makes."""
        return {
            "GetMetadata": self._metadata,
            "GetProviderSchema": self._schema,
            "ValidateProviderConfig": lambda _request: pb.ValidateProviderConfig.Response(),
            "ConfigureProvider": self._configure,
            "ValidateResourceConfig": self._validate,
            "ValidateDataResourceConfig": self._validate_data,
            "ValidateEphemeralResourceConfig": (
                lambda _request: pb.ValidateEphemeralResourceConfig.Response()
            ),
            "UpgradeResourceState": self._upgrade,
            "ReadResource": self._read,
            "PlanResourceChange": self._plan,
            "ApplyResourceChange": self._apply,
            "ReadDataSource": self._read_data,
            "OpenEphemeralResource": self._open,
            "RenewEphemeralResource": lambda _request: pb.RenewEphemeralResource.Response(),
            "CloseEphemeralResource": self._close,
            "StopProvider": lambda _request: pb.StopProvider.Response(),
        }

    def asked(self, call: str, kind: str = "") -> list[Request]:
        """Return the requests of one name, for one type or for all."""
        return [each for each in self.requests if each.call == call and kind in ("", each.kind)]

    def _record(self, call: str, kind: str, config: Any, prior: Any = None, to: Any = None) -> None:
        self.requests.append(Request(call, kind, config, prior, to))

    def _metadata(self, _request: Any) -> Any:
        return pb.GetMetadata.Response(
            server_capabilities=_CAN,
            resources=[
                pb.GetMetadata.ResourceMetadata(type_name=name) for name in self.offered.resources
            ],
            data_sources=[
                pb.GetMetadata.DataSourceMetadata(type_name=name)
                for name in self.offered.data_sources
            ],
            ephemeral_resources=[
                pb.GetMetadata.EphemeralMetadata(type_name=name) for name in self.offered.ephemeral
            ],
        )

    def _schema(self, _request: Any) -> Any:
        def protos(blocks: Any) -> dict[str, pb.Schema]:
            return {name: schema.to_proto(block) for name, block in blocks.items()}

        return pb.GetProviderSchema.Response(
            provider=schema.to_proto(self.offered.config),
            resource_schemas=protos(self.offered.resources),
            data_source_schemas=protos(self.offered.data_sources),
            ephemeral_resource_schemas=protos(self.offered.ephemeral),
            server_capabilities=_CAN,
        )

    def _configure(self, request: Any) -> Any:
        config = decode(request.config)
        self._project = config.get("project") or ""
        self._record("ConfigureProvider", "", config)
        return pb.ConfigureProvider.Response()

    def _validate(self, request: Any) -> Any:
        kind, config = request.type_name, decode(request.config)
        self._record("ValidateResourceConfig", kind, config)
        refusals = [*rules.unconfigurable(self.offered.resources[kind], config)]
        return pb.ValidateResourceConfig.Response(
            diagnostics=_diagnostics(refusals or rules.invalid(kind, config))
        )

    def _validate_data(self, request: Any) -> Any:
        self._record("ValidateDataResourceConfig", request.type_name, decode(request.config))
        return pb.ValidateDataResourceConfig.Response()

    def _upgrade(self, request: Any) -> Any:
        block = self.offered.resources[request.type_name]
        state = changed(block, from_state(request.raw_state.json), lambda _path, _a, value: value)
        return pb.UpgradeResourceState.Response(upgraded_state=encode(state))

    def _read(self, request: Any) -> Any:
        current = decode(request.current_state)
        self._record("ReadResource", request.type_name, None, prior=current)
        return pb.ReadResource.Response(
            new_state=encode(forms.stored(request.type_name, current)) if current else None
        )

    def _plan(self, request: Any) -> Any:
        kind, block = request.type_name, self.offered.resources[request.type_name]
        prior, proposed = decode(request.prior_state), decode(request.proposed_new_state)
        kept = _kept(kind, prior, proposed)
        planned = changed(block, kept, _unset)
        self._record("PlanResourceChange", kind, decode(request.config), prior, planned)
        fixed = _fixed(block) if prior and planned else []
        return pb.PlanResourceChange.Response(
            planned_state=encode(planned),
            requires_replace=[_path(name) for name in fixed if planned[name] != prior[name]],
            # Terraform forgives under this name, and the real provider uses it, that a value is
            # not the configuration's.
            legacy_type_system=kept != proposed,
        )

    def _apply(self, request: Any) -> Any:
        kind, block = request.type_name, self.offered.resources[request.type_name]
        prior, planned = decode(request.prior_state), decode(request.planned_state)
        self._record("ApplyResourceChange", kind, decode(request.config), prior, planned)
        if planned is None:
            refusals = list(rules.undeletable(kind, prior))
        else:
            refusals = [
                *rules.switched_off(kind, planned, self.world),
                *rules.refused(kind, planned),
            ]
        if refusals:
            return pb.ApplyResourceChange.Response(
                new_state=encode(prior), diagnostics=_diagnostics(refusals)
            )
        if kind == "google_project_service" and planned:
            self.world.enable(f"{planned['project']}/{planned['service']}")
        made = planned and completed(kind, block, planned, self._project)
        new = made and forms.stored(kind, made)
        return pb.ApplyResourceChange.Response(
            new_state=encode(new), legacy_type_system=new != made
        )

    def _read_data(self, request: Any) -> Any:
        kind, config = request.type_name, decode(request.config)
        self._record("ReadDataSource", kind, config)
        told = self.world.channel(config.get("project") or self._project, config["display_name"])
        refusals = self._unread(kind, config, told)
        state = None if refusals else _read(self.offered.data_sources[kind], config, told)
        return pb.ReadDataSource.Response(state=encode(state), diagnostics=refusals)

    def _open(self, request: Any) -> Any:
        kind, config = request.type_name, decode(request.config)
        self._record("OpenEphemeralResource", kind, config)
        told = self.world.secret(config.get("project") or self._project, config["secret"])
        refusals = self._unread(kind, config, told)
        result = None if refusals else _read(self.offered.ephemeral[kind], config, told)
        return pb.OpenEphemeralResource.Response(result=encode(result), diagnostics=refusals)

    def _unread(self, kind: str, config: Object, told: Object | str) -> list[pb.Diagnostic]:
        missing = [Refusal(told)] if isinstance(told, str) else []
        return _diagnostics([*rules.switched_off(kind, config, self.world)] or missing)

    def _close(self, request: Any) -> Any:
        self._record("CloseEphemeralResource", request.type_name, None)
        return pb.CloseEphemeralResource.Response()


# As the real one: it plans a destroy, and its schema need not be fetched anew for each use.
_CAN = pb.ServerCapabilities(plan_destroy=True, get_provider_schema_optional=True)


def _kept(kind: str, prior: Object | None, proposed: Object | None) -> Object | None:
    """Return what is proposed, with what is there in place of what amounts to the same."""
    if prior is None or proposed is None:
        return proposed
    return {
        name: prior[name] if forms.unchanged(kind, name, prior[name], value) else value
        for name, value in proposed.items()
    }


def _unset(_path: tuple[str, ...], attribute: Attribute, value: Any) -> Any:
    """Return what a plan says of a value: what an apply decides is unknown."""
    if attribute.write_only:
        return None
    return UNKNOWN if value is None and attribute.computed else value


def _read(block: Block, config: Object, told: Object | str) -> Any:
    """Return what was asked for, with what is told of it."""

    def read(path: tuple[str, ...], attribute: Attribute, value: Any) -> Any:
        return told.get(path[0], value) if attribute.computed and isinstance(told, dict) else value

    return changed(block, config, read)


def _fixed(block: Block) -> list[str]:
    """Return the arguments and blocks of which another value means another resource."""
    fixed = [name for name, each in block.attributes.items() if each.replace]
    return fixed + [name for name, each in block.blocks.items() if each.replace]


def _path(argument: str) -> pb.AttributePath:
    return pb.AttributePath(steps=[pb.AttributePath.Step(attribute_name=argument)])


def _diagnostics(refusals: Iterable[Refusal]) -> list[pb.Diagnostic]:
    return [
        pb.Diagnostic(
            severity=pb.Diagnostic.ERROR,
            summary=each.summary,
            detail=each.detail,
            attribute=_path(each.argument) if each.argument else None,
        )
        for each in refusals
    ]
