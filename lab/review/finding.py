"""What a review finds: how much it matters, what it is about, and a sentence."""

from dataclasses import dataclass

# An error is in bold and fails --strict; a warning is a line of the page.
ERROR, WARNING = ("error", "warning")


@dataclass(frozen=True)
class ReviewFinding:
    """Something that a plan makes worse, or that the plan doesn't show."""

    level: str  # ERROR or WARNING
    key: str  # what kind of finding it is; for programs that read --json
    sentence: str  # Markdown, without its full stop
