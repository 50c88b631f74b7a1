"""Fakes the module's providers, so that Terraform's core needs no cloud.

The server speaks the plugin protocol 6 on a unix socket:
https://developer.hashicorp.com/terraform/plugin/terraform-plugin-protocol. Terraform
finds it through ``TF_REATTACH_PROVIDERS``, like a provider that runs in a debugger.
Terraform's state holds what was created; the ``FakeProject`` holds only what Google's
own services need of it.
"""

import json
import os
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any, Final, Self

import grpc
import msgpack  # type: ignore[import-untyped]
from pyvider.protocols.tfprotov6.protobuf import tfplugin6_pb2 as pb

from tests.conftest import serving
from tests.terraform.fake_project import (
    FakeProject,
    Object,
    computed_values,
    kept,
    known_at_plan,
    stored,
)
from tests.terraform.provider_schema import Schema, google_schema, schema_message

SOURCES = [
    f"registry.terraform.io/hashicorp/{name}" for name in ("archive", "google", "time")
]
"""The providers' addresses. One server answers for all."""

_EMPTY_ANSWERS = (
    "CloseEphemeralResource",
    "StopProvider",
    "ValidateDataResourceConfig",
    "ValidateEphemeralResourceConfig",
    "ValidateProviderConfig",
    "ValidateResourceConfig",
)


class _Unknown:
    """A value that is known after apply."""


_UNKNOWN: Final = _Unknown()


class _States(HTTPServer):
    """Keeps Terraform's states, by path.

    In a file, Terraform would write the whole state after each resource: a third of an
    apply.
    """

    def __init__(self) -> None:
        self.by_path: dict[str, bytes] = {}
        super().__init__(("127.0.0.1", 0), _StateHandler)


class _StateHandler(BaseHTTPRequestHandler):
    """Answers as https://developer.hashicorp.com/terraform/language/backend/http."""

    server: _States

    def do_GET(self) -> None:
        """Send a state; none is none yet."""
        state = self.server.by_path.get(self.path)
        self.send_response(HTTPStatus.OK if state else HTTPStatus.NOT_FOUND)
        self.end_headers()
        self.wfile.write(state or b"")

    def do_POST(self) -> None:
        """Take a state."""
        length = int(self.headers["Content-Length"])
        self.server.by_path[self.path] = self.rfile.read(length)
        self.send_response(HTTPStatus.OK)
        self.end_headers()

    def log_message(self, *_words: object) -> None:
        """Say nothing."""


