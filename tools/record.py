"""Record the outputs of the lab that the docs show: ``python -m tools.record``.

Prometheus computes them, and ``make lint`` doesn't need Prometheus. So they are files
in docs/, and tests compare them with new outputs.
"""

from tools import dashboard, lab, lab_review

if __name__ == "__main__":
    lab.TRANSCRIPT.write_text(lab.output(*lab.SHOWN), "utf-8")
    lab_review.SHOWN.write_text(lab_review.made(), "utf-8")
    for path, text in dashboard.picture().items():
        path.write_text(text, "utf-8")
