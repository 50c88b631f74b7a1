"""Plays scenarios, evaluates policies with Prometheus, compares incidents with expectations."""
