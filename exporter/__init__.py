"""Writes every Datastream stream's state, in every project and region, as Cloud Monitoring metrics.

How a state travels: ``read`` asks Datastream, ``expectations`` compares the answer with config,
``measure`` makes samples of it, ``write`` sends them to Cloud Monitoring. ``run`` does this once for
every location, ``runs`` does it again and again; ``cli`` and ``function`` are how it is started.
"""

__version__ = "0.1.0"
