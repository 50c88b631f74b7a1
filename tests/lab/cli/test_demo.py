"""``datastream-lab demo``: the exporter at first sight."""

import re
import time
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from lab.cli import demo
from lab.emulator.emulator import Emulator
from lab.simulate.simulation import Clock
from lab.verify import drill, incident, queries
from tests.lab.conftest import POLICIES, command


def test_the_whole_way_is_played(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The demo plays init and run, shows a whole page, and says what comes next."""
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        code, out, err = command("demo", f"--policies={POLICIES}")
        assert code == 0
    assert len((out + err).splitlines()) <= 130
    steps = re.findall(r"^\$ (\S+ \S+)", err, re.MULTILINE)
    exporter = [f"datastream-exporter {each}" for each in ("init", "run")]
    assert steps == exporter
    assert (tmp_path / "my-streams-demo" / "main.tf").is_file()
    lost = (
        "Datastream stream fraud-postgresql (europe-west1, payments-prod) failed perm"
    )
    assert f"\n  {lost}" in out
    assert "nextAvailableStartPosition" in out
    assert not re.search("null|EXPORTER_", out)
    logged = re.findall(r"^[a-z]+: .+", err, re.MULTILINE)
    assert len(logged) == len({*logged})
    following = err.partition(" Next:")[2]
    assert len(re.findall(r"^  \S*datastream-", following, re.MULTILINE)) == 3
    assert "\x1b" not in out + err


def test_demo_verify_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream fails until its incident opens."""
    clock = Clock(time.time() // 1)

    def sleep(seconds: float) -> None:
        clock.now += seconds

    turned = SimpleNamespace(time=clock, sleep=sleep)
    for module in (drill, incident):
        monkeypatch.setattr(module, "time", turned)
    monkeypatch.setattr(demo, "Emulator", partial(Emulator, clock=clock))
    monkeypatch.setattr(queries, "READABLE_SECONDS", 0)
    argv = ("demo", f"--policies={POLICIES}", "verify")
    code, out, err = command(*argv)
    assert code == 0
    assert "incident opened after 0 s, listed after 0 s\n" in out
    assert "freshness of the last hour: 15 of 15\n" in out
    assert err.splitlines()[-1].startswith("An emulator pages nobody")
    monkeypatch.setenv("PATH", "")
    assert command(*argv).code == 3


def test_a_world_without_channels_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the policies notify nobody, a warning says what the world lacks."""
    world = tmp_path / "world.yaml"
    config = "{metrics: {project: shop-prod}, sources: [{project: shop-prod}]}"
    world.write_text(f"config: {config}\nprojects: [{{id: shop-prod, number: 7}}]")
    monkeypatch.setenv("PATH", "")
    _, _, err = command("demo", f"--world={world}", "verify")
    assert "projects/shop-prod has no notification_channels" in err


def test_wrong_options_are_told_first() -> None:
    """A mistake in what follows demo ends it before anything is played."""
    stream = "projects/data-platform-prod/locations/europe-west1/streams/erp-oracle"
    for argv, sentence in (
        (["--policies=missing"], "missing: there is no such directory; check the path"),
        (["check", "--world=w.yaml"], "--world=w.yaml is an option of demo: write it"),
        (["verfy"], '"verfy" is not a command; did you mean verify?'),
        (["verify", f"--pause={stream}m"], f"{stream}m is not a stream of this world"),
    ):
        err = command("demo", *argv).refusal()
        assert err.startswith(f"error: {sentence}")


def test_a_bad_world_file_is_reported(tmp_path: Path) -> None:
    """An invalid world file, or one with an invalid config, costs exit 2."""
    world = tmp_path / "world.yaml"
    for text, sentence in (
        (
            "projects: [{id: shop-prod}]",
            "world.yaml:1: projects[0].number: has no value",
        ),
        ("config: {metrics: {}}\nprojects: []", "world.yaml: metrics.project: has no"),
    ):
        world.write_text(text)
        err = command("demo", "--world", str(world)).refusal()
        assert sentence in err
        assert all(line.startswith("error: ") for line in err.splitlines())
