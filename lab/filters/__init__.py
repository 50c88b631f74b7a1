"""Filters of Cloud Logging, read by one grammar and evaluated against log entries."""
