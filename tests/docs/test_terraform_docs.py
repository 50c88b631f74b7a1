"""terraform/README.md says what the module is: its tables are whole, what it shows works."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import hcl2
import pytest
from hcl2 import SerializationOptions

from exporter.config import from_text
from exporter.measure.definitions import metrics
from exporter.measure.samples import (
    ExporterName,
    evaluate,
    exporter_samples,
    last_read_samples,
    location_samples,
    stream_samples,
)
from exporter.names import LocationName
from exporter.read.observations import Location, Observations, Stream
from exporter.shard import Shard
from tests.docs.command_arguments import module_inputs
from tests.terraform.fake_project import Channel, FakeProject
from tests.terraform.fake_provider import FakeProvider
from tests.terraform.terraform_cli import RootModule, copy_module
from tools import cost, generate, reference, terraform

if TYPE_CHECKING:
    from collections.abc import Iterator

MODULE = generate.ROOT / "terraform"
README = (MODULE / "README.md").read_text("utf-8")
CHANNELS = ("Data platform on-call", "Data platform mailbox", "Orders team", "Platform on-call")
IMAGE = f"europe-west1-docker.pkg.dev/orders-prod/tools/datastream-exporter@sha256:{'0' * 64}"
CONFIG = "metrics: {project: orders-prod}\nsources: [{project: orders-prod}]\n"


def _fences() -> Iterator[str]:
    """Yield every piece of HCL that the docs show."""
    for page in generate.PAGES:
        text = page.read_text("utf-8")
        for found in re.finditer(r"^( *)```hcl\n(.*?)^ *```$", text, re.DOTALL | re.MULTILINE):
            lines = found[2].splitlines(keepends=True)
            yield "".join(line.removeprefix(found[1]) for line in lines)


def _rows(table: str) -> dict[str, list[str]]:
    """Return the cells of a table's rows by what stands first, without its marks."""
    cells = (line.strip("| ").split(" | ") for line in table.splitlines()[2:])
    return {first.strip("`*"): rest for first, *rest in cells}


def _declared(kind: str) -> dict[str, str]:
    """Return the text of every block of a kind in the module's files, by name."""
    texts = "\n".join(path.read_text("utf-8") for path in sorted(MODULE.glob("*.tf")))
    found = re.finditer(rf'^{kind} "(\w+)" {{\n(.*?)^}}', texts, re.DOTALL | re.MULTILINE)
    return {each[1]: each[2] for each in found}


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RootModule]:
    """Return the folder that the page describes, with the clone in it, where names exist."""
    folder = tmp_path_factory.mktemp("shown")
    project = FakeProject(
        channels=[Channel("orders-prod", each) for each in CHANNELS],
        secrets={"projects/orders-prod/secrets/slack-bot-token": "xoxb-1"},
    )
    with FakeProvider(project) as provider:
        clone = copy_module("terraform", folder / "datastream-exporter", provider).directory
        assert clone == folder / "datastream-exporter" / "terraform"
        root = RootModule(folder, provider)
        root.write("config.yaml", CONFIG)
        own = (MODULE / "examples" / "organisation" / "policies").glob("*.yaml")
        for path in own:
            root.write(f"policies/{path.name}", path.read_text("utf-8"))
        yield root


def test_the_table_of_inputs_is_whole() -> None:
    """Each input is there, and required where it has no default."""
    told = _rows(terraform.inputs())
    declared = _declared("variable")
    assert list(told) == sorted(declared)
    for name, text in declared.items():
        required = not re.search(r"^  default +=", text, re.MULTILINE)
        assert (told[name][1] == "**required**") is required, name


def test_an_object_has_a_line_for_each_of_its_fields() -> None:
    """A type of many fields can be read, and nothing of it is lost."""
    kind = _rows(terraform.inputs())["slack_channel"][0]
    assert kind.split("<br>") == [
        "`object({`",
        "`channel_name = string`",
        "`display_name = optional(string)`",
        '`severities = optional(list(string), ["CRITICAL", "ERROR", "WARNING"])`',
        '`token_version = optional(string, "1")`',
        "`})`",
    ]


