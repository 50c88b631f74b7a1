"""The dashboard's tiles, as dashboard.tf joins them from the files of its sections."""

from __future__ import annotations

import re
from typing import Any

import yaml

from tests.terraform.terraform_cli import REPOSITORY

MODULE = REPOSITORY / "terraform"


def dashboard_tiles(name: str = "datastream-exporter") -> list[dict[str, Any]]:
    """Return every tile, placed from the dashboard's top, for a deployment's name."""
    text = (MODULE / "dashboard.tf").read_text("utf-8")
    (sections,) = re.findall(r"for section in \[(.+)\]", text)
    tiles: list[dict[str, Any]] = []
    top = 0
    for section in re.findall(r'"(\w+)"', sections):
        file = (MODULE / "dashboard" / f"{section}.yaml").read_text("utf-8")
        for tile in yaml.safe_load(file.replace("datastream-exporter", name)):
            y = top + tile.pop("yPos", 0)
            tiles.append({**tile, "yPos": y} if y else tile)
        top = max(tile.get("yPos", 0) + tile["height"] for tile in tiles)
    return tiles
