"""Measures whole runs, and lets the function and ``watch`` run for a while with faults."""
