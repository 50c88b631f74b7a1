"""``datastream-lab serve``: an emulator for other programs."""

import json
import os
import signal
import subprocess
import sys
from http.client import HTTPConnection
from pathlib import Path

from lab.verify.rest import REST_EMULATOR
from tests.lab.conftest import ROOT


def serve(file: Path, *paths: str, **environ: str) -> tuple[list[str], str]:
    """Return the lines for a shell and what REST answers, and stderr."""
    file.write_text("export DATASTREAM_EMULATOR_HOST=of-yesterday\n")
    with subprocess.Popen(
        [sys.executable, "-m", "lab", "serve", file],
        cwd=ROOT,
        env=os.environ | environ,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        log = []
        for line in process.stderr or ():
            log.append(line)
            if str(file) in line:
                break
        found = file.read_text().splitlines()
        _, _, address = found[-1].partition(f"export {REST_EMULATOR}=")
        for path in paths:
            connection = HTTPConnection(address)
            connection.request("GET", path)
            found.append(connection.getresponse().read().decode())
        process.send_signal(signal.SIGINT)
        process.wait()
    assert process.returncode == 130
    return found, "".join(log)


def test_serve_answers_queries_and_lists_incidents(tmp_path: Path) -> None:
    """Prometheus answers the queries of a served emulator, and no incident is open."""
    project = "projects/data-platform-prod"
    query = f"/v1/{project}/location/global/prometheus/api/v1/query?query=vector(7)"
    file = tmp_path / "emulator.env"
    found, _ = serve(file, query, f"/v3/{project}/alerts?pageSize=9", "/v3")
    answer, alerts, other = found[4:]
    assert json.loads(answer)["data"]["result"][0]["value"][1] == "7"
    assert json.loads(alerts) == {"alerts": []}
    assert "Error code: 404" in other
    assert "of-yesterday" not in "".join(found)


def test_serve_without_prometheus(tmp_path: Path) -> None:
    """Without Prometheus, it serves the rest, and says how to install it."""
    found, err = serve(tmp_path / "emulator.env", PATH="")
    assert REST_EMULATOR not in "".join(found)
    assert "not served: prometheus and promtool not found" in err
