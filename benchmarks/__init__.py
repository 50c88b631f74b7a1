"""Measures whole runs, and runs the function and ``watch`` for a while with faults."""
