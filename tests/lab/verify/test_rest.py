"""Cloud Monitoring's REST API, as ``verify`` asks it."""

import json
from threading import Event
from typing import Any

import pytest

from exporter.config import Endpoints
from exporter.google.clients import DATASTREAM_EMULATOR, MONITORING_EMULATOR, Clients
from exporter.google.errors import CallError
from lab.verify.rest import REST_EMULATOR, Rest
from tests.conftest import serving
from tests.exporter.google.loopback import HttpServer
from tests.tables import rows


@rows
def test_a_refusal_is_one_sentence(code: int, said: Any, sentence: str) -> None:
    """A refusal has Google's words, and the role or the command that helps."""
    with serving(HttpServer()) as server:
        server.answer = (code, json.dumps(said))
        at = server.address
        emulators = {DATASTREAM_EMULATOR: at, MONITORING_EMULATOR: at}
        with Clients(Endpoints(), emulators) as clients:
            asking = Rest(clients, {REST_EMULATOR: at}, Event())
        with pytest.raises(CallError) as caught:
            asking.open_alerts("ops")
    assert str(caught.value).startswith(sentence)
