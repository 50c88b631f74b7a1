"""Reads the points of a project's last days, and keeps them for queries."""
