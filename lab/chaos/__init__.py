"""Faults of the network and of Google's services, and what a run of the exporter makes of them."""
