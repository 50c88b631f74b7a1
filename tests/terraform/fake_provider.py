"""Fakes of the module's providers: Terraform's core plans and applies with them, without a cloud.

It speaks protocol 6 (https://developer.hashicorp.com/terraform/plugin/terraform-plugin-protocol)
on a unix socket. Terraform finds it through ``TF_REATTACH_PROVIDERS``, like a provider that runs in
a debugger (https://developer.hashicorp.com/terraform/plugin/debugging). What it created is in
Terraform's state; only what Google's own services need of it is in the ``FakeProject``.
"""

from __future__ import annotations

import json
import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import grpc
from pyvider.protocols.tfprotov6.protobuf import tfplugin6_pb2 as pb

from tests.terraform import normalization, provider_rules
from tests.terraform.cty_values import UNKNOWN, Object, decode, encode, map_attributes
from tests.terraform.fake_project import FakeProject, computed_values
from tests.terraform.provider_schema import google_schema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tests.terraform.provider_schema import Attribute, Block

SOURCES = {
    name: f"registry.terraform.io/hashicorp/{name}" for name in ("archive", "google", "time")
}
"""The providers' addresses, by the start of their types' names. One server answers for all."""

# Like the real provider, it is called for destroys too.
_CAPABILITIES = pb.ServerCapabilities(plan_destroy=True, get_provider_schema_optional=True)

_EMPTY_ANSWERS = (
    "CloseEphemeralResource",
    "ConfigureProvider",
    "StopProvider",
    "ValidateDataResourceConfig",
    "ValidateEphemeralResourceConfig",
    "ValidateProviderConfig",
)


class FakeProvider:
    """A provider that runs while the context is entered."""

    def __init__(self, project: FakeProject | None = None) -> None:
        """Take what exists in Google Cloud; nothing by default."""
        self.project = project or FakeProject()
        self._applied: list[tuple[str, Object]] = []
        self._deleted: list[tuple[str, Object]] = []
        self._running = ExitStack()

    def __enter__(self) -> Self:
        """Listen."""
        # A socket's path may have 107 characters, fewer than a test's own directory can need.
        directory = self._running.enter_context(tempfile.TemporaryDirectory(prefix="tf-"))
        self._socket = Path(directory, "google.sock")
        server = grpc.server(self._running.enter_context(ThreadPoolExecutor(8)))
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
        """Return the value of ``TF_REATTACH_PROVIDERS``."""
        address = {
            "Protocol": "grpc",
            "ProtocolVersion": 6,
            "Pid": os.getpid(),
            # Terraform doesn't stop it.
            "Test": True,
            "Addr": {"Network": "unix", "String": str(self._socket)},
        }
        return json.dumps(dict.fromkeys(SOURCES.values(), address))

    def applied(self, kind: str) -> list[Object]:
        """Return the configuration of each apply of a type, write-only values included."""
        return [config for each, config in self._applied if each == kind]

    def deleted(self, kind: str) -> list[Object]:
        """Return the values of each resource of a type that was deleted, not just forgotten."""
        return [values for each, values in self._deleted if each == kind]

    def _handlers(self) -> grpc.GenericRpcHandler:
        methods: dict[str, Callable[[Any], Any] | None] = {
            "GetProviderSchema": _schema,
            "ValidateResourceConfig": _validate,
            "UpgradeResourceState": _upgrade,
            "ReadResource": self._refresh,
            "PlanResourceChange": _plan,
            "ApplyResourceChange": self._apply,
            "ReadDataSource": self._read,
            "OpenEphemeralResource": self._open,
            **dict.fromkeys(_EMPTY_ANSWERS),
        }
        handlers = {name: _handler(name, method) for name, method in methods.items()}
        return grpc.method_handlers_generic_handler("tfplugin6.Provider", handlers)

    def _apply(self, request: Any) -> Any:
        kind, block = request.type_name, _resource(request.type_name)
        prior, planned = decode(request.prior_state), decode(request.planned_state)
        if planned is None:
            errors = list(provider_rules.undeletable(kind, prior))
            if not errors and prior.get("deletion_policy") != "ABANDON":
                self._deleted.append((kind, prior))
        else:
            self._applied.append((kind, decode(request.config)))
            disabled = self.project.disabled_api(kind, planned)
            errors = [disabled] if disabled else list(provider_rules.api_errors(kind, planned))
        if not errors and (error := self.project.changed(kind, prior, planned)):
            errors = [error]
        if errors:
            return pb.ApplyResourceChange.Response(
                new_state=request.prior_state, diagnostics=_diagnostics(errors)
            )
        if planned and kind == "google_project_service":
            self.project.enable(f"{planned['project']}/{planned['service']}")
        created = planned and _with_computed(kind, block, planned)
        stored = created and normalization.stored(kind, created)
        return pb.ApplyResourceChange.Response(
            new_state=encode(stored), legacy_type_system=stored != created
        )

    def _refresh(self, request: Any) -> Any:
        state = decode(request.current_state)
        changed = self.project.refreshed(request.type_name, state)
        return pb.ReadResource.Response(new_state=encode({**state, **changed}))

    def _read(self, request: Any) -> Any:
        block = google_schema().sections["data_source_schemas"][request.type_name]
        state, errors = self._look_up(request.type_name, block, decode(request.config))
        return pb.ReadDataSource.Response(state=state, diagnostics=errors)

    def _open(self, request: Any) -> Any:
        block = google_schema().sections["ephemeral_resource_schemas"][request.type_name]
        result, errors = self._look_up(request.type_name, block, decode(request.config))
        return pb.OpenEphemeralResource.Response(result=result, diagnostics=errors)

    def _look_up(
        self, kind: str, block: Block, config: Object
    ) -> tuple[pb.DynamicValue | None, list[pb.Diagnostic]]:
        disabled = self.project.disabled_api(kind, config)
        if disabled:
            return None, _diagnostics([disabled])
        try:
            found = self.project.read(kind, config)
        except LookupError as error:
            return None, _diagnostics([str(error)])
        return encode(map_attributes(block, config, lambda path, _, old: found.get(path, old))), []


