"""The entry point of the Cloud Run function: ``main.py`` of its source archive."""

import os

from exporter.function import serve

run = serve(os.environ)
