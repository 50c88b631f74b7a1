"""A stand-in for the google provider: Terraform's core plans and applies, and no cloud is asked.

It speaks protocol 6 (https://developer.hashicorp.com/terraform/plugin/terraform-plugin-protocol)
on a unix socket. Terraform finds it through ``TF_REATTACH_PROVIDERS``, as it finds a provider that
runs in a debugger (https://developer.hashicorp.com/terraform/plugin/debugging).

It keeps nothing: what it made lies in Terraform's state. What it was asked is there to look at.
"""

from __future__ import annotations

import json
import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import grpc
from pyvider.protocols.tfprotov6.protobuf import tfplugin6_pb2 as pb

from tests.terraform import rules, schema
from tests.terraform.rules import Refusal
from tests.terraform.values import UNKNOWN, Object, changed, decode, encode, from_state
from tests.terraform.world import World, completed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tests.terraform.schema import Attribute, Block, Provider

SOURCE = "registry.terraform.io/hashicorp/google"


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


class StandIn:
    """A provider that runs while the context is entered."""

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
        self._running = ExitStack()

    def __enter__(self) -> Self:
        """Listen."""
        # A short path: a socket's has 107 letters at most, and a test's own folder may need more.
        folder = self._running.enter_context(tempfile.TemporaryDirectory(prefix="tf-"))
        self._socket = Path(folder, "google.sock")
        workers = self._running.enter_context(ThreadPoolExecutor(8))
        server = grpc.server(workers)
        server.add_generic_rpc_handlers([self._handlers()])
        server.add_insecure_port(f"unix:{self._socket}")
        server.start()
        self._running.callback(lambda: server.stop(None).wait())
        return self

    def __exit__(self, *_raised: object) -> None:
        """Stop."""
        self._running.close()

    @property
    def reattach(self) -> str:
        """Return the text of ``TF_REATTACH_PROVIDERS`` that leads Terraform here."""
        here = {
            "Protocol": "grpc",
            "ProtocolVersion": 6,
            "Pid": os.getpid(),
            # Terraform leaves it running.
            "Test": True,
            "Addr": {"Network": "unix", "String": str(self._socket)},
        }
        return json.dumps({SOURCE: here})

    def asked(self, call: str, kind: str = "") -> list[Request]:
        """Return the requests of one name, for one type or for all."""
        return [each for each in self.requests if each.call == call and kind in ("", each.kind)]

    def _handlers(self) -> grpc.GenericRpcHandler:
        calls: dict[str, Callable[[Any], Any]] = {
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
        return grpc.method_handlers_generic_handler(
            "tfplugin6.Provider",
            {
                name: grpc.unary_unary_rpc_method_handler(
                    # The handler must be a function of two.
                    lambda request, _context, answer=answer: answer(request),
                    request_deserializer=_request_of(name).FromString,
                    response_serializer=lambda response: response.SerializeToString(),
                )
                for name, answer in calls.items()
            },
        )

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
        config = decode(request.config)
        self._record("ValidateResourceConfig", request.type_name, config)
        return pb.ValidateResourceConfig.Response(
            diagnostics=_diagnostics(rules.invalid(request.type_name, config))
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
            new_state=encode(rules.stored(request.type_name, current)) if current else None
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
            refusals = list(rules.refused(kind, planned))
        if refusals:
            return pb.ApplyResourceChange.Response(
                new_state=encode(prior), diagnostics=_diagnostics(refusals)
            )
        if kind == "google_project_service" and planned:
            self.world.disabled.discard(f"{planned['project']}/{planned['service']}")
        made = planned and completed(kind, block, planned, self._project)
        new = made and rules.stored(kind, made)
        return pb.ApplyResourceChange.Response(
            new_state=encode(new), legacy_type_system=new != made
        )

    def _read_data(self, request: Any) -> Any:
        kind, block = request.type_name, self.offered.data_sources[request.type_name]
        config = decode(request.config)
        self._record("ReadDataSource", kind, config)
        refusals = list(rules.unread(kind, config, self.world))
        found = [
            each
            for each in self.world.channels
            if each.project == (config.get("project") or self._project)
            and each.display_name == config["display_name"]
        ]
        if not refusals and len(found) != 1:
            # Google may hold several of one display name, and the provider takes none of them.
            how = "More than one" if found else "No"
            refusals = [
                Refusal(f'{how} NotificationChannel with display_name="{config["display_name"]}"')
            ]
        if refusals:
            return pb.ReadDataSource.Response(diagnostics=_diagnostics(refusals))
        told = {"name": found[0].name, "id": found[0].name}
        state = changed(
            block,
            config,
            lambda path, each, value: told.get(path[0], value) if each.computed else value,
        )
        return pb.ReadDataSource.Response(state=encode(state))

    def _open(self, request: Any) -> Any:
        kind, block = request.type_name, self.offered.ephemeral[request.type_name]
        config = decode(request.config)
        self._record("OpenEphemeralResource", kind, config)
        project = config.get("project") or self._project
        name = config["secret"]
        if not name.startswith("projects/"):
            name = f"projects/{project}/secrets/{name}"
        if name not in self.world.secrets:
            missing = Refusal(
                "Error retrieving available secret manager secret version: googleapi: Error 404",
                f"Secret [{name}] not found or has no versions.",
            )
            return pb.OpenEphemeralResource.Response(diagnostics=_diagnostics([missing]))
        told = {"secret_data": self.world.secrets[name], "project": project}
        result = changed(
            block,
            config,
            lambda path, each, value: told.get(path[0], value) if each.computed else value,
        )
        return pb.OpenEphemeralResource.Response(result=encode(result))

    def _close(self, request: Any) -> Any:
        self._record("CloseEphemeralResource", request.type_name, None)
        return pb.CloseEphemeralResource.Response()


_CAN = pb.ServerCapabilities(plan_destroy=True)


def _request_of(call: str) -> Any:
    """Return the message that a call takes."""
    outer = getattr(pb, call)
    return outer.Request


def _kept(kind: str, prior: Object | None, proposed: Object | None) -> Object | None:
    """Return what is proposed, with what is there in place of what amounts to the same."""
    if prior is None or proposed is None:
        return proposed
    return {
        name: prior[name] if rules.unchanged(kind, name, prior[name], value) else value
        for name, value in proposed.items()
    }


def _unset(_path: tuple[str, ...], attribute: Attribute, value: Any) -> Any:
    """Return what a plan says of a value: what an apply decides is unknown."""
    if attribute.write_only:
        return None
    return UNKNOWN if value is None and attribute.computed else value


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