def _handler(name: str, method: Callable[[Any], Any] | None) -> grpc.RpcMethodHandler:
    message = getattr(pb, name)
    return grpc.unary_unary_rpc_method_handler(
        lambda request, _context: method(request) if method else message.Response(),
        request_deserializer=message.Request.FromString,
        response_serializer=lambda response: response.SerializeToString(),
    )


def _resource(kind: str) -> Block:
    return google_schema().sections["resource_schemas"][kind]


def _schema(_request: Any) -> Any:
    response = google_schema().to_proto()
    response.server_capabilities.CopyFrom(_CAPABILITIES)
    return response


def _validate(request: Any) -> Any:
    kind, config = request.type_name, decode(request.config)
    errors = provider_rules.config_errors(kind, _resource(kind), config)
    return pb.ValidateResourceConfig.Response(diagnostics=_diagnostics(errors))


def _upgrade(request: Any) -> Any:
    return pb.UpgradeResourceState.Response(
        upgraded_state=encode(json.loads(request.raw_state.json))
    )


def _plan(request: Any) -> Any:
    block = _resource(request.type_name)
    prior, proposed = decode(request.prior_state), decode(request.proposed_new_state)

    def planned_value(_path: str, attribute: Attribute, value: Any) -> Any:
        if "write_only" in attribute.flags:
            return None
        unknown = prior is None and value is None and "computed" in attribute.flags
        return UNKNOWN if unknown else value

    kept = proposed
    if prior and proposed:
        kept = {
            name: prior[name] if normalization.equal(name, prior[name], value) else value
            for name, value in proposed.items()
        }
    planned = map_attributes(block, kept, planned_value)
    replaced = block.replace if prior and planned else ()
    return pb.PlanResourceChange.Response(
        planned_state=encode(planned),
        requires_replace=[
            pb.AttributePath(steps=[pb.AttributePath.Step(attribute_name=name)])
            for name in sorted(replaced)
            if planned[name] != prior[name]
        ],
        # With this flag, which the real provider sets, Terraform accepts a planned value that
        # isn't the configured one.
        legacy_type_system=kept != proposed,
    )


def _with_computed(kind: str, block: Block, planned: Object) -> Object:
    computed = computed_values(kind, planned)
    created: Object = map_attributes(
        block,
        planned,
        lambda path, _attribute, value: computed.get(path) if value is UNKNOWN else value,
    )
    return created


def _diagnostics(errors: Iterable[str]) -> list[pb.Diagnostic]:
    return [pb.Diagnostic(severity=pb.Diagnostic.ERROR, summary=each) for each in errors]
