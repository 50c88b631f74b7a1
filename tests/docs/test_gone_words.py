"""Words of what is gone: a removal adds its own, and so finds what still has them."""

from itertools import chain

import pytest

from tools import ROOT

GONE = (
    # Commands, keys, inputs and outputs
    "datastream-lab backtest",
    "datastream-lab list",
    "datastream-lab report",
    "datastream-lab time-to-page",
    "--html",
    "make soak",
    "`time-to-page`",
    " `longest`",
    "private_connections",
    "`task_count`",
    "of worker_pool",
    "collect_objects_schedule",
    "iam_grant_commands",
    "log_notification_channels",
    "notification_channel_display_names",
    "removed_policies",
    "scheduler_region",
    "watch_interval",
    # Metrics, events and policies
    "private_connection/",
    "location_dropped",
    "exporter-executions-failing",
    "exporter-requests-failing",
    "exporter-watching-nothing",
    "private-connection-failed",
    "source-disk-filling",
    "source-log-growing",
    "source-slot-held",
    "stream-maintenance-long",
    "stream-volume-jump",
    # Figures
    "median",
)
READ = (
    "*.md",
    "docs/*.md",
    "terraform/*.md",
    "terraform/*.tf",
    "terraform/examples/*/*.tf",
    "alerting_policies/**/*.yaml",
    "exporter/**/*.py",
    "exporter/**/*.yaml",
    "exporter/**/*.template",
    "lab/**/*.py",
)
FILES = chain.from_iterable(map(ROOT.glob, READ))
TEXTS = {path: path.read_text("utf-8") for path in FILES}


@pytest.mark.parametrize("word", GONE)
def test_nothing_speaks_of_what_is_gone(word: str) -> None:
    """No page, policy, scenario, help text or comment has the word."""
    assert [path for path, text in TEXTS.items() if word in text] == []
