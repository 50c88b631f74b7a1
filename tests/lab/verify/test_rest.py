"""Cloud Monitoring's REST API, as ``verify`` asks it."""

import json
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Event
from typing import Any

import pytest

from exporter.config import Endpoints
from exporter.google.clients import DATASTREAM_EMULATOR, MONITORING_EMULATOR, Clients
from exporter.google.errors import CallError
from lab.verify.rest import REST_EMULATOR, Rest
from tests.conftest import serving

DENIED = {
    "code": 403,
    "message": "Permission monitoring.alerts.list denied (or it may not exist).",
    "status": "PERMISSION_DENIED",
}
DISABLED = {
    "code": 403,
    "message": "Cloud Monitoring API has not been used in project 1 before.",
    "details": [
        {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "SERVICE_DISABLED",
        }
    ],
}


def rest(address: str) -> Rest:
    """Return what calls an address."""
    nowhere = {DATASTREAM_EMULATOR: address, MONITORING_EMULATOR: address}
    with Clients(Endpoints(), nowhere) as clients:
        return Rest(clients, {REST_EMULATOR: address}, Event())


@pytest.mark.parametrize(
    ("code", "said", "sentence"),
    [
        (
            403,
            {"error": DENIED},
            (
                "permission denied: Permission monitoring.alerts.list denied (or it may"
                " not exist). The account needs monitoring.alerts.list in project ops."
                " Grant roles/monitoring.viewer: gcloud projects add-iam-policy-binding"
                ' ops --member "user:$(gcloud config get account)" --role'
                " roles/monitoring.viewer"
            ),
        ),
        (
            403,
            {"error": DISABLED},
            (
                "API disabled: Cloud Monitoring API has not been used in project 1"
                " before. Enable it: gcloud services enable monitoring.googleapis.com"
                " --project ops"
            ),
        ),
        (
            400,
            {"error": "parse error: unexpected end of input", "status": "error"},
            "refused: parse error: unexpected end of input.",
        ),
    ],
)
def test_a_refusal_is_one_sentence(code: int, said: Any, sentence: str) -> None:
    """A refusal has Google's words, and the role or the command that helps."""

    class Refusing(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(code)
            self.end_headers()
            self.wfile.write(json.dumps(said).encode())

    with serving(HTTPServer(("127.0.0.1", 0), Refusing)) as server:
        asking = rest(f"127.0.0.1:{server.server_port}")
        with pytest.raises(CallError) as caught:
            asking.open_alerts("ops")
    assert str(caught.value).startswith(sentence)