class FakeProvider:
    """A provider that runs, and keeps states, while the context is entered."""

    def __init__(self, project: FakeProject | None = None) -> None:
        self.project = project or FakeProject()
        self._applied: list[tuple[str, Object]] = []
        self._terraforms: dict[tuple[str, ...], Popen[str]] = {}
        self._running = ExitStack()

    def __enter__(self) -> Self:
        """Listen."""
        # A socket's path may have 107 characters. A test's own directory can need more.
        directory = self._running.enter_context(
            tempfile.TemporaryDirectory(prefix="tf-")
        )
        self._socket = Path(directory, "google.sock")
        server = grpc.server(self._running.enter_context(ThreadPoolExecutor(8)))
        server.add_generic_rpc_handlers([self._handlers()])
        server.add_insecure_port(f"unix:{self._socket}")
        server.start()
        self._running.callback(lambda: server.stop(None).wait())
        self._states = self._running.enter_context(serving(_States()))
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
        return json.dumps(dict.fromkeys(SOURCES, address))

    def terraform(self, argv: tuple[str, ...], environ: dict[str, str]) -> Popen[str]:
        """Return a process for Terraform's commands, which ends with the provider."""
        if argv not in self._terraforms:
            started = Popen(
                argv, env=environ, stdin=PIPE, stdout=PIPE, encoding="utf-8"
            )
            self._terraforms[argv] = self._running.enter_context(started)
        return self._terraforms[argv]

    def backend(self, directory: Path) -> str:
        """Return the block that lets Terraform keep a directory's state here."""
        address = f"http://127.0.0.1:{self._states.server_port}{directory}"
        return f'terraform {{\n  backend "http" {{ address = "{address}" }}\n}}\n'

    def state(self, directory: Path) -> bytes:
        """Return the state of a directory."""
        return self._states.by_path[str(directory)]

    def restore(self, directory: Path, state: bytes) -> None:
        """Let a directory have a state, and let exist what that holds."""
        self._states.by_path[str(directory)] = state
        for each in json.loads(state)["resources"]:
            for instance in each["instances"]:
                self.project.store(each["type"], instance["attributes"])
        # Its grants are old enough for a build.
        self.project.change("time_sleep", None, {"create_duration": "120s"})

    def lose_states(self) -> None:
        """Forget all states, and nothing that exists."""
        self._states.by_path.clear()

    def applied(self, kind: str) -> list[Object]:
        """Return the config of each apply of a type, write-only values included."""
        return [config for each, config in self._applied if each == kind]

    def _handlers(self) -> grpc.GenericRpcHandler:
        methods: dict[str, Callable[[Any], Any] | None] = {
            "GetProviderSchema": lambda _request: schema_message(),
            "ConfigureProvider": self._configure,
            "UpgradeResourceState": _upgrade,
            "ReadResource": self._refresh,
            "ImportResourceState": self._import,
            "PlanResourceChange": _planned,
            "ApplyResourceChange": self._apply,
            "ReadDataSource": self._read,
            "OpenEphemeralResource": self._open,
            **dict.fromkeys(_EMPTY_ANSWERS),
        }
        handlers = {name: _handler(name, method) for name, method in methods.items()}
        return grpc.method_handlers_generic_handler("tfplugin6.Provider", handlers)

    def _configure(self, request: Any) -> Any:
        # One server answers for all providers; only google's block can have a project.
        if project := _decode(request.config)["project"]:
            self.project.default_project = project
        return pb.ConfigureProvider.Response()

    def _apply(self, request: Any) -> Any:
        kind = request.type_name
        prior, planned = _decode(request.prior_state), _decode(request.planned_state)
        if planned is not None:
            self._applied.append((kind, _decode(request.config)))
        if error := self.project.change(kind, prior, planned):
            return pb.ApplyResourceChange.Response(
                new_state=request.prior_state, diagnostics=_diagnostics(error)
            )
        if planned is None:
            return pb.ApplyResourceChange.Response(new_state=_encode(None))
        created = _with_computed(kind, planned)
        new = stored(kind, created)
        self.project.store(kind, new)
        return pb.ApplyResourceChange.Response(
            new_state=_encode(new), legacy_type_system=new != created
        )

    def _refresh(self, request: Any) -> Any:
        exists = self.project.holds(request.type_name, _decode(request.current_state))
        state = request.current_state if exists else _encode(None)
        return pb.ReadResource.Response(new_state=state)

    def _import(self, request: Any) -> Any:
        kind = request.type_name
        try:
            state = self.project.imported(kind, request.id)
        except LookupError as error:
            errors = _diagnostics(f"{kind}: {error}")
            return pb.ImportResourceState.Response(diagnostics=errors)
        found = {"type_name": kind, "state": _encode(state)}
        return pb.ImportResourceState.Response(imported_resources=[found])

    def _read(self, request: Any) -> Any:
        state, errors = self._look_up("data_source_schemas", request)
        return pb.ReadDataSource.Response(state=state, diagnostics=errors)

    def _open(self, request: Any) -> Any:
        result, errors = self._look_up("ephemeral_resource_schemas", request)
        return pb.OpenEphemeralResource.Response(result=result, diagnostics=errors)

    def _look_up(self, section: str, request: Any) -> tuple[Any, list[Any]]:
        config = _decode(request.config)
        try:
            found = self.project.read(request.type_name, config)
        except LookupError as error:
            return None, _diagnostics(str(error))
        block = google_schema()[section][request.type_name].block

        def read_value(path: str, _attribute: Any, value: Any) -> Any:
            return found.get(path, value)

        return _encode(_mapped(block, config, read_value)), []


