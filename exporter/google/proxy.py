"""Lets gRPC use the proxy that everything else uses, and refuses a malformed URL.

gRPC reads the lower-case variables alone. Of a malformed URL, gRPC and urllib3 show
parts in their errors, which can be the password.
"""

import re
from collections.abc import Mapping, MutableMapping

from exporter.documents.mistakes import InputError

_VARIABLES = ("grpc_proxy", "https_proxy", "http_proxy", "all_proxy")
_URL = re.compile(
    r"([a-z][a-z0-9]*://([\w.~!$&'()*+,;=:%-]*@)?)?"  # scheme, user and password
    r"([\w.-]+|\[[0-9a-f:.]+\])(:(?P<port>[0-9]{1,5}))?/?",
    re.ASCII | re.IGNORECASE,
)
_LARGEST_PORT = 65535


def copy_to_lower_case(environ: MutableMapping[str, str]) -> None:
    """Set https_proxy and no_proxy where only HTTPS_PROXY and NO_PROXY are set."""
    for name in ("HTTPS_PROXY", "NO_PROXY"):
        if name in environ:
            environ.setdefault(name.lower(), environ[name])


def check(environ: Mapping[str, str]) -> None:
    """Raise InputError for a variable whose value is no URL of a proxy."""
    for name, value in environ.items():
        if name.lower() not in _VARIABLES or not value:
            continue
        found = _URL.fullmatch(value)
        if found is None or int(found["port"] or 0) > _LARGEST_PORT:
            problem = (
                "is not the URL of a proxy; write it as"
                " http://user:password@proxy.example.com:3128, and percent-encode the"
                " user and the password, such as %23 for #"
            )
            raise InputError([f"environment: {name}: {problem}"])
