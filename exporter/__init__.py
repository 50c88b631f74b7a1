"""Writes every Datastream stream's state as Cloud Monitoring metrics.

How a state travels: ``read`` asks Datastream, ``expectations`` compares the answer with
config, ``measure`` makes samples of it, ``write`` sends them to Cloud Monitoring.
``run`` does this once for every location, ``runs`` again and again; ``cli`` and
``function`` start it.
"""

__version__ = "0.1.0"
PROGRAM = "datastream-exporter"
