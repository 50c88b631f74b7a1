"""The state that an upgrade is tested from, of a function with a route.

``python -m tests.terraform.released`` records what today's module leaves.
"""

import gzip
import tempfile
from pathlib import Path
from typing import Any

from tests.terraform.fake_provider import FakeProvider
from tests.terraform.module_inputs import FUNCTION, MODULE
from tests.terraform.terraform_cli import REPOSITORY, copy_module

STATE = REPOSITORY / "tests/released/function.json.gz"
_CHANNELS = FUNCTION["notification_channels"]
_ROUTE = {"projects": ["billing-prod"], "notification_channels": _CHANNELS}
INPUTS: dict[str, Any] = {**FUNCTION, "routes": {"billing": _ROUTE}}

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder, FakeProvider() as provider:
        root = copy_module(MODULE, Path(folder), provider)
        root.apply(**INPUTS)
        STATE.write_bytes(gzip.compress(provider.state(root.directory), mtime=0))
