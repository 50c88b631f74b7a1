"""Worlds in which something happens, and the exporter run through them on a simulated clock."""
