"""``init``: the files that it writes of what it finds, and what it says."""

import os
import re
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from exporter import config
from exporter.process import INCOMPLETE, OK, USAGE
from tests.conftest import Ended
from tests.exporter.command.conftest import CARTS, Shop
from tests.tables import rows

WRITTEN = """\
# yaml-language-server: $schema={schema}
# Written by `datastream-exporter init`. docs/configuration.md describes every key.
metrics:
  project: metrics-prod # the series and the alerts go here
sources:
  - project: metrics-prod
  - project: shop-prod
# `states` adds to RUNNING, STARTING, DRAINING and MAINTENANCE, which are always fine;
# `during` says when, such as on Saturdays from 22:00. Remove the # to use it.
expectations:
#  - match: projects/shop-prod/locations/*/streams/orders-*
#    states: [PAUSED]
#    during: {{schedule: "0 22 * * 6", duration: 4h, timezone: Europe/Berlin}}
# Whose page it is: a name, or a mention in Slack.
#  - match: projects/shop-prod/locations/*/streams/orders-*
#    owner: "Orders, <!subteam^ID>"
# These streams are not running. Remove the # before each that is meant to be stopped;
# the others alert. A paused PostgreSQL stream fills its source's disk: limit the pause
# with `during`.
#  - match: projects/shop-prod/locations/europe-west1/streams/carts
#    states: [PAUSED]
# Streams that are not watched until a time, such as during a migration.
mutes:
#  - match: projects/shop-prod/locations/*/streams/orders-*
#    until: {until}T06:00
#    timezone: Europe/Berlin
"""
ROOT = Path(__file__).parents[3]


def init(shop: Shop, *argv: str) -> Ended:
    """Let ``init`` look at both projects of the shop."""
    shop.metrics_project.setdefault("locations", [{"id": "us-east4"}])
    return shop.command(
        "init", "--project", "metrics-prod", "--project", "shop-prod", *argv
    )


def test_what_is_found_is_shown_and_written(shop: Shop) -> None:
    """Both files name the projects; paused streams and channels are comments."""
    ended = init(shop)
    assert ended.out == ""
    assert ended.code == OK
    text = Path("config.yaml").read_text("utf-8")
    schema = os.path.relpath(ROOT / "docs" / "config.schema.json", Path.cwd())
    next_week = datetime.now(UTC) + timedelta(days=7)
    assert text == WRITTEN.format(schema=schema, until=f"{next_week:%Y-%m-%d}")
    main = Path("main.tf").read_text("utf-8")
    assert (
        main.count('      # "projects/metrics-prod/notificationChannels/NUMBER",\n')
        == 3
    )
    assert "gcloud beta monitoring channels list --project metrics-prod" in main
    assert '  region      = "europe-west1"\n' in main
    assert "Read the first, and choose in the second whom to notify." in ended.err
    assert "3 streams watched in 3 locations (1 not as expected).\n" in ended.err
    assert "Dev and prod want a folder and a metrics project each" in ended.err
    assert ended.err.endswith("\n  terraform -chdir=. apply\n")
    assert shop.cloud.points() == []
    assert not shop.cloud.calls["ListTimeSeries"]


@rows
def test_a_clones_module_comes_from_its_remote(
    shop: Shop,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
    remote: str,
    has_commit: str,
    source: str,
) -> None:
    """A remote that has the commit is the source, but not one with a password in it."""
    clone = tmp_path_factory.mktemp("clone")
    (clone / "terraform").mkdir()
    monkeypatch.setattr("exporter.setup.init._MODULE", clone / "terraform")
    for command in (
        "init --quiet",
        "-c user.name=me -c user.email=me@example.com commit -q --allow-empty -m x",
        f"remote add origin {remote}",
        f"update-ref refs/remotes/{has_commit} HEAD",
    ):
        subprocess.run(["git", *command.split()], cwd=clone, check=True)
    assert init(shop).code == OK
    main = Path("main.tf").read_text("utf-8")
    assert re.search(rf'  source = "{source}/+terraform(\?ref=\w{{40}})?"\n', main)


def test_a_confirmed_stream_is_expected(shop: Shop) -> None:
    """With the comment signs removed, config is valid and its states add up."""
    assert init(shop).code == OK
    file = Path("config.yaml")
    assert config.load(str(file), {}).expectations == ()
    file.write_text(file.read_text("utf-8").replace("\n#  ", "\n  "), "utf-8")
    read = config.load(str(file), {})
    assert len(read.mutes) == 1
    window, owned, one = read.expectations
    assert window.during
    assert owned.owner
    assert one.match == CARTS
    assert [state.name for state in one.states] == ["PAUSED"]