def _handler(name: str, method: Callable[[Any], Any] | None) -> grpc.RpcMethodHandler:
    message = getattr(pb, name)

    def answer(request: Any, _context: grpc.ServicerContext) -> Any:
        return method(request) if method else message.Response()

    return grpc.unary_unary_rpc_method_handler(
        answer,
        request_deserializer=message.Request.FromString,
        response_serializer=lambda response: response.SerializeToString(),
    )


def _upgrade(request: Any) -> Any:
    block = _resource(request.type_name).block
    state = json.loads(request.raw_state.json)
    # An older schema had fewer attributes.
    state = _mapped(block, state, lambda _path, _attribute, value: value)
    return pb.UpgradeResourceState.Response(upgraded_state=_encode(state))


def _planned(request: Any) -> Any:
    schema = _resource(request.type_name)
    prior = _decode(request.prior_state)
    proposed = _decode(request.proposed_new_state)

    def planned_value(_path: str, attribute: Any, value: Any) -> Any:
        if attribute.write_only:
            return None
        if prior is None and value is None and attribute.computed:
            return predicted.get(attribute.name, _UNKNOWN)
        return value

    predicted = known_at_plan(request.type_name, proposed) if proposed else {}
    is_change = prior and proposed
    chosen = kept(prior, proposed) if is_change else proposed
    planned = _mapped(schema.block, chosen, planned_value)
    requires_replace = []
    for name in sorted(schema.replace if is_change else ()):
        if planned[name] != prior[name]:
            step = pb.AttributePath.Step(attribute_name=name)
            requires_replace.append(pb.AttributePath(steps=[step]))
    return pb.PlanResourceChange.Response(
        planned_state=_encode(planned),
        requires_replace=requires_replace,
        # With this flag, which the real provider sets, Terraform accepts a planned
        # value that isn't the configured one.
        legacy_type_system=chosen != proposed,
    )


def _resource(kind: str) -> Schema:
    return google_schema()["resource_schemas"][kind]


def _with_computed(kind: str, planned: Object) -> Object:
    computed = computed_values(kind, planned)

    def created_value(path: str, _attribute: Any, value: Any) -> Any:
        return computed.get(path) if value is _UNKNOWN else value

    created: Object = _mapped(_resource(kind).block, planned, created_value)
    return created


def _mapped(
    schema: Any, values: Any, change: Callable[[str, Any, Any], Any], *path: str
) -> Any:
    """Return a block's values with each attribute changed, nested ones included.

    ``change`` takes an attribute's dotted path, its schema and its value.
    """
    if values is None or values is _UNKNOWN:
        return values
    new = {}
    for attribute in schema.attributes:
        name = attribute.name
        dotted = ".".join((*path, name))
        new[name] = change(dotted, attribute, values.get(name))
    for nested in schema.block_types:
        name = nested.type_name
        inner, block = values.get(name), nested.block
        if inner is not _UNKNOWN:
            inner = [_mapped(block, x, change, *path, name) for x in inner or ()]
        new[name] = inner
    return new


# Terraform's values are msgpack with a marker for "unknown":
# https://pkg.go.dev/github.com/zclconf/go-cty/cty/msgpack
def _decode(value: Any) -> Any:
    return msgpack.unpackb(value.msgpack, ext_hook=lambda _code, _data: _UNKNOWN)


def _encode(value: Any) -> Any:
    unknown = msgpack.ExtType(0, b"\x00")
    return pb.DynamicValue(msgpack=msgpack.packb(value, default=lambda _: unknown))


def _diagnostics(error: str) -> list[Any]:
    return [pb.Diagnostic(severity=pb.Diagnostic.ERROR, summary=error)]
