"""Scenarios, and the exporter run through them on a simulated clock."""