def test_the_printed_commands_are_for_the_folder(shop: Shop) -> None:
    """The folder is made, and its path is quoted for a shell."""
    ended = init(shop, "--folder", "deep/in here")
    check, *terraform = (line.strip() for line in ended.err.splitlines()[-3:])
    assert check.endswith(" check --config 'deep/in here/config.yaml'")
    assert terraform == [
        "terraform -chdir='deep/in here' init",
        "terraform -chdir='deep/in here' apply",
    ]
    assert Path("deep/in here/main.tf").exists()


@pytest.mark.parametrize("name", ["config.yaml", "main.tf"])
def test_no_file_is_overwritten(shop: Shop, name: str) -> None:
    """A file that exists is named, with what to do; nobody is called."""
    Path(name).write_text("mine\n", "utf-8")
    ended = init(shop)
    fix = "init overwrites no file; move it away, or name another folder with --folder"
    assert ended.code == USAGE
    assert ended.err == f"error: {name}: exists already, and {fix}\n"
    assert [path.name for path in Path().iterdir()] == [name]
    assert Path(name).read_text("utf-8") == "mine\n"
    assert not shop.cloud.calls


def test_a_fleet_without_streams_is_discovered(shop: Shop) -> None:
    """Without streams, no stream is to be confirmed, and some region is chosen."""
    shop.metrics_project["locations"] = [{"id": "us-east4"}]
    ended = shop.command("init", "--project", "metrics-prod")
    assert ended.code == OK
    assert "Wrote config.yaml and main.tf. " in ended.err
    text = Path("config.yaml").read_text("utf-8")
    assert "sources:\n  - project: metrics-prod\n# `states`" in text
    assert "\n# (none)\n" in text
    main = Path("main.tf").read_text("utf-8")
    assert '  region      = "us-central1"\n' in main


@rows
def test_where_a_project_cannot_be_read_nothing_is_written(
    shop: Shop,
    change: dict[str, Any],
    faults: list[dict[str, Any]],
    said: str,
    which: str,
) -> None:
    """The warning says how to have it read, the error names each, and exit is 1."""
    shop.project |= change
    shop.faults = faults
    ended = init(shop)
    assert ended.code == INCOMPLETE
    assert re.search(said, ended.err)
    nothing = f"\nerror: Nothing was written: {which} could not be read.\n"
    assert ended.err.endswith(nothing)
    assert not [*Path().iterdir()]


def test_metrics_may_go_to_a_project_that_is_no_source(shop: Shop) -> None:
    """With --metrics-project, that one gets metrics and alerts, and isn't read."""
    del shop.project["locations"][1:]
    argv = ("--project", "shop-prod", "--metrics-project", "metrics-prod")
    ended = shop.command("init", *argv)
    assert ended.code == OK
    read = config.load("config.yaml", {})
    assert read.metrics.project == "metrics-prod"
    assert [source.project for source in read.sources] == ["shop-prod"]
    assert shop.cloud.calls["ListLocations"] == 1
    main = Path("main.tf").read_text("utf-8")
    assert "notifications?project=metrics-prod" in main


@rows
def test_a_mistake_is_a_sentence(shop: Shop, argv: list[str], sentence: str) -> None:
    """A mistake is one sentence and exit 2; no file is written, nobody called."""
    ended = shop.command("init", *argv)
    assert ended.code == USAGE
    assert ended.err.count(f"error: {sentence}") == 1
    assert len(ended.err.splitlines()) <= 2
    assert not [*Path().iterdir()]
    assert not shop.cloud.calls


def test_a_folder_that_cannot_be_written_is_a_mistake(shop: Shop) -> None:
    """The sentence names the folder and the reason; exit 2."""
    Path("file").touch()
    ended = init(shop, "--folder", "file")
    assert ended.code == USAGE
    text = "error: file: cannot be written (File exists); name another with --folder"
    assert ended.err.endswith(f"{text}\n")


@rows
def test_a_file_that_cannot_be_written_leaves_no_other(
    shop: Shop, tmp_path: Path, before: str, reason: str
) -> None:
    """Where a file can't be written, none is left, and init can be called again."""
    ended = shop.shell(
        f'{before.format(tmp_path)} && exec "$0" -m exporter init'
        f" --project shop-prod --folder {tmp_path}"
    )
    assert f"cannot be written ({reason}); name another" in ended.err
    assert not [path for path in tmp_path.iterdir() if path.is_file()]


def test_what_is_no_name_is_left_out(shop: Shop) -> None:
    """A line break in the name of a stream or location adds no line to the files."""
    shop.europe["id"] = "europe-west1\n"
    america = shop.project["locations"][1]
    america["streams"].append({"id": "orders\nx", "state": "PAUSED"})
    assert init(shop).code == OK
    assert "\n# (none)\n" in Path("config.yaml").read_text("utf-8")
    assert '  region      = "us-east1"\n' in Path("main.tf").read_text("utf-8")
