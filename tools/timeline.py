"""The picture of a timeline that README.md and docs/lab.md show."""

from threading import Event

from lab.policies.files import read_policies
from lab.prove.scenarios import play_all
from lab.timeline.charts import picture, scenario_chart
from tools.lab_backtest import scenario
from tools.policies import FOLDER, ROOT

PICTURE = ROOT / "docs" / "timeline.svg"


def svg() -> str:
    """Return the timeline of the recorded morning.

    Raises:
        NotInstalledError: Prometheus is not installed.
    """
    policies = read_policies(FOLDER)
    (result,) = play_all([scenario()], policies, Event())
    return picture(scenario_chart(result, policies))
