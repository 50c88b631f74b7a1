"""terraform/README.md: its HCL works, its tables are complete, its costs add up."""

import re
from collections.abc import Iterator

import hcl2
import pytest

from exporter.config.locations import KNOWN
from tests.docs.pages import fences
from tests.terraform import module_inputs
from tests.terraform.fake_project import Channel, FakeProject
from tests.terraform.fake_provider import FakeProvider
from tests.terraform.terraform_cli import RootModule, copy_module
from tools import ROOT, cost, generate, terraform

MODULE = ROOT / "terraform"
README = (MODULE / "README.md").read_text("utf-8")
TEXTS = "\n".join(path.read_text("utf-8") for path in sorted(MODULE.glob("**/*.tf")))
CONFIG = (
    "metrics: {project: orders-prod}\nsources: [{project: orders-prod}, {project:"
    " payments-prod}]\n"
)
SOURCE = "./datastream-exporter/terraform"
HCL = [text for page in generate.PAGES for text in fences(page, "hcl")]


@pytest.fixture(scope="session")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RootModule]:
    """Return the folder that the page describes, with a clone and its channels."""
    folder = tmp_path_factory.mktemp("shown")
    names = set(
        re.findall(r'"((?:Data platform|Payments|Platform) [\w-]+)"', "".join(HCL))
    )
    channels = [Channel("orders-prod", each) for each in names]
    channels.append(Channel("payments-prod", "Payments on-call"))
    project = FakeProject(channels=channels, secrets=module_inputs.SECRETS)
    with FakeProvider(project) as provider:
        clone = copy_module(
            "terraform", folder / "datastream-exporter", provider
        ).directory
        root = RootModule(folder, provider)
        root.write("config.yaml", CONFIG)
        for name in ("dev", "prod"):
            root.write(f"{name}.yaml", CONFIG.replace("orders-prod", f"orders-{name}"))
        for path in (clone / "examples" / "organisation" / "policies").glob("*.yaml"):
            root.write(f"policies/{path.name}", path.read_text("utf-8"))
        yield root


@pytest.mark.parametrize("text", HCL)
def test_the_hcl_in_the_docs_can_be_planned(shown: RootModule, text: str) -> None:
    """Each block, a root module or some inputs, can be planned as printed."""
    parsed = hcl2.loads(text)
    if "module" not in parsed:
        given = {
            "region": '"europe-west1"',
            "image": f'"{module_inputs.IMAGE}"',
            "config_yaml": 'file("config.yaml")',
        }
        rest = "\n".join(
            f"{name} = {value}" for name, value in given.items() if name not in parsed
        )
        inside, beside = ("", text) if "moved" in parsed else (text, "")
        module = f'source = "{SOURCE}"\n{rest}\n{inside}'
        text = f'module "datastream_exporter" {{\n{module}\n}}\n{beside}'
    # The pages show a release's archive, or a folder beside the clone.
    text = re.sub('"(https://REPOSITORY|../datastream).*"', f'"{SOURCE}"', text)
    shown.write("main.tf", text.replace("DIGEST", "0" * 64))
    shown.init()
    assert not shown.is_up_to_date()


def test_the_tables_of_roles_and_permissions_are_complete() -> None:
    """The tables have each role that the module grants, and each type of resource."""
    granted, _, applied = README.partition("## Who applies")
    for role in re.findall(r'role += "(roles/\S+)"', TEXTS):
        assert f"`{role}`" in granted, role
    listed = (ROOT / "docs" / "reference.md").read_text("utf-8")
    for permission in set(
        re.findall(r'"((?:data|monitor)\w+\.\w+\.(?:list|create))"', TEXTS)
    ):
        assert f"`{permission}`" in listed, permission
    kinds = set(
        re.findall(r'^(?:resource|data|ephemeral) "(google_\w+)"', TEXTS, re.MULTILINE)
    )
    assert {kind for kind in kinds if f"`{kind}`" not in applied} == set()


