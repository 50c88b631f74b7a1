"""What the docs take from the code, so that they cannot fall behind it."""

from pathlib import Path

ROOT = Path(__file__).parent.parent
POLICIES = ROOT / "alerting_policies"
