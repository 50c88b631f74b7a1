"""Filters of Cloud Logging and Cloud Monitoring: one grammar, read, evaluated and printed back."""
