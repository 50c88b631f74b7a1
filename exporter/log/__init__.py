"""What the exporter says while it works, to a person and to Cloud Logging."""
