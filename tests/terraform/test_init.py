"""The files that ``datastream-exporter init`` writes, as Terraform reads them."""

import io
from pathlib import Path

from exporter import __version__
from exporter.cli import main
from exporter.process import OK
from lab.emulator.emulator import Emulator
from lab.emulator.world import parse_world
from tests.terraform.conftest import CopyModule

WORLD = """\
projects:
  - id: orders-prod
    number: 1
    notification_channels:
      - {display_name: on call}
      - {display_name: "#data", type: slack}
    locations:
      - {id: europe-west4, streams: [{id: orders}, {id: archive, state: PAUSED}]}
"""
PLACEHOLDER = f"git::https://REPOSITORY//terraform?ref=v{__version__}"


def test_the_module_takes_what_init_writes(
    terraform: CopyModule, tmp_path: Path
) -> None:
    """With the module's address and a channel chosen, the plan notifies the channel."""
    with Emulator(parse_world(WORLD, "world")) as cloud:
        argv = ["init", "--project", "orders-prod", "--folder", str(tmp_path)]
        assert main(argv, cloud.environ, io.StringIO(), io.StringIO()) == OK
    written = (tmp_path / "main.tf").read_text("utf-8")
    assert f'source = "{PLACEHOLDER}"' in written
    chosen = written.replace(PLACEHOLDER, "../..").replace(
        '# "projects/', '"projects/', 1
    )
    root = terraform("terraform/examples/function")
    (root.directory / "main.tf").write_text(chosen, "utf-8")
    (root.directory / "config.yaml").write_bytes(
        (tmp_path / "config.yaml").read_bytes()
    )
    plan = root.plan()
    (function,) = plan.of("google_cloudfunctions2_function")
    assert function["location"] == "europe-west4"
    notified = [
        each["notification_channels"]
        for each in plan.of("google_monitoring_alert_policy")
    ]
    assert ["projects/orders-prod/notificationChannels/1"] in notified
