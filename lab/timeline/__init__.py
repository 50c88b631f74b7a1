"""Timelines: the state of each stream over time, and the incidents."""
