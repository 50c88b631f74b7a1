"""Print the JSON Schema of config.yaml, which docs/config.schema.json holds."""

from __future__ import annotations

import json
import sys

from exporter.config.reference import json_schema

json.dump(json_schema(), sys.stdout, indent=2)
sys.stdout.write("\n")
