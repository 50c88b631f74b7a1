"""The tasks of a job share the locations: each is read by exactly one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.config.locations import KNOWN
from exporter.names import LocationName
from exporter.shard import Shard
from tests.exporter.read.worlds import project, seen

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.exporter.conftest import Serve

REGIONS = KNOWN[:20]

names = st.builds(
    LocationName,
    st.from_regex(r"[a-z][a-z0-9-]{4,28}[a-z0-9]", fullmatch=True),
    st.from_regex(r"[a-z]+-[a-z]+[0-9]{1,2}|global", fullmatch=True),
)


@given(at=names, count=st.integers(1, 200))
def test_exactly_one_of_the_tasks_has_a_location(at: LocationName, count: int) -> None:
    """However many tasks there are, one reads it and no other."""
    assert [Shard(index, count).holds(at) for index in range(count)].count(True) == 1


@pytest.mark.parametrize(
    ("at", "of_two", "of_seven"),
    [
        (("shop-prod", "europe-west1"), 1, 0),
        (("shop-prod", "us-east1"), 1, 1),
        (("shop-prod", "global"), 0, 5),
        (("bank-prod", "europe-west1"), 0, 4),
    ],
)
def test_who_has_a_location_never_changes(at: tuple[str, str], of_two: int, of_seven: int) -> None:
    """Another release, machine or hash seed gives the same task: series keep their writer."""
    name = LocationName(*at)
    assert Shard(of_two, 2).holds(name)
    assert Shard(of_seven, 7).holds(name)


@given(added=st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1), tasks=st.integers(2, 50))
def test_a_new_project_moves_no_other_project_s_locations(added: str, tasks: int) -> None:
    """What a task has depends on a location's own name: neither config nor order plays a part."""
    projects = [f"project-{number:04}" for number in range(100)]
    before = parts(projects, tasks)
    after = parts([f"added-{added}", *projects], tasks)
    for had, has in zip(before, after, strict=True):
        assert [at for at in has if at.project in projects] == had


def test_ten_tasks_share_a_thousand_projects_evenly() -> None:
    """Each location is in one part, and the largest part is at most a sixth above the average."""
    all_parts = parts([f"project-{number:04}" for number in range(1000)], 10)
    assert len({at for part in all_parts for at in part}) == sum(map(len, all_parts)) == 3000
    assert max(map(len, all_parts)) <= 350


def parts(projects: Iterable[str], tasks: int) -> list[list[LocationName]]:
    """Return the locations of each task; each project has three."""
    names = [LocationName(project, at) for project in projects for at in REGIONS[:3]]
    shards = (Shard(index, tasks) for index in range(tasks))
    return [list(filter(shard.holds, names)) for shard in shards]


@pytest.mark.parametrize("discovered", [True, False])
def test_tasks_read_every_location_of_a_world_exactly_once(
    serve: Serve, *, discovered: bool
) -> None:
    """Between them they see what one task alone would, with not one listing more."""
    lab = serve({"projects": [project("shop-prod", {at: [f"in-{at}"] for at in REGIONS})]})
    source = {"project": "shop-prod"} | ({} if discovered else {"locations": REGIONS})
    required = (f"projects/shop-prod/locations/{REGIONS[0]}/streams/in-{REGIONS[0]}",)
    parts = [seen(lab.read(source, shard=Shard(index, 3), required=required)) for index in range(3)]
    assert all(parts)
    assert sum(map(len, parts)) == len(REGIONS)
    assert parts[0] | parts[1] | parts[2] == {f"shop-prod/{at}": [f"in-{at}"] for at in REGIONS}
    assert lab.cloud.calls["ListStreams"] == len(REGIONS)


def test_a_task_without_a_location_reads_nothing_and_is_not_blind(serve: Serve) -> None:
    """More tasks than locations: those without one have nothing to complain of."""
    lab = serve({"projects": [project("shop-prod", {"us-east1": ["orders"]})]})
    source = {"project": "shop-prod", "locations": ["us-east1"]}
    read = [lab.read(source, shard=Shard(index, 8)) for index in range(8)]
    assert [len(each.locations) for each in read].count(1) == 1
    assert not any(each.nothing_read or each.skipped for each in read)
