"""terraform/README.md: its tables are complete, and the HCL in it works."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import hcl2
import pytest
from hcl2 import SerializationOptions

from exporter.config import from_text
from exporter.measure import metrics
from exporter.measure.evaluation import evaluate
from exporter.measure import ExporterName, Measurement, ObjectsMeasurement
from exporter.names import LocationName, StreamName
from exporter.measure import Objects, Observations, ReadLocation, Stream
from exporter.shard import Shard
from tests.canary import Canary
from tests.docs import command_arguments
from tests.docs.pages import fences
from tests.terraform import module_inputs
from tests.terraform.fake_project import Channel, FakeProject
from tests.terraform.fake_provider import FakeProvider
from tests.terraform.terraform_cli import RootModule, copy_module
from tools import cost, generate, reference, terraform

if TYPE_CHECKING:
    from collections.abc import Iterator

MODULE = generate.ROOT / "terraform"
README = (MODULE / "README.md").read_text("utf-8")
CHANNELS = (
    "Data platform on-call",
    "Data platform mailbox",
    "Payments mailbox",
    "Payments on-call",
    "Platform on-call",
)
IMAGE = f"europe-west1-docker.pkg.dev/orders-prod/tools/datastream-exporter@sha256:{'0' * 64}"
CONFIG = (
    "metrics: {project: orders-prod}\nsources: [{project: orders-prod}, {project: payments-prod}]\n"
)


def _fences() -> Iterator[str]:
    """Yield every HCL block in the docs."""
    for page in generate.PAGES:
        yield from fences(page, "hcl")


def _rows(table: str) -> dict[str, list[str]]:
    """Return the cells of a table's rows by the first cell, without markup."""
    cells = (line.strip("| ").split(" | ") for line in table.splitlines()[2:])
    return {first.strip("`*"): rest for first, *rest in cells}


def _declared(kind: str) -> dict[str, str]:
    """Return the text of every block of a kind in the module, by name."""
    texts = "\n".join(path.read_text("utf-8") for path in sorted(MODULE.glob("*.tf")))
    found = re.finditer(rf'^{kind} "(\w+)" {{\n(.*?)^}}', texts, re.DOTALL | re.MULTILINE)
    return {block[1]: block[2] for block in found}


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RootModule]:
    """Return the folder that the page describes, with a clone and the channels that it uses."""
    folder = tmp_path_factory.mktemp("shown")
    own = [Channel("orders-prod", each) for each in CHANNELS]
    own.append(Channel("payments-prod", "Payments on-call"))
    project = FakeProject(
        channels=own + [each for each in module_inputs.CHANNELS if each not in own],
        secrets={"projects/orders-prod/secrets/slack-bot-token": Canary.SECRET_MANAGER_SECRET},
    )
    with FakeProvider(project) as provider:
        clone = copy_module("terraform", folder / "datastream-exporter", provider).directory
        assert clone == folder / "datastream-exporter" / "terraform"
        root = RootModule(folder, provider)
        root.write("config.yaml", CONFIG)
        for path in (MODULE / "examples" / "organisation" / "policies").glob("*.yaml"):
            root.write(f"policies/{path.name}", path.read_text("utf-8"))
        yield root


def test_the_table_of_inputs_is_complete() -> None:
    """It has each input, as required if it has no default."""
    rows = _rows(terraform.inputs())
    declared = _declared("variable")
    assert list(rows) == sorted(declared)
    for name, text in declared.items():
        required = not re.search(r"^  default +=", text, re.MULTILINE)
        assert (rows[name][1] == "**required**") is required, name


def test_an_object_type_has_one_line_per_field() -> None:
    """A long type is readable, and nothing is lost."""
    kind = _rows(terraform.inputs())["slack_channel"][0]
    assert kind.split("<br>") == [
        "`object({`",
        "`channel_name = string`",
        "`display_name = optional(string)`",
        '`severities = optional(list(string), ["CRITICAL", "ERROR", "WARNING"])`',
        '`token_version = optional(string, "1")`',
        "`})`",
    ]


def test_the_table_of_outputs_is_complete() -> None:
    """It has each output."""
    assert list(_rows(terraform.outputs())) == list(_declared("output"))


def test_the_table_of_examples_is_complete() -> None:
    """Each folder in examples/ has a row."""
    folders = {path.parent.name for path in MODULE.glob("examples/*/main.tf")}
    linked = re.findall(r"^\| \[([\w-]+)\]", terraform.examples(), re.MULTILINE)
    assert len(linked) == len(folders)
    assert set(linked) == folders