def test_the_table_of_outputs_is_whole() -> None:
    """Each output is there."""
    assert list(_rows(terraform.outputs())) == list(_declared("output"))


def test_each_example_is_told() -> None:
    """Each folder of examples/ has a row."""
    folders = sorted(path.name for path in (MODULE / "examples").iterdir())
    assert [re.findall(r"\[([\w-]+)\]", each)[0] for each in _rows(terraform.examples())] == folders


def test_each_grant_is_told() -> None:
    """Each role that the module's files grant has a row, to the account that it is granted to."""
    granted = re.findall(
        r'^resource "\w+_iam_(?:member|binding|policy)".*?^}',
        "\n".join(path.read_text("utf-8") for path in sorted(MODULE.glob("*.tf"))),
        re.DOTALL | re.MULTILINE,
    )
    told = [line.split(" | ") for line in terraform.grants().splitlines()[2:]]
    assert len(told) == len(granted)
    for text, (account, role, *_) in zip(granted, told, strict=True):
        literal = re.search(r'role += "(\S+)"', text)
        assert role == (f"`{literal[1]}`" if literal else "the custom role below")
        assert account.endswith("-cron`") is ("google_service_account.scheduler" in text)


def test_the_table_of_permissions_is_the_exporters_own() -> None:
    """The custom role holds what the exporter needs of Datastream, and nothing else."""
    needed = {each for each in reference.PERMISSIONS if each.startswith("datastream.")}
    assert set(_rows(terraform.permissions())) == needed


def test_whoever_applies_learns_of_each_kind_of_resource() -> None:
    """Each type of the module, and of the one for the token, has a role beside it."""
    texts = "\n".join(path.read_text("utf-8") for path in MODULE.glob("**/*.tf"))
    kinds = set(re.findall(r'^(?:resource|data|ephemeral) "(\w+)"', texts, re.MULTILINE))
    assert {kind for each in terraform.APPLIERS for kind in each["types"]} == kinds


@pytest.mark.parametrize("text", list(_fences()))
def test_the_hcl_that_is_shown_can_be_planned(shown: RootModule, text: str) -> None:
    """A root module, or inputs of the module, is planned as it is shown: names, types, values."""
    parsed = hcl2.loads(text, serialization_options=SerializationOptions(with_comments=False))
    if "module" not in parsed:
        assert parsed.keys() <= module_inputs()
        given = {
            "region": '"europe-west1"',
            "image": f'"{IMAGE}"',
            "config_yaml": f'"{_hcl(CONFIG)}"',
        }
        rest = "\n".join(f"{name} = {value}" for name, value in given.items())
        text = f'module "m" {{\nsource = "./datastream-exporter/terraform"\n{rest}\n{text}\n}}\n'
    # From within the clone, the module is nearer.
    text = text.replace('"./terraform"', '"./datastream-exporter/terraform"')
    shown.write("main.tf", text.replace("DIGEST", "0" * 64))
    shown.init()
    assert shown.plan().resources


def test_each_command_of_the_module_names_inputs_that_exist() -> None:
    """The clone as the root module is applied with inputs that the module has."""
    assert set(re.findall(r"-var '?(\w+)=", README)) == {
        "image",
        "notification_channels",
        "region",
    }


def test_a_run_writes_as_many_points_as_are_reckoned_with() -> None:
    """A stream, a location and a task are as many points as a run makes of them."""
    fleet = cost.Fleet("few", 3, 1, 1)
    config = from_text(CONFIG, "docs", {}).config
    at = LocationName("orders-prod", "europe-west1")
    streams = tuple(Stream(f"stream-{number}", 2) for number in range(3))
    observations = Observations(locations=(Location(at, streams),))
    evaluated = evaluate(observations, config, 0)
    samples = [
        *location_samples(observations, evaluated, Shard(0, 1)),
        *stream_samples(evaluated, 0, errors=True),
        *last_read_samples(evaluated, 0, frozenset()),
        *exporter_samples(
            ExporterName("global", "few", "0"), streams=3, seconds=1.0, lost=0, last_run=0
        ),
    ]
    assert cost.month(fleet, cost.MODES[0]).points == len(samples) == 3 * 4 + 4 + 4


