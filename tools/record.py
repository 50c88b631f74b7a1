"""Record the outputs of the lab that the docs show: ``python -m tools.record``.

Prometheus computes them, and ``make lint`` doesn't need Prometheus. So they are files
in docs/, and tests compare them with new outputs.
"""

import sys
from collections.abc import Callable
from pathlib import Path

from tools import ROOT, lab, lab_review, time_to_page

# What makes the content of each file
RECORDINGS: dict[Path, Callable[[], str]] = {
    lab.TRANSCRIPT: lambda: lab.output(*lab.SHOWN),
    time_to_page.TIMES: time_to_page.recorded,
    lab_review.SHOWN: lab_review.made,
}

if __name__ == "__main__":
    for path, made in RECORDINGS.items():
        path.write_text(made(), "utf-8")
        sys.stderr.write(f"{path.relative_to(ROOT)} is updated\n")
