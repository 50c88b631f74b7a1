"""Lets gRPC use the proxy that everything else uses: it reads the lower-case variables alone."""

from collections.abc import MutableMapping


def copy_to_lower_case(environ: MutableMapping[str, str]) -> None:
    """Set https_proxy and no_proxy where only HTTPS_PROXY and NO_PROXY are set."""
    for name in ("HTTPS_PROXY", "NO_PROXY"):
        if name in environ:
            environ.setdefault(name.lower(), environ[name])
