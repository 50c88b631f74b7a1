"""What a notification of a policy looks like.

``notification`` fills the variables of a policy's texts, ``markup`` reads their Markdown, and
``terminal`` and ``slack`` render it; the report has its own template.
"""
