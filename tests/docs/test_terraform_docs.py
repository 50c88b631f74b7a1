"""terraform/README.md: its HCL works, and its tables are complete."""

import re
from collections.abc import Iterator

import hcl2
import pytest

from tests.docs.pages import fences
from tests.terraform import module_inputs
from tests.terraform.fake_project import Channel, FakeProject
from tests.terraform.fake_provider import FakeProvider
from tests.terraform.terraform_cli import RootModule, copy_module
from tools import ROOT, generate

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
