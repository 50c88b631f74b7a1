"""Datastream and Cloud Monitoring on this machine: gRPC servers for demos, tests and simulation.

Google's own clients talk to them over an insecure channel and see the codes and details
that Google sends. What exists, how it changes and what goes wrong is said by a world file.
"""
