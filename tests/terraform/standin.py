"""A stand-in for the google provider: Terraform's core plans and applies, and no cloud is asked.

It speaks protocol 6 (https://developer.hashicorp.com/terraform/plugin/terraform-plugin-protocol)
on a unix socket. Terraform finds it through ``TF_REATTACH_PROVIDERS``, as it finds a provider that
runs in a debugger (https://developer.hashicorp.com/terraform/plugin/debugging).
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

from tests.terraform.answering import Answering

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.terraform.schema import Provider
    from tests.terraform.world import World

SOURCE = "registry.terraform.io/hashicorp/google"


class StandIn(Answering):
    """A provider that runs while the context is entered."""

    def __init__(self, world: World | None = None, offered: Provider | None = None) -> None:
        """Take what exists and what is offered; nothing listens yet.

        Args:
            world: What exists at Google; nothing where it is None.
            offered: The schema that is served; where it is None, that of ``google.yaml``.
        """
        super().__init__(world, offered)
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

    def _handlers(self) -> grpc.GenericRpcHandler:
        return grpc.method_handlers_generic_handler(
            "tfplugin6.Provider",
            {name: _handler(name, answer) for name, answer in self.calls().items()},
        )


def _handler(call: str, answer: Callable[[Any], Any]) -> grpc.RpcMethodHandler:
    request = getattr(pb, call).Request
    return grpc.unary_unary_rpc_method_handler(
        lambda asked, _context: answer(asked),
        request_deserializer=request.FromString,
        response_serializer=lambda response: response.SerializeToString(),
    )
