"""The entry point of the Cloud Run function. It becomes ``main.py`` of the source archive."""

import os

from exporter.function import serve

run = serve(os.environ)