def test_a_month_costs_what_a_calculation_by_hand_gives() -> None:
    """A month of twenty streams in three locations costs what prices and points say."""
    fleet = cost.Fleet(20, 3, 1)
    # Every 240 s: 20 x 4 points of streams, 3 x 4 of their locations, 1 of discovery:
    # 1,018,350 a month. Every 300 s: 2 of each empty location. Every minute: the
    # exporter's own 6.
    points = 93 * 10_950 + 2 * fleet.empty * 8_760 + 6 * 43_800
    written = points * 8 / 2**20
    assert cost.mebibytes(fleet, "function") == pytest.approx(written)
    # 87,600 vCPU-s of 2.1024, 43,800 GiB-s of 0.1095, 0.0438 million requests of
    # 0.01752 and a schedule, which are free for most.
    used_up = 2.1024 + 0.1095 + 0.01752 + 0.10 + written * 0.258
    assert cost.month(fleet, "function", free=False) == pytest.approx(used_up)
    # A job is billed for a minute per run: 2,388,000 vCPU-s and 864,000 GiB-s beyond
    # the free ones.
    assert cost.month(fleet, "job") == pytest.approx(42.984 + 1.728)
    # Every five minutes, 285,600 vCPU-s are beyond the free ones.
    assert cost.month(fleet, "job", 300) == pytest.approx(5.1408)


STATE, STREAMS, SEEN, READ = (
    f"custom_googleapis_com:datastream_{name}"
    for name in (
        "stream_state",
        "location_streams",
        "stream_last_seen",
        "location_last_read",
    )
)
LATENCY = "datastream_googleapis_com:stream_total_latencies"
ON = "on (project_id, namespace, location)"


@pytest.mark.parametrize(
    ("query", "interval", "references", "points"),
    [
        # One clause: 20 streams at 87,600 evaluations, however far it looks back.
        (
            f'last_over_time({STATE}{{location!="a>b or c"}}[1h]) == 6',
            30,
            1,
            20 * 87_600,
        ),
        # Four clauses with a metric: the state, the count in 3 locations, and both
        # again.
        (
            (
                f"{STATE} == 5 unless {ON} max_over_time({STREAMS}[5m]) >= (5) or"
                f" {STATE} < bool 4"
                f' and {ON} label_replace({STREAMS}, "a", "5 > 4", "", "")'
            ),
            30,
            4,
            (20 + 3 + 20 + 3) * 87_600,
        ),
        # One clause names two metrics, one of them twice: 3 locations, and the empty
        # ones, too.
        (
            f"{READ} - {ON} group_right () {SEEN} + {ON} group_left () {READ} > 45",
            120,
            2,
            (20 + len(KNOWN)) * 21_900,
        ),
        # The sum and the count of 20 distributions are one metric.
        (f"{LATENCY}_sum / {LATENCY}_count > 9", 300, 1, 20 * 8_760),
    ],
)
def test_alerting_counts_each_metric_of_each_clause(
    query: str, interval: int, references: int, points: int
) -> None:
    """A clause ends at a comparison, and, or, unless, but not within a text."""
    price = cost.query_price(query, interval, cost.Fleet(20, 3, 1))
    assert price == pytest.approx(0.35 * references + 0.5 * points / 1e6)


def test_the_costs_are_those_of_the_modules_own_sizes() -> None:
    """CPU and memory are what the module's inputs are by default."""
    inputs = terraform.blocks("variable")
    assert inputs["cpu"]["default"] == str(cost.VCPUS)
    assert inputs["memory"]["default"] == f"{cost.GIBIBYTES * 1024:.0f}Mi"


def test_the_costs_keep_their_bounds() -> None:
    """A small, a medium and a large fleet cost at most what the project promises."""
    small, medium, large = cost.FLEETS
    assert cost.month(small, "function") == cost.month(medium, "function") == 0
    metrics = cost.mebibytes(medium, "function")
    assert cost.total("metrics", metrics, free=False) <= 25
    assert cost.month(large, "function") <= 170
    assert cost.month(small, "job") <= 45
    assert cost.reading_back(20) <= 1
    assert cost.reading_back(200) <= 13
    bounds = [(small, cost.SOME, 19), (medium, cost.SOME, 43), (medium, 1, 70)]
    for fleet, share, dollars in bounds:
        assert cost.alerting(fleet._replace(with_problem=share)) <= dollars
