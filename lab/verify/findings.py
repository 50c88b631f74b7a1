"""A question among what was verified: only a person can answer it."""

from exporter.setup.findings import Finding

YOURS = 0  # the level of a question


class Question(Finding):
    """What only a person can see."""

    grade = "yours"
