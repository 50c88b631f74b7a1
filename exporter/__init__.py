"""Writes every Datastream stream's state as Cloud Monitoring metrics.

``steps`` has a stream's way, a file for each step. ``run`` takes all locations through
it once, ``log`` says how it went. ``command`` and ``function`` start it.
"""

__version__ = "0.1.0"
PROGRAM = "datastream-exporter"