def test_the_page_begins_with_the_examples() -> None:
    """The examples come before the set-up, which comes before the rest, and the function first."""
    headings = re.findall(r"^## (.+)$", README, re.MULTILINE)
    assert headings[:4] == ["Examples", "Set up", "Modes", "Inputs"]
    assert headings.index("Cost") < headings.index("Destroy")
    assert next(iter(terraform.SHOWN_EXAMPLES)) == "function"
    before_image, _, _ = README.partition("### A job or a worker pool: build the image")
    assert "gcloud builds" not in before_image


def test_the_table_of_grants_is_complete() -> None:
    """Each role that the module grants has a row with the account that gets it."""
    granted = re.findall(
        r'^resource "\w+_iam_(?:member|binding|policy)".*?^}',
        "\n".join(path.read_text("utf-8") for path in sorted(MODULE.glob("*.tf"))),
        re.DOTALL | re.MULTILINE,
    )
    rows = [line.split(" | ") for line in terraform.grants().splitlines()[2:]]
    assert len(rows) == len(granted)
    for text, (account, role, *_) in zip(granted, rows, strict=True):
        literal = re.search(r'role += "(\S+)"', text)
        assert role == (f"`{literal[1]}`" if literal else "the custom role below")
        member = re.search(r"member += (?:local\.)?(\S+)", text)
        assert member
        assert account.endswith(
            {
                "build_member": "-build`",
                "exporter_member": "exporter`",
                "push_member": "-push`",
                "scheduler_member": "-cron`",
                "each.value.writer_identity": "own account",
            }[member[1]]
        )


def test_the_custom_role_has_the_exporters_permissions() -> None:
    """It has the Datastream permissions that the exporter needs, and no others."""
    needed = {name for name in reference.PERMISSIONS if name.startswith("datastream.")}
    assert set(_rows(terraform.permissions())) == needed


def test_the_table_of_appliers_is_complete() -> None:
    """Each resource type in the module and in slack_token has a role."""
    texts = "\n".join(path.read_text("utf-8") for path in MODULE.glob("**/*.tf"))
    kinds = set(re.findall(r'^(?:resource|data|ephemeral) "(\w+)"', texts, re.MULTILINE))
    # The other providers work on the machine that applies.
    google = {kind for kind in kinds if kind.startswith("google_")}
    assert {kind for role in terraform.APPLIERS for kind in role["types"]} == google


@pytest.mark.parametrize("text", list(_fences()))
def test_the_hcl_in_the_docs_can_be_planned(shown: RootModule, text: str) -> None:
    """Each block, a root module or some inputs, can be planned as printed."""
    names = [each for each in terraform.SHOWN_EXAMPLES if terraform.example(each) == text.strip()]
    files = [MODULE / "examples" / name / "config.yaml" for name in names]
    shown.write("config.yaml", files[0].read_text("utf-8") if files else CONFIG)
    parsed = hcl2.loads(text, serialization_options=SerializationOptions(with_comments=False))
    if "module" not in parsed:
        assert parsed.keys() <= command_arguments.module_inputs()
        given = {
            "region": '"europe-west1"',
            "image": f'"{IMAGE}"',
            "config_yaml": f'"{_hcl(CONFIG)}"',
        }
        rest = "\n".join(f"{name} = {value}" for name, value in given.items() if name not in parsed)
        text = f'module "m" {{\nsource = "./datastream-exporter/terraform"\n{rest}\n{text}\n}}\n'
    # README.md shows the module from inside the clone.
    text = text.replace('"./terraform"', '"./datastream-exporter/terraform"')
    shown.write("main.tf", text.replace("DIGEST", "0" * 64))
    shown.init()
    assert shown.plan().resources


def test_the_set_up_creates_about_seventy_resources(shown: RootModule) -> None:
    """The first apply of the set-up, a function for one project, is as large as announced."""
    (text,) = (text for text in fences(MODULE / "README.md", "hcl") if 'output "run_now' in text)
    shown.write(
        "config.yaml", "metrics: {project: orders-prod}\nsources: [{project: orders-prod}]\n"
    )
    shown.write("main.tf", text)
    shown.init()
    assert "creates about seventy resources" in README
    assert len(shown.plan().resources) == pytest.approx(70, abs=4)


def test_a_command_sets_the_inputs_of_a_clone() -> None:
    """The command for a clone as the root module sets the inputs that it needs."""
    assert set(re.findall(r"-var '?(\w+)=", README)) == {
        "mode",
        "notification_channels",
        "region",
    }


