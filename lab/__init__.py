"""The lab: proves and reviews the alert policies against the real exporter.

Nothing of it is deployed, and the exporter doesn't know it. Imports go one way: cli →
verify, preview, review → prove → simulate → policies → emulator → filters → exporter.
"""
