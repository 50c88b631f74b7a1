"""Every Datastream stream's state, in every project and region, as Cloud Monitoring metrics.

The data's way through the package: ``datastream`` reads, ``metrics`` measures, ``monitoring``
writes; ``run`` puts the three in order and ``cli`` is what a person sees of them.
"""
