"""Draws timelines: the state of each stream over time, and under it the policies' incidents."""
