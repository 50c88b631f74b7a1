"""``datastream-lab serve``: an emulator for other programs."""

import json
import os
import signal
import subprocess
import sys
from http.client import HTTPConnection
from itertools import islice

from lab.verify.rest import REST_EMULATOR
from tests.lab.conftest import ROOT


def serve(count: int, *paths: str, **environ: str) -> tuple[list[str], str]:
    """Return the lines of stdout and what REST answers, and stderr."""
    with subprocess.Popen(
        [sys.executable, "-m", "lab", "serve"],
        cwd=ROOT,
        env=os.environ | environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        found = [*islice(process.stdout or (), count)]
        _, _, address = found[-1].strip().partition(f"export {REST_EMULATOR}=")
        for path in paths:
            connection = HTTPConnection(address)
            connection.request("GET", path)
            found.append(connection.getresponse().read().decode())
        process.send_signal(signal.SIGINT)
        _, err = process.communicate()
    assert process.returncode == 130
    return found, err


def test_serve_answers_queries_and_lists_incidents() -> None:
    """Prometheus answers the queries of a served emulator, and no incident is open."""
    project = "projects/data-platform-prod"
    query = f"/v1/{project}/location/global/prometheus/api/v1/query?query=vector(7)"
    found, _ = serve(4, query, f"/v3/{project}/alerts?pageSize=9", "/v3")
    answer, alerts, other = found[4:]
    assert json.loads(answer)["data"]["result"][0]["value"][1] == "7"
    assert json.loads(alerts) == {"alerts": []}
    assert "Error code: 404" in other


def test_serve_without_prometheus() -> None:
    """Without Prometheus, it serves the rest, and says how to install it."""
    found, err = serve(3, PATH="")
    assert REST_EMULATOR not in "".join(found)
    assert "not served: prometheus and promtool not found" in err