def test_a_run_writes_as_many_points_as_the_cost_assumes() -> None:
    """The points of a stream, a location and a task are those of a real run."""
    fleet = cost.Fleet("few", 3, 1, 1)
    config = from_text(CONFIG, "docs", {}).config
    at = LocationName("orders-prod", "europe-west1")
    streams = tuple(Stream(f"stream-{number}", 2) for number in range(3))
    observations = Observations(locations=(ReadLocation(at, streams),))
    name = ExporterName("global", "few", "0")
    evaluated = evaluate(observations, config, 0)
    measurement = Measurement(name, Shard(), 0, observations, evaluated, errors=True)
    samples = [
        *measurement.location_samples(),
        *measurement.stream_samples(),
        *measurement.last_read_samples(withheld=()),
        *measurement.self_samples(seconds=1.0, lost=0),
    ]
    assert cost.month(fleet, cost.FUNCTION).points == len(samples) == 3 * 4 + 4 + 4


def test_a_month_costs_what_a_calculation_by_hand_gives() -> None:
    """Twenty streams in three locations, in a worker pool that runs every ten seconds."""
    month = cost.month(cost.Fleet("small", 20, 3, 1), cost.POOL)
    # 80 + 12 points a minute, 43,800 times, and the exporter's 4 in 262,800 runs; 8 bytes each:
    # 40,646,400 bytes, below the free 150 MiB.
    assert month.points == 96
    assert month.mebibytes == pytest.approx(38.76, abs=0.01)
    assert month.metrics == 0
    # 2,628,000 s: 2,243,796 vCPU-s of 25.2298 and 585,256 GiB-s of 0.7228 beyond the free ones.
    assert month.cloud_run == pytest.approx(25.95, abs=0.01)
    assert month.scheduler == 0
    assert month.today == pytest.approx(25.95, abs=0.01)


def test_a_job_is_billed_for_a_minute_per_run() -> None:
    """A run of a few seconds every minute is billed like an instance that always runs."""
    month = cost.month(cost.Fleet("small", 20, 3, 1), cost.JOB)
    # 2,388,000 vCPU-s and 864,000 GiB-s beyond the free ones.
    assert month.cloud_run == pytest.approx(42.984 + 1.728)


def test_alerting_counts_each_mention_and_its_series() -> None:
    """A condition reads one point per series of each metric that it names, at each evaluation."""
    fleet = cost.Fleet("small", 20, 3, 1)
    assert cost.series("custom_googleapis_com:datastream_stream_state", fleet) == 20
    assert cost.series("custom_googleapis_com:datastream_location_up", fleet) == 3
    assert cost.series("custom_googleapis_com:datastream_exporter_last_run", fleet) == 1
    assert cost.series("custom_googleapis_com:datastream_stream_objects", fleet) == 0
    assert cost.series("datastream_googleapis_com:stream_freshness", fleet) == 20
    assert cost.series("run_googleapis_com:job_completed_execution_count", fleet) == 1
    month = cost.month(fleet, cost.FUNCTION)
    named = cost.references("function")
    read = sum(cost.series(name, fleet) * 30 / interval for name, interval in named)
    assert month.read == pytest.approx(read * 87_600 / 1e6)
    assert month.alerting == pytest.approx(0.35 * month.names + 0.50 * month.read)


def test_a_run_of_the_second_job_writes_as_many_points_as_the_cost_assumes() -> None:
    """The points of a stream's tables, and the exporter's own but last_run, are a real run's."""
    names = [StreamName("orders-prod", "europe-west1", f"stream-{number}") for number in range(3)]
    objects = dict.fromkeys(names, Objects({}, 0))
    observations = Observations(objects=objects)
    config = from_text(CONFIG, "docs", {}).config
    name = ExporterName("global", "few", "objects-0")
    evaluated = evaluate(observations, config, 0)
    measurement = ObjectsMeasurement(name, Shard(), 0, observations, evaluated, errors=True)
    samples = [*measurement.stream_samples(), *measurement.self_samples(seconds=1.0, lost=0)]
    job = cost.objects_job(cost.Fleet("few", 3, 1, 1))
    assert job.points == 730 * len(samples) == 730 * (3 * 9 + 3)


def test_a_second_job_costs_what_a_calculation_by_hand_gives() -> None:
    """Tables of twenty streams: Cloud Run, a schedule, points, and what conditions read."""
    job = cost.objects_job(cost.Fleet("small", 20, 3, 1))
    # 730 runs of a minute: 43,800 vCPU-s and 21,900 GiB-s.
    assert job.cloud_run == pytest.approx(0.7884 + 0.0438)
    assert job.scheduler == pytest.approx(0.10)
    # 730 runs of 183 points of 8 bytes.
    assert job.mebibytes == pytest.approx(1.019, abs=0.001)
    assert job.metrics == pytest.approx(0.263, abs=0.001)
    # 180 series every two minutes, and its own points_lost every minute.
    assert job.read == 180 * 21_900 + 43_800
    assert job.alerting == pytest.approx(1.9929)
    assert job.today == pytest.approx(1.195, abs=0.001)


