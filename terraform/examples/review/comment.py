"""Write a review into a comment on a pull request, and keep that comment up to date.

``comment.py github REVIEW.md`` needs GITHUB_REPOSITORY, PULL_REQUEST and GITHUB_TOKEN;
``comment.py gitlab REVIEW.md`` needs CI_API_V4_URL, CI_PROJECT_ID, CI_MERGE_REQUEST_IID
and REVIEW_TOKEN. It uses nothing but Python's standard library.
"""

from __future__ import annotations

import itertools
import json
import os
import sys
from pathlib import Path
from typing import Any, NamedTuple
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

MARKER = "<!-- datastream-lab review -->\n"
"""The comment's first line, which no reader sees. It says which comment to update."""

PER_PAGE = 100
TIMEOUT_SECONDS = 30


class Host(NamedTuple):
    """Where the comments are.

    Attributes:
        comments: The address that lists comments and takes new ones.
        edits: The address below which each comment has its number.
        method: The HTTP method that changes a comment.
        headers: The headers of each request.
    """

    comments: str
    edits: str
    method: str
    headers: dict[str, str]


def github() -> Host:
    """Return a pull request on GitHub: https://docs.github.com/rest/issues/comments."""
    api = os.environ.get("GITHUB_API_URL", "https://api.github.com")
    issues = f"{api}/repos/{os.environ['GITHUB_REPOSITORY']}/issues"
    headers = {
        "Accept": "application/vnd.github+json",
        "Authorization": f"Bearer {os.environ['GITHUB_TOKEN']}",
        "X-GitHub-Api-Version": "2022-11-28",
    }
    comments = f"{issues}/{os.environ['PULL_REQUEST']}/comments"
    return Host(comments, f"{issues}/comments", "PATCH", headers)


def gitlab() -> Host:
    """Return a merge request on GitLab: https://docs.gitlab.com/api/notes/."""
    project = f"{os.environ['CI_API_V4_URL']}/projects/{os.environ['CI_PROJECT_ID']}"
    notes = f"{project}/merge_requests/{os.environ['CI_MERGE_REQUEST_IID']}/notes"
    return Host(notes, notes, "PUT", {"PRIVATE-TOKEN": os.environ["REVIEW_TOKEN"]})


HOSTS = {"github": github, "gitlab": gitlab}


def put_comment(host: Host, review: str) -> str:
    """Update the review's comment, or write it; return what was done."""
    body = MARKER + review
    for page in itertools.count(1):
        found = call(host, "GET", f"{host.comments}?per_page={PER_PAGE}&page={page}")
        for comment in found:
            if comment["body"].startswith(MARKER):
                if comment["body"] == body:
                    return "The comment is up to date."
                call(host, host.method, f"{host.edits}/{comment['id']}", body)
                return "The comment is updated."
        if len(found) < PER_PAGE:
            break
    call(host, "POST", host.comments, body)
    return "The comment is written."


def call(host: Host, method: str, url: str, body: str | None = None) -> Any:
    """Call the API; return what it answers."""
    data = None if body is None else json.dumps({"body": body}).encode()
    headers = {**host.headers, "Content-Type": "application/json"}
    request = Request(url, data, headers, method=method)  # noqa: S310 - the CI's own address
    with urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310 - the request above
        return json.load(answer)


def main(arguments: list[str]) -> str | None:
    """Write the comment; return a sentence if that fails."""
    if len(arguments) != 2 or arguments[0] not in HOSTS:  # noqa: PLR2004 - a host and a file
        return f"usage: comment.py {'|'.join(HOSTS)} REVIEW.md"
    try:
        review = Path(arguments[1]).read_text("utf-8")
        sys.stderr.write(put_comment(HOSTS[arguments[0]](), review) + "\n")
    except KeyError as error:
        return f"comment.py: the variable {error.args[0]} is not set"
    except HTTPError as error:
        return f"comment.py: {error.url} answered {error.code} {error.reason}"
    except (OSError, URLError, ValueError) as error:
        return f"comment.py: the comment could not be written: {error}"
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
