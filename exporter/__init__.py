"""Every Datastream stream's state, in every project and region, as Cloud Monitoring metrics.

How a state travels: ``read`` asks Datastream, ``measure`` makes samples of what it saw, ``write``
sends them to Cloud Monitoring. ``run`` is one such pass; ``cli`` is what a person sees of it, and
``function`` is one for each HTTP request. Imports go one way: cli and function → log → run → read
and write → measure → config → inputs, with gcp under read and write.
"""

__version__ = "0.1.0"