def test_a_function_that_collects_tables_writes_them_every_quarter_of_an_hour() -> None:
    """Nine points of each of 20 or 200 streams, 2,920 times, at $0.258 a MiB."""
    assert "4 MiB, $1.03, for the small fleet and 40 MiB, $10.35, for the medium" in " ".join(
        cost.months().split()
    )


def test_one_more_task_costs_what_a_calculation_by_hand_gives() -> None:
    """A task is billed all month, and adds the exporter's own four series but no schedule."""
    task = cost.task()
    assert task.cloud_run == pytest.approx(2_628_000 * 0.000018 + 1_314_000 * 0.000002)
    assert task.scheduler == 0
    # 43,800 runs of four points of 8 bytes.
    assert task.mebibytes == pytest.approx(1.337, abs=0.001)
    # last_run every 30 s and points_lost every minute.
    assert task.read == 87_600 + 43_800


def test_the_second_job_is_the_modules() -> None:
    """It shares the first one's task count, and Cloud Scheduler starts each job."""
    module = (MODULE / "job.tf").read_text("utf-8")
    assert module.count("task_count = var.task_count") == 1
    assert 'args     = ["run", "--collect", "objects"]' in module
    assert "for key, job in local.jobs : key =>" in (MODULE / "schedule.tf").read_text("utf-8")


def test_a_total_includes_the_announced_alerting() -> None:
    """The last column of both tables is what is billed today, and alerting as announced."""
    rows = [line.strip("| ").split(" | ") for line in cost.months().splitlines() if "$" in line]
    tables = [row for row in rows if len(row) > 1]
    assert len(tables) == len(cost.FLEETS) * len(cost.MODES) + 2 + 6
    for *_, today, alerting, total in tables:
        added = 0.0 if alerting == "none" else float(re.findall(r"^\$([\d.]+)", alerting)[0])
        assert float(total.strip("*$")) == pytest.approx(
            float(today.strip("*$")) + added, abs=0.011
        )


def test_a_function_is_billed_for_its_requests() -> None:
    """A minute's requests of two seconds stay within what is free; more are billed."""
    assert cost.cloud_run("function", 60) == 0
    # 525,600 vCPU-s and 262,800 GiB-s: 345,600 vCPU-s beyond the free ones.
    assert cost.cloud_run("function", 10) == pytest.approx(345_600 * 0.000024)


def test_the_costs_keep_their_bounds() -> None:
    """The totals that the project promises for a small and a medium fleet."""
    small, medium = (cost.month(fleet, cost.FUNCTION) for fleet in cost.FLEETS)
    assert small.today <= 1
    assert round(small.alerting) <= 20
    assert medium.today <= 36
    assert medium.alerting <= 100
    assert cost.month(cost.FLEETS[1], cost.POOL).today <= 65
    assert small.names <= 32


def test_an_unknown_metric_of_the_exporter_is_an_error() -> None:
    """A misspelt name isn't counted as one of Google's metrics."""
    with pytest.raises(KeyError):
        cost.series("custom_googleapis_com:datastream_stream_stat", cost.FLEETS[0])


def test_the_cost_excludes_optional_metrics() -> None:
    """The excluded metrics are those that the config has to enable."""
    optional = {name for name, each in metrics().items() if _is_optional(each.written)}
    assert set(cost.OPTIONAL_METRICS) == optional


def _is_optional(written: str) -> bool:
    """Return whether a metric is off by default."""
    return "objects are collected" in written or "collect.private_connections" in written


@pytest.mark.parametrize("file", ["job.tf", "worker_pool.tf"])
def test_the_module_uses_the_machine_that_the_cost_assumes(file: str) -> None:
    """CPU and memory are the module's defaults."""
    assert "limits = { cpu = var.cpu, memory = var.memory }" in (MODULE / file).read_text("utf-8")
    defaults = {name: terraform.blocks("variable")[name]["default"] for name in ("cpu", "memory")}
    assert defaults == {"cpu": str(cost.VCPUS), "memory": f"{cost.GIBIBYTES * 1024:.0f}Mi"}


def test_each_price_has_a_source() -> None:
    """Each price has its page and the month in which it was read."""
    for price in cost.PRICES.values():
        assert price.page.startswith("https://cloud.google.com/")
        assert re.fullmatch(r"[A-Z][a-z]+ 20\d\d", price.as_of)
    # Beyond 100,000 MiB, metrics have another price.
    assert all(
        cost.month(fleet, mode).mebibytes < 100_000 for fleet in cost.FLEETS for mode in cost.MODES
    )


def _hcl(text: str) -> str:
    return text.replace("\n", "\\n")
