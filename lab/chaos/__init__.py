"""Runs the exporter while calls fail, signals come and runs overlap, and judges it."""
