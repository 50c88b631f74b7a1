"""The files that ``datastream-exporter init`` writes, as Terraform reads them."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections import Counter
from pathlib import Path

from exporter import PROGRAM
from lab.emulator.emulator import Emulator
from lab.emulator.world import parse_world
from lab.review.plan import parse_plan
from tests.terraform.fake_project import Channel
from tests.terraform.fake_provider import FakeProvider
from tests.terraform.terraform_cli import TERRAFORM, RootModule, copy_files, environment

WORLD = """\
projects:
  - id: orders-prod
    number: 1
    locations:
      - {id: europe-west4, streams: [{id: orders}, {id: archive, state: PAUSED}]}
"""


def test_what_init_prints_works_as_printed(
    fake_provider: FakeProvider, tmp_path: Path
) -> None:
    """All commands work, up to the apply; a pager gets no warnings."""
    clone, folder = tmp_path / "clone", tmp_path / "my-streams"
    copy_files(clone, sources=True)
    program = tmp_path / "bin" / "terraform"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {shlex.join(TERRAFORM)} "$@"\n', "utf-8")
    program.chmod(0o755)
    path = {"PATH": f"{program.parent}:{os.environ['PATH']}", "PYTHONPATH": str(clone)}
    environ = {**environment(fake_provider), **path}
    fake_provider.project.directory = folder

    def shell(command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["/bin/sh", "-euc", command],
            cwd=clone,
            env=environ,
            input="yes\n",
            capture_output=True,
            check=True,
            encoding="utf-8",
        )

    init = Path(sys.executable).with_name(PROGRAM)
    with Emulator(parse_world(WORLD, "world")) as cloud:
        environ.update(cloud.environ)
        printed = shell(f"{init} init --project orders-prod --folder ../my-streams")
        check, *others = printed.stderr.splitlines()[-3:]
        shell(check)
    copy_files(clone, sources=False)  # a plan takes half as long
    for command in others:
        shell(command)
    main = (folder / "main.tf").read_text("utf-8")
    assert '  source = "./../clone/terraform"\n' in main
    root = RootModule(folder, fake_provider)
    plan = root.plan()
    assert not plan.changes
    (warning,) = plan.warnings
    advice = warning[warning.index("Create a channel") : warning.rindex("\n")].split()
    assert " ".join(advice) in " ".join(main.replace("#", "").split())
    code = r'# (?="projects/|data|resource|google|slack|policy|}|  \w+ +=)'
    shown = re.sub(rf"^( *){code}", r"\1", main, flags=re.MULTILINE)
    root.write("main.tf", shown.replace("NUMBER", "1").replace("^ID", "^S1"))
    fake_provider.project.channels.append(Channel("orders-prod", "On call"))
    plan = root.plan()
    reviewed = parse_plan(json.dumps(plan.json).encode(), "plan.json")
    assert "On call (" in str(reviewed.changes)
    texts = [
        str(each["documentation"]) for each in plan.of("google_monitoring_alert_policy")
    ]
    assert sum("https://wiki.example.com/stream-failed" in text for text in texts) == 1
    assert sum("<!subteam^S1>" in text for text in texts) == 7
    chosen = main.replace('# "projects/', '"projects/', 1).replace("/NUMBER", "/1", 1)
    root.write("main.tf", chosen)
    policies = root.plan().of("google_monitoring_alert_policy")
    told = {policy["severity"]: policy["notification_channels"] for policy in policies}
    assert [len(told[severity]) for severity in sorted(told)] == [1, 0, 0]
    numbers = Counter(policy["severity"] for policy in policies)
    said = re.findall(r"# (\d+) polic[^=]*\n    (\w+) = \[", main)
    assert {severity: int(number) for number, severity in said} == numbers