def test_a_month_is_added_up_as_by_hand() -> None:
    """Twenty streams in three locations, every ten seconds: worked out by hand."""
    ten_seconds = cost.Mode("continuous, every 10 s", 10, pool=True)
    month = cost.month(cost.Fleet("small", 20, 3, 1), ten_seconds)
    # 80 + 12 + 4 points; 262,800 runs; 8 bytes: 201,830,400 bytes.
    assert month.points == 96
    assert month.mebibytes == pytest.approx(192.48, abs=0.01)
    # Beyond 150 MiB: 42.48 at 25.8 cents.
    assert month.metrics == pytest.approx(10.96, abs=0.01)
    # 2,628,000 s: 2,243,796 vCPU-s of 25.2298 and 585,256 GiB-s of 0.7228 beyond the free ones.
    assert month.cloud_run == pytest.approx(25.95, abs=0.01)
    assert month.scheduler == 0
    assert month.today == pytest.approx(36.91, abs=0.01)


def test_a_job_is_billed_for_a_minute_a_run() -> None:
    """A run of seconds, every minute, costs what an instance costs that always runs."""
    month = cost.month(cost.Fleet("small", 20, 3, 1), cost.Mode("scheduled", 60))
    # 2,388,000 vCPU-s and 864,000 GiB-s beyond the free ones.
    assert month.cloud_run == pytest.approx(42.984 + 1.728)


def test_alerting_counts_each_name_and_its_series() -> None:
    """A metric named is a reference; it returns a point for each of its series, each 30 seconds."""
    fleet = cost.Fleet("small", 20, 3, 1)
    assert cost.series("custom_googleapis_com:datastream_stream_state", fleet) == 20
    assert cost.series("custom_googleapis_com:datastream_location_up", fleet) == 3
    assert cost.series("custom_googleapis_com:datastream_exporter_last_run", fleet) == 1
    assert cost.series("custom_googleapis_com:datastream_stream_objects", fleet) == 0
    assert cost.series("datastream_googleapis_com:stream_freshness", fleet) == 20
    assert cost.series("run_googleapis_com:job_completed_execution_count", fleet) == 1
    month = cost.month(fleet, cost.MODES[0])
    returned = sum(cost.series(each, fleet) for each in cost.references(continuous=False))
    assert month.returned == pytest.approx(returned * 87_600 / 1e6)
    assert month.alerting == pytest.approx(0.35 * month.references + 0.50 * month.returned)


def test_a_policy_that_names_no_metric_is_found() -> None:
    """A name of the exporter's own that does not exist is not taken for one of Google's."""
    with pytest.raises(KeyError):
        cost.series("custom_googleapis_com:datastream_stream_stat", cost.FLEETS[0])


def test_what_is_collected_only_if_asked_for_is_left_out() -> None:
    """The metrics that the sums leave out exist, and are the ones that config switches on."""
    asked_for = {name for name, each in metrics().items() if _if_asked(each.written)}
    assert set(cost.OPTIONAL_METRICS) == asked_for


def _if_asked(written: str) -> bool:
    """Whether a metric is written only if config says more than its defaults."""
    return "objects are collected" in written or "collect.private_connections" in written


@pytest.mark.parametrize("file", ["job.tf", "worker_pool.tf"])
def test_the_machine_is_the_one_that_is_reckoned_with(file: str) -> None:
    """CPU and memory are what the module asks for."""
    limits = re.search(r"limits = (\{.*\})", (MODULE / file).read_text("utf-8"))
    assert limits
    assert limits[1] == f'{{ cpu = "{cost.VCPUS}", memory = "{cost.GIBIBYTES * 1024:.0f}Mi" }}'


def test_each_price_names_its_page_and_when_it_was_read() -> None:
    """No price without a source."""
    for each in cost.PRICES.values():
        assert each.page.startswith("https://cloud.google.com/")
        assert re.fullmatch(r"[A-Z][a-z]+ 20\d\d", each.as_of)
    # The price of metrics falls beyond.
    assert all(
        cost.month(fleet, mode).mebibytes < 100_000 for fleet in cost.FLEETS for mode in cost.MODES
    )


def _hcl(text: str) -> str:
    return text.replace("\n", "\\n")
