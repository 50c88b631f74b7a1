"""Plays scenarios, evaluates policies with Prometheus, and compares the incidents."""
