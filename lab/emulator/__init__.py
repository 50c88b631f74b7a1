"""Datastream and Cloud Monitoring on this machine, for demos, tests and simulation.

Google's own clients use them over an insecure channel, and get the codes and details
that Google sends. A world file defines what exists, how it changes and what goes wrong.
"""
